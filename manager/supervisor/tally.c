/* tally.c - the lines say the codes, so what is counted is what was said. */
#include "manager/supervisor/tally.h"

#include <ctype.h>

const unsigned tally_codes[] = { 10, 12, 13, 14, 15, 16, 17, 99, 0 };

void tally_line(struct tally *t, const char *line)
{
	const char *s = str_after(line, "Error R");

	if (s && isdigit((unsigned char)s[0]) && isdigit((unsigned char)s[1]) &&
	    s[2] == ' ')
		t->codes[(s[0] - '0') * 10 + (s[1] - '0')]++;
}
