#pragma once

/*
 * log_tokens.h - with which others write into an app's log (POST /logs).
 *
 *   /apps/<id>/log-tokens/<source>  {id, source, token: "t.<uuid>", created_at}
 *   /log-tokens/<token>             {app, source}
 *
 * There is at most one per source: "app", "heroku". It is made when it is asked
 * for; it gives nothing but to add lines.
 */
#include "controller/state/doc.h"

struct change;
struct engine;
struct error;

bool log_tokens_is_source(const char *source);

/* The token of an app's source. renew: another one, the old one is void. A new
 * reference. */
int log_tokens_get(struct engine *g, const struct doc *app, const char *source,
		   bool renew, json_t **ret, struct error *e);

/* Whose it is; *ret has app and source. OUTCOME_UNAUTHORIZED. */
int log_tokens_find(struct engine *g, const char *token, struct doc *ret,
		    struct error *e);

/* With the app. */
int log_tokens_forget(struct change *c, const char *app, struct error *e);
