#include "base/error.h"

#include <stdio.h>

__attribute__((format(printf, 4, 0)))
static int error_fill(struct error *e, int code, bool with_text,
		      const char *fmt, va_list ap)
{
	int n;

	assert(code > 0);
	if (!e)
		return -code;

	e->code = code;
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	if (with_text && n >= 0 && (size_t)n < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s",
			 strerror(code));
	return -code;
}

int error_set(struct error *e, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = error_fill(e, code, false, fmt, ap);
	va_end(ap);
	return r;
}

int error_sys(struct error *e, const char *fmt, ...)
{
	int code = errno ? errno : EIO;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = error_fill(e, code, true, fmt, ap);
	va_end(ap);
	return r;
}

int error_ret(struct error *e, int r, const char *fmt, ...)
{
	va_list ap;

	assert(r < 0);
	va_start(ap, fmt);
	error_fill(e, -r, true, fmt, ap);
	va_end(ap);
	return r;
}

int error_prefix(struct error *e, int r, const char *fmt, ...)
{
	char head[ERROR_MSG_MAX];
	size_t n, m;
	va_list ap;

	if (!e || r >= 0)
		return r;

	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);

	/* The root cause is at the tail: never push it out. */
	n = strlen(head);
	m = strlen(e->msg);
	if (n + 2 + m < sizeof(e->msg)) {
		memmove(e->msg + n + 2, e->msg, m + 1);
		memcpy(e->msg, head, n);
		memcpy(e->msg + n, ": ", 2);
	}
	return r;
}
