/*
 * glob.c - matching with one step back: only the last star ever has to take
 * more, both within a name and for the directories of "**". So no pattern
 * takes exponential time.
 */
#include "slugstore/pack/glob.h"

struct glob_part {
	const char *p;
	size_t n;
};

/* The next component at *s; n = 0: there is none. */
static struct glob_part glob_next(const char **s)
{
	for (;;) {
		struct glob_part part = { .p = *s, .n = strcspn(*s, "/") };

		*s += part.n;
		*s += **s == '/';
		if (part.n == 1 && *part.p == '.')
			continue;
		if (part.n || !**s)
			return part;
	}
}

static size_t glob_character(const char *p, size_t n)
{
	size_t len = 1;

	if ((unsigned char)*p >= 0xc0)
		while (len < n && len < 4 && (p[len] & 0xc0) == 0x80)
			len++;
	return len;
}

/* A character of a set, which may be escaped; 0: the set ends without "]". */
static size_t glob_set_character(const char *p, size_t n, struct glob_part *ret)
{
	size_t skip = n > 1 && *p == '\\';

	if (n <= skip)
		return 0;
	ret->p = p + skip;
	ret->n = glob_character(ret->p, n - skip);
	return skip + ret->n;
}

static int glob_compare(struct glob_part a, struct glob_part b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = memcmp(a.p, b.p, n);

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* Behind "[": its length with "]", or 0 if that is absent. */
static size_t glob_set(const char *p, size_t n, struct glob_part c, bool *ret)
{
	bool negated = n && (*p == '^' || *p == '!'), found = false;
	size_t i = negated;

	while (i < n && p[i] != ']') {
		struct glob_part from, to;
		size_t len = glob_set_character(p + i, n - i, &from);

		if (!len)
			return 0;
		i += len;
		to = from;
		if (i + 1 < n && p[i] == '-' && p[i + 1] != ']') {
			len = glob_set_character(p + i + 1, n - i - 1, &to);
			if (!len)
				return 0;
			i += 1 + len;
		}
		found |= glob_compare(from, c) <= 0 && glob_compare(c, to) <= 0;
	}
	*ret = found != negated;
	return i < n ? i + 1 : 0;
}

/* Does what begins the pattern, no star, match this character? Returns its
 * length, or 0. */
static size_t glob_one(struct glob_part pat, struct glob_part c, bool dot)
{
	bool in = false;
	size_t len;

	if (*pat.p == '?')
		return dot ? 0 : 1;
	if (*pat.p == '[') {
		len = glob_set(pat.p + 1, pat.n - 1, c, &in);
		return len && in && !dot ? 1 + len : 0;
	}
	if (*pat.p == '\\' && pat.n > 1)
		return pat.p[1] == *c.p ? 2 : 0;
	return *pat.p == *c.p ? 1 : 0;
}

static bool glob_is_literal(struct glob_part pat)
{
	return *pat.p != '?' && *pat.p != '[';
}

static bool glob_name(struct glob_part pat, struct glob_part name)
{
	size_t i = 0, j = 0, star = SIZE_MAX, star_i = 0;

	while (i < name.n) {
		const struct glob_part rest = { pat.p + j, pat.n - j };
		struct glob_part c = { name.p + i, 1 };
		bool dot = i == 0 && *name.p == '.';
		size_t len;

		if (rest.n && *rest.p == '*') {
			if (dot)
				return false;
			star = ++j;
			star_i = i;
			continue;
		}
		if (rest.n && !glob_is_literal(rest))
			c.n = glob_character(c.p, name.n - i);
		len = rest.n ? glob_one(rest, c, dot) : 0;
		if (len) {
			i += c.n;
			j += len;
		} else if (star != SIZE_MAX) {
			star_i += glob_character(name.p + star_i,
						 name.n - star_i);
			i = star_i;
			j = star;
		} else {
			return false;
		}
	}
	while (j < pat.n && pat.p[j] == '*')
		j++;
	return j == pat.n;
}

/* "**" with something behind it. */
static bool glob_is_deep(struct glob_part part, const char *rest)
{
	return part.n == 2 && memcmp(part.p, "**", 2) == 0 &&
	       glob_next(&rest).n > 0;
}

bool glob_matches(const char *pattern, const char *path)
{
	const char *deep = NULL, *deep_path = NULL;

	for (;;) {
		const char *pattern_rest = pattern, *path_rest = path;
		struct glob_part pat = glob_next(&pattern_rest);
		struct glob_part name = glob_next(&path_rest);

		if (pat.n && glob_is_deep(pat, pattern_rest)) {
			pattern = deep = pattern_rest;
			deep_path = path;
			continue;
		}
		if (!name.n && !pat.n)
			return true;
		if (name.n && pat.n && glob_name(pat, name)) {
			pattern = pattern_rest;
			path = path_rest;
			continue;
		}
		if (!deep || !name.n)
			return false;
		name = glob_next(&deep_path);
		if (!name.n || *name.p == '.')
			return false;
		pattern = deep;
		path = deep_path;
	}
}
