/*
 * oci_refuse.c - paths, and quoting what strangers wrote.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/oci/oci_refuse.h"

#include <ctype.h>
#include <stdio.h>

static bool name_is_plain(const char *s)
{
	if (!*s || strlen(s) > 64)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
			return false;
	return true;
}

static void at_text(const struct oci_at *at, struct buf *b)
{
	if (!at)
		return;
	at_text(at->up, b);
	if (!at->name)
		buf_addf(b, "[%zu]", at->index);
	else if (!name_is_plain(at->name))
		buf_addf(b, "[%s]", oci_refuse_quote(at->name).text);
	else
		buf_addf(b, "%s%s", b->len > 0 ? "." : "", at->name);
}

static int refuse_at(const struct oci_reader *r, const struct oci_at *at,
		     const char *fmt, va_list ap)
{
	auto_free char *what = xvasprintf(fmt, ap);
	auto_buf path = BUF_INIT;

	at_text(at, &path);
	return error_set(r->e, EINVAL, "%s%s%s", buf_str(&path),
			 path.len > 0 ? ": " : "", what);
}

int oci_refuse(const struct oci_reader *r, const struct oci_at *at,
	       const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = refuse_at(r, at, fmt, ap);
	va_end(ap);
	return ret;
}

int oci_refuse_member(const struct oci_reader *r, const struct oci_at *at,
		      const char *name, const char *fmt, ...)
{
	const struct oci_at member = { .up = at, .name = name };
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = refuse_at(r, &member, fmt, ap);
	va_end(ap);
	return ret;
}

struct oci_quoted oci_refuse_quote(const char *s)
{
	struct oci_quoted q = { "\"" };
	const size_t room = sizeof(q.text) - sizeof("\"...\"");
	size_t n = strnlen(s, room), o = 1;

	/* Not in the middle of a character. */
	if (n == room)
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		q.text[o++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	snprintf(q.text + o, sizeof(q.text) - o, s[n] ? "...\"" : "\"");
	return q;
}
