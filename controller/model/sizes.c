/*
 * sizes.c - the table of dyno sizes.
 */
#include "base/buf.h"
#include "controller/model/sizes.h"

#include <strings.h>

#define MIB (1024ULL * 1024)
#define GIB (1024 * MIB)

static const struct size sizes[] = {
	/* name              memory     max        pids  shares cpus type one-off one sleeps */
	{ "Eco",               512 * MIB,   1 * GIB,   256,   256,  1,  0,  1, true, true },
	{ "Basic",             512 * MIB,   1 * GIB,   256,   256,  1,  0, 50, true, false },
	{ "Standard-1X",       512 * MIB,   1 * GIB,   256,   256,  1,  0, 50, false, false },
	{ "Standard-2X",         1 * GIB,   2 * GIB,   512,   512,  2,  0, 50, false, false },
	{ "Performance-M",    2560 * MIB,   5 * GIB, 16384,  3072,  2, 10,  5, false, false },
	{ "Performance-L",      14 * GIB,  28 * GIB, 32768, 12800,  8, 10,  5, false, false },
	{ "Performance-L-RAM",  30 * GIB,  36 * GIB, 24576,  6144,  4, 10,  5, false, false },
	{ "Performance-XL",     62 * GIB,  74 * GIB, 32768, 12800,  8, 10,  5, false, false },
	{ "Performance-2XL",   126 * GIB, 151 * GIB, 65536, 25600, 16, 10,  5, false, false },
};

static const struct {
	const char *old, *name;
} aliases[] = {
	{ "1X", "Standard-1X" }, { "2X", "Standard-2X" },
};

const struct size *sizes_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcasecmp(name, aliases[i].old) == 0)
			name = aliases[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (strcasecmp(name, sizes[i].name) == 0)
			return &sizes[i];
	return NULL;
}

const struct size *sizes_at(size_t i)
{
	return i < ARRAY_SIZE(sizes) ? &sizes[i] : NULL;
}

char *sizes_names(void)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		buf_addf(&b, "%s%s", i ? ", " : "", sizes[i].name);
	return buf_take(&b);
}
