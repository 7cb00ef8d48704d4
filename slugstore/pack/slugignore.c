/*
 * slugignore.c - the lines of .slugignore as patterns.
 */
#include "slugstore/pack/slugignore.h"
#include "base/error.h"
#include "base/strv.h"
#include "slugstore/pack/glob.h"

#define SLUGIGNORE_BRACES_MAX 16	/* of a line */

struct slugignore {
	struct strv patterns;
	size_t n;			/* with those that braces left empty */
};

struct slugignore *slugignore_free(struct slugignore *s)
{
	if (s)
		strv_deinit(&s->patterns);
	free(s);
	return NULL;
}

/* ---- braces ---- */

/* Where the first pair is, and the commas of its own between, ends included. */
static size_t slugignore_braces(const char *p, size_t at[], size_t max)
{
	size_t n = 0, depth = 0, i;

	for (i = 0; p[i]; i++) {
		if (p[i] == '\\' && p[i + 1]) {
			i++;
		} else if (p[i] == '{') {
			if (depth++ == 0)
				at[n++] = i;
		} else if (depth && p[i] == '}') {
			if (--depth == 0) {
				at[n++] = i;
				return n;
			}
		} else if (depth == 1 && p[i] == ',' && n + 2 < max) {
			at[n++] = i;
		}
	}
	return 0;
}

/* where: what stands in front of the pattern. */
static int slugignore_add(struct slugignore *s, const char *where,
			  const char *pattern, unsigned line, struct error *e)
{
	size_t at[SLUGIGNORE_PATTERNS_MAX + 2];
	size_t n = slugignore_braces(pattern, at, ARRAY_SIZE(at));
	int r = 0;

	if (s->n >= SLUGIGNORE_PATTERNS_MAX)
		return error_set(e, EINVAL, SLUGIGNORE_NAME " line %u: more than"
				 " %d patterns", line, SLUGIGNORE_PATTERNS_MAX);
	if (n == 0) {
		s->n++;
		if (*pattern)
			strv_addf(&s->patterns, "%s%s", where, pattern);
		return 0;
	}
	for (size_t i = 0; r == 0 && i + 1 < n; i++) {
		auto_free char *one = xasprintf("%.*s%.*s%s", (int)at[0], pattern,
						(int)(at[i + 1] - at[i] - 1),
						pattern + at[i] + 1,
						pattern + at[n - 1] + 1);

		r = slugignore_add(s, where, one, line, e);
	}
	return r;
}

/* ---- lines ---- */

static int slugignore_line(struct slugignore *s, const char *p, size_t n,
			   unsigned line, struct error *e)
{
	auto_free char *pattern = NULL;
	const char *cut = memchr(p, '#', n);
	size_t braces = 0;

	if (memchr(p, '\0', n))
		return error_set(e, EINVAL, SLUGIGNORE_NAME " line %u: it holds"
				 " a NUL", line);
	if (cut)
		n = (size_t)(cut - p);
	while (n && strchr(" \t\r", *p))
		p++, n--;
	while (n && strchr(" \t\r", p[n - 1]))
		n--;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		braces += p[i] == '{';
	if (braces > SLUGIGNORE_BRACES_MAX)
		return error_set(e, EINVAL, SLUGIGNORE_NAME " line %u: more than"
				 " %d braces", line, SLUGIGNORE_BRACES_MAX);
	pattern = xstrndup(p, n);
	return slugignore_add(s, strchr(pattern, '/') ? "" : "**/", pattern, line,
			      e);
}

int slugignore_parse(const char *text, size_t n, struct slugignore **ret,
		     struct error *e)
{
	auto_(slugignore_free_p) struct slugignore *s = xcalloc(1, sizeof(*s));
	unsigned line = 1;
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; line++) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) - at : n - at;

		r = slugignore_line(s, text + at, len, line, e);
		at += len + 1;
	}
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

/* ---- questions ---- */

bool slugignore_matches(const struct slugignore *s, const char *path,
			bool is_directory)
{
	for (size_t i = 0; i < s->patterns.n; i++) {
		const char *pattern = s->patterns.v[i];

		if (!is_directory && pattern[strlen(pattern) - 1] == '/')
			continue;
		if (glob_matches(pattern, path))
			return true;
	}
	return false;
}

bool slugignore_is_dropped(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return str_eq(name, ".git") || str_eq(name, ".gitmodules") ||
	       str_eq(name, ".DS_Store") || str_after(path, "log/") ||
	       str_after(path, "tmp/");
}
