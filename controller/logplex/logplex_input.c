/*
 * logplex_input.c - looked through once before anything is stored.
 */
#include "base/clock.h"
#include "base/error.h"
#include "controller/logplex/logplex_input.h"

#include <stdio.h>

#define SHUTTLE "log-shuttle"		/* as which shippers tell of losses */

struct logplex_batch {
	struct log_store *store;
	const struct logplex_input *in;
	char token[LOGPLEX_TOKEN_MAX];	/* the last one that was looked for, */
	struct logplex_target target;	/* whose it is, */
	bool known;			/* if anybody's */
	uint64_t now, unknown;
	bool told_dropped, told_lost;	/* by lines of their own */
};

static int logplex_input_check(const struct logplex_input *in, const char *p,
			       const char *end)
{
	struct logplex_frame f;
	int64_t count = 0;
	int r;

	while ((r = logplex_frame_next(&p, end, &f)) == 0)
		count++;
	if (r == LOGPLEX_FRAME_MALFORMED)
		return LOGPLEX_INPUT_MALFORMED;
	if (in->count >= 0 && in->count != count)
		return LOGPLEX_INPUT_COUNT;
	/* Logplex takes such a rest for the begin of what never comes. */
	return r == LOGPLEX_FRAME_SHORT ? LOGPLEX_INPUT_MALFORMED : 0;
}

/* 1 = nobody's */
static int logplex_batch_target(struct logplex_batch *b,
				const struct logplex_frame *f,
				const struct logplex_target **ret, struct error *e)
{
	int r;

	*ret = b->in->target ? b->in->target : &b->target;
	if (b->in->target)
		return 0;
	if (!str_eq(b->token, f->token) || !*b->token) {
		r = b->in->find(f->token, &b->target, b->in->userdata, e);
		if (r < 0)
			return r;
		b->known = r == 0;
		snprintf(b->token, sizeof(b->token), "%s", f->token);
	}
	return b->known ? 0 : 1;
}

static bool logplex_begins(const struct logplex_frame *f, const char *text)
{
	size_t n = strlen(text);

	return f->message_len >= n && memcmp(f->message, text, n) == 0;
}

static int logplex_batch_frame(struct logplex_batch *b,
			       const struct logplex_frame *f, struct error *e)
{
	struct log_line line = {
		.usec = f->usec ? f->usec : b->now, .ps = f->ps,
	};
	const struct logplex_target *target;
	const char *p = NULL;
	int r = logplex_batch_target(b, f, &target, e);

	if (r > 0)
		b->unknown++;
	if (r != 0)
		return r < 0 ? r : 0;
	line.app = target->app;
	line.source = target->source;
	if (str_eq(f->ps, SHUTTLE)) {
		b->told_dropped |= logplex_begins(f, "Error L12");
		b->told_lost |= logplex_begins(f, "Error L13");
	}
	while (r == 0 && logplex_frame_line(f, &p, LOG_STORE_MESSAGE_MAX,
					    &line.message, &line.message_len))
		r = log_store_add(b->store, &line, e);
	return r;
}

static int logplex_batch_loss(struct logplex_batch *b, uint64_t n, bool told,
			      const char *error, const char *word, struct error *e)
{
	const struct logplex_target *target = b->in->target;
	char since[CLOCK_TEXT_MAX], text[128];
	struct log_line line = { .usec = b->now, .ps = SHUTTLE, .message = text };
	int r;

	if (n == 0 || !target)
		return 0;
	r = log_store_lost(b->store, target->app, target->source, SHUTTLE, n, e);
	if (r < 0 || told)
		return r;
	clock_log_text(since, b->now);
	line.app = target->app;
	line.source = target->source;
	line.message_len = (size_t)snprintf(text, sizeof(text),
		"Error %s: %llu messages %s since %.19s+00:00.", error,
		(unsigned long long)n, word, since);
	return log_store_add(b->store, &line, e);
}

static int logplex_batch_store(struct logplex_batch *b, const char *p,
			       const char *end, struct error *e)
{
	struct logplex_frame f;
	int r = log_store_begin(b->store, e);

	while (r == 0 && logplex_frame_next(&p, end, &f) == 0)
		r = logplex_batch_frame(b, &f, e);
	if (r == 0)
		r = logplex_batch_loss(b, b->in->dropped, b->told_dropped, "L12",
				       "dropped", e);
	if (r == 0)
		r = logplex_batch_loss(b, b->in->lost, b->told_lost, "L13", "lost",
				       e);
	if (r == 0)
		r = log_store_commit(b->store, e);
	if (r < 0)
		log_store_rollback(b->store);
	return r;
}

int logplex_input(struct logs *l, const struct logplex_input *in, const char *body,
		  size_t n, uint64_t *ret_unknown, struct error *e)
{
	struct logplex_batch b = {
		.store = logs_store(l), .in = in, .now = clock_real_usec(),
	};
	int r = logplex_input_check(in, body, body + n);

	if (r == 0)
		r = logplex_batch_store(&b, body, body + n, e);
	if (r != 0)
		return r;
	logs_show(l);
	*ret_unknown = b.unknown;
	return 0;
}
