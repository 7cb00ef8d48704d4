/*
 * record.c - find an unfinished line that holds the mark, or an unfinished
 * end of line.
 */
#include "controller/attach/record.h"

static const char mark[] = { '\xef', '\xbf', '\xbf' };

/* Where the mark, or its beginning at the very end, is; n = nowhere. */
static size_t record_find(const char *data, size_t n)
{
	const char *p = memmem(data, n, mark, sizeof(mark));

	if (p)
		return (size_t)(p - data);
	for (size_t part = sizeof(mark) - 1; part > 0; part--)
		if (n >= part && memcmp(data + n - part, mark, part) == 0)
			return n - part;
	return n;
}

static size_t record_cut_mark(const char *data, size_t n, bool hurry)
{
	size_t max = n < RECORD_MAX ? n : RECORD_MAX, at = 0;

	while (at < max) {
		size_t found = at + record_find(data + at, max - at);
		const char *end = memchr(data + found, '\n', max - found);

		if (found == max)
			return max;
		if (end) {		/* a whole line: look behind it */
			at = (size_t)(end - data) + 1;
			continue;
		}
		if (max - found > RECORD_MARKED_MAX || (hurry && found == 0))
			return max;
		return found;		/* 0: wait for the rest */
	}
	return max;
}

size_t record_cut(const char *data, size_t n, bool hurry)
{
	size_t cut = record_cut_mark(data, n, hurry);

	/* The newline is here already, or may come in a moment. */
	if (cut && data[cut - 1] == '\r' && (cut < n ? cut > 1 : !hurry))
		cut--;
	return cut;
}
