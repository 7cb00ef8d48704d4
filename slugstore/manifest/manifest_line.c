/*
 * manifest_line.c - the grammar. Who reads takes what who writes would have
 * written, byte for byte, and nothing else.
 */
#include "base/buf.h"
#include "slugstore/manifest/manifest_line.h"

#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#define MANIFEST_NSEC_DIGITS 9
#define MANIFEST_MODE_DIGITS 4
#define MANIFEST_MODE_MASK 01777	/* no setuid, no setgid */

/* ---- writing ---- */

static bool manifest_line_is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '\\';
}

static void manifest_line_add_name(struct buf *out, const char *name)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(name);
	char *p;

	buf_reserve(out, 3 * n);
	p = out->data + out->len;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (manifest_line_is_plain(c)) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '\\';
		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
	}
	out->len = (size_t)(p - out->data);
	*p = '\0';
}

static void manifest_line_add_mtime(struct buf *out, const struct timespec *t)
{
	if (t->tv_nsec == UTIME_OMIT)
		buf_adds(out, "- ");
	else
		buf_addf(out, "%jd.%09ld ", (intmax_t)t->tv_sec, t->tv_nsec);
}

static bool manifest_line_is_path(const char *path);

void manifest_line_add(struct buf *out, const struct manifest_entry *en)
{
	bool is_link = en->type == MANIFEST_SYMLINK ||
		       en->type == MANIFEST_HARDLINK;

	assert(manifest_line_is_path(en->path));
	assert((en->mode & 07777 & ~MANIFEST_MODE_MASK) == 0);
	buf_adds(out, (const char *const[]){ "d ", "f ", "l ", "h " }[en->type]);
	if (!is_link)
		buf_addf(out, "%04o ", (unsigned)en->mode & MANIFEST_MODE_MASK);
	if (en->type != MANIFEST_HARDLINK)
		manifest_line_add_mtime(out, &en->mtime);
	if (en->type == MANIFEST_FILE) {
		assert(id_is_sha256(en->sha256));
		buf_addf(out, "%" PRIu64 " %s ", en->size, en->sha256);
	}
	manifest_line_add_name(out, en->path);
	if (is_link) {
		assert(*en->target && strlen(en->target) <= MANIFEST_PATH_MAX);
		buf_adds(out, " ");
		manifest_line_add_name(out, en->target);
	}
	buf_adds(out, "\n");
}

/* ---- reading: each takes its field off the front of the text ---- */

struct manifest_text {
	const char *p, *end;
};

