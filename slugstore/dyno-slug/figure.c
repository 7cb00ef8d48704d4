/*
 * figure.c - units of 1024, one decimal.
 */
#include "slugstore/dyno-slug/figure.h"
#include "base/id.h"

#include <inttypes.h>
#include <stdio.h>

#define FIGURE_UNIT 1024.0
#define FIGURE_DIGITS_SHORT 16	/* enough to name it in a command */

bool figure_is_short(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

char *figure_bytes(char out[FIGURE_MAX], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes / FIGURE_UNIT;
	size_t i = 0;

	if (!figure_is_short() || bytes < (uint64_t)FIGURE_UNIT) {
		snprintf(out, FIGURE_MAX, "%" PRIu64, bytes);
		return out;
	}
	while (n >= FIGURE_UNIT && i + 1 < ARRAY_SIZE(units)) {
		n /= FIGURE_UNIT;
		i++;
	}
	snprintf(out, FIGURE_MAX, "%.1f %s", n, units[i]);
	return out;
}

char *figure_size(char out[FIGURE_MAX], uint64_t bytes)
{
	figure_bytes(out, bytes);
	if (strspn(out, "0123456789") == strlen(out))
		snprintf(out, FIGURE_MAX, "%" PRIu64 " bytes", bytes);
	return out;
}

char *figure_time(char out[FIGURE_MAX], uint64_t real_usec)
{
	if (real_usec)
		return clock_api_text(out, real_usec);
	snprintf(out, FIGURE_MAX, "never");
	return out;
}

int figure_digits(void)
{
	return figure_is_short() ? FIGURE_DIGITS_SHORT : SHA256_HEX_MAX - 1;
}
