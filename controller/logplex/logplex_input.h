#pragma once

/*
 * logplex_input.h - a body of POST /logs into the store, all of it or nothing.
 */
#include "controller/logplex/logplex_frame.h"
#include "controller/logplex/logs.h"

/* What a token stands for. */
struct logplex_target {
	char app[40];			/* UUID */
	char source[8];			/* "app", "heroku" */
};

struct logplex_input {
	/* The token that the request came with; NULL: each frame has its own, and
	 * find tells whose it is: 0, > 0 = nobody's, < 0. */
	const struct logplex_target *target;
	int (*find)(const char *token, struct logplex_target *ret, void *userdata,
		    struct error *e);
	void *userdata;
	int64_t count;			/* Logplex-Msg-Count; -1 = not told */
	/* Lines that the sender has lost, as its headers tell: L12, L13. */
	uint64_t dropped, lost;
};

#define LOGPLEX_INPUT_MALFORMED 1
#define LOGPLEX_INPUT_COUNT 2		/* not as many frames as it says */

/* *ret_unknown: frames with tokens of nobody, which are left out. */
int logplex_input(struct logs *l, const struct logplex_input *in, const char *body,
		  size_t n, uint64_t *ret_unknown, struct error *e);
