/*
 * entry_quote.c - names that strangers chose, in messages that people read on
 * a terminal.
 */
#include "slugstore/unpack/entry.h"

/* The bytes of the character at s and its number; 0 bytes: none. */
static size_t quote_decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 :
		   *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
	uint32_t c = n == 1 ? *s : *s & (0x7fU >> n);

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)	/* also the end of the string */
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (n == 0 || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

static bool quote_is_shown(uint32_t c)
{
	static const struct { uint32_t from, to; } hidden[] = {
		{ 0, 0x1f }, { '"', '"' }, { 0x7f, 0x9f }, { 0xad, 0xad },
		{ 0x61c, 0x61c }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
		{ 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (c >= hidden[i].from && c <= hidden[i].to)
			return false;
	return true;
}

char *entry_quote(char out[ENTRY_QUOTE_MAX], const char *name)
{
	const size_t room = ENTRY_QUOTE_MAX - 4;	/* for "..." and NUL */
	const unsigned char *s = (const unsigned char *)name;
	size_t len = 0;
	uint32_t c;

	while (*s) {
		size_t n = quote_decode(s, &c);
		bool shown = n > 0 && quote_is_shown(c);

		if (len + (shown ? n : 1) > room)
			break;
		memcpy(out + len, shown ? (const char *)s : "?", shown ? n : 1);
		len += shown ? n : 1;
		s += n ? n : 1;
	}
	memcpy(out + len, *s ? "..." : "", *s ? 4 : 1);
	return out;
}

void entry_quote_text(char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;

	while (*s) {
		size_t n = quote_decode(s, &c);

		if (n > 0 && (c == '"' || quote_is_shown(c))) {
			memmove(text, s, n);
			text += n;
		} else {
			*text++ = '?';
		}
		s += n ? n : 1;
	}
	*text = '\0';
}
