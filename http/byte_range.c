/*
 * byte_range.c - "bytes=0-99", "bytes=100-", "bytes=-100"; entity tags.
 *
 * More than one range would need a multipart answer, which no client of ours
 * asks for: it gets the whole.
 */
#include "http/byte_range.h"

#include <strings.h>

#define BYTE_RANGE_UNIT "bytes="

/* Digits, at least one; what is too large for 64 bits is "very far". */
static bool byte_range_number(const char **s, uint64_t *ret)
{
	const char *start = *s;
	uint64_t v = 0;

	for (; **s >= '0' && **s <= '9'; (*s)++) {
		uint64_t digit = (uint64_t)(**s - '0');

		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
	}
	*ret = v;
	return *s != start;
}

static bool byte_range_at_end(const char *s)
{
	return s[strspn(s, " \t")] == '\0';
}

/* "-100": so many from the end. */
static enum byte_range_kind byte_range_suffix(const char *s, uint64_t size,
					      struct byte_range *ret)
{
	uint64_t n;

	if (!byte_range_number(&s, &n) || !byte_range_at_end(s))
		return BYTE_RANGE_WHOLE;
	if (!n || !size)
		return BYTE_RANGE_OUTSIDE;
	ret->first = n < size ? size - n : 0;
	ret->last = size - 1;
	return BYTE_RANGE_PART;
}

enum byte_range_kind byte_range_parse(const char *text, uint64_t size,
				      struct byte_range *ret)
{
	uint64_t first, last = UINT64_MAX;
	const char *s;

	if (!text || strncasecmp(text, BYTE_RANGE_UNIT, strlen(BYTE_RANGE_UNIT)))
		return BYTE_RANGE_WHOLE;
	s = text + strlen(BYTE_RANGE_UNIT);
	s += strspn(s, " \t");
	if (*s == '-')
		return byte_range_suffix(s + 1, size, ret);
	if (!byte_range_number(&s, &first) || *s++ != '-')
		return BYTE_RANGE_WHOLE;
	if (!byte_range_at_end(s) && !byte_range_number(&s, &last))
		return BYTE_RANGE_WHOLE;
	if (!byte_range_at_end(s) || first > last)
		return BYTE_RANGE_WHOLE;
	if (first >= size)
		return BYTE_RANGE_OUTSIDE;
	ret->first = first;
	ret->last = last < size ? last : size - 1;
	return BYTE_RANGE_PART;
}

/* s begins with the quoted tag; *ret_n is its length with the quotes. */
static bool byte_range_tag(const char *s, const char *tag, size_t *ret_n)
{
	size_t n = strlen(tag);

	*ret_n = n + 2;
	return s[0] == '"' && strncmp(s + 1, tag, n) == 0 && s[n + 1] == '"';
}

bool byte_range_if_range(const char *text, const char *tag)
{
	size_t n;

	if (!text)
		return true;
	text += strspn(text, " \t");
	return tag && byte_range_tag(text, tag, &n) && byte_range_at_end(text + n);
}

/* A list of tags, or "*". */
static bool byte_range_names(const char *text, const char *tag, bool weak)
{
	text += strspn(text, " \t");
	if (*text == '*' && byte_range_at_end(text + 1))
		return true;
	while (tag && *text) {
		size_t n;

		text += strspn(text, " \t,");
		if (weak && text[0] == 'W' && text[1] == '/')
			text += 2;
		if (byte_range_tag(text, tag, &n) &&
		    strchr(" \t,", text[n]))		/* or the end */
			return true;
		if (*text == '"')	/* a comma may be inside of quotes */
			text += 1 + strcspn(text + 1, "\"");
		text += strcspn(text, ",");
	}
	return false;
}

bool byte_range_if_match(const char *text, const char *tag)
{
	return !text || (tag && byte_range_names(text, tag, false));
}

bool byte_range_none_match(const char *text, const char *tag)
{
	return text && byte_range_names(text, tag, true);
}
