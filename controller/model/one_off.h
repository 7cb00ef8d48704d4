#pragma once

/*
 * one_off.h - a dyno by request: "heroku run". It runs the app's current
 * release, or another one that has not expired, beside the formation and is never
 * restarted.
 */
#include "controller/model/dynos.h"

#define ONE_OFF_COMMAND_MAX 32768
#define ONE_OFF_TIME_TO_LIVE_MAX 86400
#define ONE_OFF_INSIDE_MAX 16		/* commands inside of one dyno; its PID 1 takes no
					 * more */

struct one_off {
	const char *command;
	const char *type, *size;	/* NULL: "run", the size of web */
	const json_t *env;		/* or NULL */
	bool attach, no_tty;
	int64_t time_to_live;		/* seconds, 0: none */
	const json_t *release;		/* its number, "v7" or id; or NULL */
	const char *inside;		/* the dyno's name, set by one_off_inside() */
};

/* A name like "run.1234" that none of the dynos has; the caller frees. */
char *one_off_name(const json_t *dynos, const char *type);

/* *ret_dyno is its doc, a new reference. Refusals: outcome.h. */
int one_off_run(struct engine *g, const struct doc *app,
		const struct one_off *o, json_t **ret_dyno, struct error *e);

/* A command inside of the app's dyno target, which is in this state, always attached:
 * "heroku run:inside". Of o command, env and no_tty count. It is an entry among the
 * dynos of the app and of its host, and ends with its dyno at the latest. */
int one_off_inside(struct engine *g, const struct doc *app, const struct one_off *o,
		   const json_t *target, const char *state, json_t **ret_dyno,
		   struct error *e);