static bool manifest_line_skip(struct manifest_text *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

/* Digits without a superfluous zero in front. */
static bool manifest_line_number(struct manifest_text *t, uint64_t max,
				 uint64_t *ret)
{
	const char *from = t->p;
	uint64_t v = 0;

	for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++) {
		unsigned digit = (unsigned)(*t->p - '0');

		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return t->p > from && (*from != '0' || t->p == from + 1);
}

static bool manifest_line_fixed(struct manifest_text *t, int n, unsigned base,
				uint64_t *ret)
{
	uint64_t v = 0;

	for (; n > 0; n--, t->p++) {
		if (t->p == t->end || *t->p < '0' ||
		    (unsigned)(*t->p - '0') >= base)
			return false;
		v = v * base + (unsigned)(*t->p - '0');
	}
	*ret = v;
	return true;
}

static bool manifest_line_mtime(struct manifest_text *t, struct timespec *ret)
{
	bool minus = manifest_line_skip(t, '-');
	uint64_t sec, nsec;

	if (minus && manifest_line_skip(t, ' ')) {
		*ret = (struct timespec){ .tv_nsec = UTIME_OMIT };
		return true;
	}
	/* The least number has no positive counterpart. */
	if (!manifest_line_number(t, (uint64_t)INT64_MAX + minus, &sec) ||
	    !manifest_line_skip(t, '.') ||
	    !manifest_line_fixed(t, MANIFEST_NSEC_DIGITS, 10, &nsec) ||
	    (minus && sec == 0))
		return false;
	*ret = (struct timespec){
		.tv_sec = (time_t)(minus ? -sec : sec), .tv_nsec = (long)nsec,
	};
	return manifest_line_skip(t, ' ');
}

static int manifest_line_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to a space or the end. */
static bool manifest_line_name(struct manifest_text *t,
			       char ret[MANIFEST_PATH_MAX + 1])
{
	size_t n = 0;

	for (; t->p < t->end && *t->p != ' '; t->p++) {
		int c = (unsigned char)*t->p;

		if (c == '\\') {
			int high, low;

			if (t->end - t->p < 3)
				return false;
			high = manifest_line_digit(t->p[1]);
			low = manifest_line_digit(t->p[2]);
			c = high * 16 + low;
			if (high < 0 || low < 0 || c == 0 ||
			    manifest_line_is_plain((unsigned char)c))
				return false;
			t->p += 2;
		} else if (!manifest_line_is_plain((unsigned char)c)) {
			return false;
		}
		if (n == MANIFEST_PATH_MAX)
			return false;
		ret[n++] = (char)c;
	}
	ret[n] = '\0';
	return n > 0;
}

/* "app", or below it by names which are names. */
static bool manifest_line_is_path(const char *path)
{
	const char *p = str_after(path, "app");

	if (!p || strlen(path) > MANIFEST_PATH_MAX)
		return false;
	while (*p == '/') {
		size_t n = strcspn(++p, "/");

		if (n == 0 || n > NAME_MAX || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
	}
	return *p == '\0';
}

static const char *manifest_line_content(struct manifest_line *l,
					 struct manifest_text *t)
{
	if (!manifest_line_number(t, INT64_MAX, &l->entry.size) ||
	    !manifest_line_skip(t, ' '))
		return "bad size";
	if (t->end - t->p < SHA256_HEX_MAX)
		return "bad digest";
	memcpy(l->sha256, t->p, SHA256_HEX_MAX - 1);
	l->sha256[SHA256_HEX_MAX - 1] = '\0';
	t->p += SHA256_HEX_MAX - 1;
	if (!id_is_sha256(l->sha256) || !manifest_line_skip(t, ' '))
		return "bad digest";
	l->entry.sha256 = l->sha256;
	return NULL;
}

static const char *manifest_line_names(struct manifest_line *l,
				       struct manifest_text *t, bool has_target)
{
	if (!manifest_line_name(t, l->path) || !manifest_line_is_path(l->path))
		return "bad path";
	l->entry.path = l->path;
	if (str_eq(l->path, "app") && l->entry.type != MANIFEST_DIRECTORY)
		return "app is not a directory";
	if (has_target) {
		if (!manifest_line_skip(t, ' ') ||
		    !manifest_line_name(t, l->target))
			return "bad target";
		l->entry.target = l->target;
	}
	if (l->entry.type == MANIFEST_HARDLINK &&
	    !manifest_line_is_path(l->target))
		return "bad target";
	return t->p == t->end ? NULL : "something follows";
}

const char *manifest_line_parse(struct manifest_line *ret, const char *text,
				size_t n)
{
	static const char types[] = "dflh";
	struct manifest_text t = { text, text + n };
	const char *type = n >= 2 && text[1] == ' ' && text[0]
			   ? strchr(types, text[0]) : NULL;
	bool is_link, is_hard;
	const char *bad = NULL;
	uint64_t mode = 0;

	if (!type)
		return "unknown kind of line";
	t.p += 2;
	ret->entry = (struct manifest_entry){
		.type = (enum manifest_type)(type - types),
	};
	is_hard = ret->entry.type == MANIFEST_HARDLINK;
	is_link = is_hard || ret->entry.type == MANIFEST_SYMLINK;
	if (!is_link && (!manifest_line_fixed(&t, MANIFEST_MODE_DIGITS, 8, &mode)
			 || (mode & ~(uint64_t)MANIFEST_MODE_MASK) ||
			 !manifest_line_skip(&t, ' ')))
		return "bad mode";
	ret->entry.mode = (mode_t)mode;
	if (!is_hard && !manifest_line_mtime(&t, &ret->entry.mtime))
		return "bad time";
	if (ret->entry.type == MANIFEST_FILE)
		bad = manifest_line_content(ret, &t);
	return bad ? bad : manifest_line_names(ret, &t, is_link);
}
