/*
 * log_frames.c - LEN SP SEQ SP USEC SP APP SP SOURCE SP PS SP MESSAGE.
 */
#include "base/error.h"
#include "base/id.h"
#include "controller/logplex/log_frames.h"

#define NUMBER_DIGITS_MAX 18

static int log_frames_number(const char **p, const char *end, uint64_t *ret)
{
	uint64_t n = 0;
	int digits = 0;

	while (*p < end && **p >= '0' && **p <= '9') {
		if (++digits > NUMBER_DIGITS_MAX)
			return -1;
		n = n * 10 + (uint64_t)(*(*p)++ - '0');
	}
	if (digits == 0 || *p == end || **p != ' ')
		return -1;
	(*p)++;
	*ret = n;
	return 0;
}

static int log_frames_word(const char **p, const char *end, char *out, size_t max)
{
	const char *sp = memchr(*p, ' ', (size_t)(end - *p));
	size_t n;

	if (!sp || sp == *p || (size_t)(sp - *p) >= max)
		return -1;
	n = (size_t)(sp - *p);
	/* It goes into the heads of lines and events as it is. */
	for (size_t i = 0; i < n; i++)
		if ((*p)[i] <= ' ' || (*p)[i] == 0x7f)
			return -1;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p = sp + 1;
	return 0;
}

static const char *log_frames_body(const char *p, const char *end,
				   struct log_frame *f)
{
	if (log_frames_number(&p, end, &f->seq) < 0 || f->seq == 0)
		return "the sequence number is wrong";
	if (log_frames_number(&p, end, &f->line.usec) < 0)
		return "the time is wrong";
	if (log_frames_word(&p, end, f->app, sizeof(f->app)) < 0 ||
	    !id_is_uuid(f->app))
		return "the app is not a UUID";
	if (log_frames_word(&p, end, f->source, sizeof(f->source)) < 0 ||
	    (!str_eq(f->source, "app") && !str_eq(f->source, "heroku") &&
	     !str_eq(f->source, "death") && !str_eq(f->source, "loss")))
		return "the source is neither app nor heroku, death nor loss";
	if (log_frames_word(&p, end, f->ps, sizeof(f->ps)) < 0)
		return "the process name is wrong";
	if (end - p > LOG_STORE_MESSAGE_MAX)
		return "the message is too long";
	if (memchr(p, '\n', (size_t)(end - p)))
		return "the message holds a newline";
	f->line.message = p;
	f->line.message_len = (size_t)(end - p);
	return NULL;
}

int log_frames_next(const char **p, const char *end, struct log_frame *ret,
		    struct error *e)
{
	const char *wrong;
	uint64_t len;

	if (*p == end)
		return LOG_FRAMES_END;
	if (log_frames_number(p, end, &len) < 0 || len > (uint64_t)(end - *p))
		return error_set(e, EBADMSG, "log frame: the length is wrong");
	wrong = log_frames_body(*p, *p + len, ret);
	if (wrong)
		return error_set(e, EBADMSG, "log frame: %s", wrong);
	ret->line.app = ret->app;
	ret->line.source = ret->source;
	ret->line.ps = ret->ps;
	*p += len;
	return 0;
}
