#pragma once

/*
 * webhooks.h - who wants to be told what of an app.
 *
 *   /apps/<app>/webhooks/<id>   {id, include, level, created_at, updated_at,
 *                                private: sealed {url, secret, authorization}}
 *
 * Here a webhook is such a doc with the private members opened and in it.
 */
#include "http/json.h"

struct doc;
struct engine;
struct error;

#define WEBHOOKS_MAX 30			/* per app */
#define WEBHOOKS_TEXT_MAX 2048		/* bytes of url, secret, authorization */

/* What can be included: "api:release", ... Walk: i from 0 until NULL. */
const char *webhooks_kind(size_t i);
bool webhooks_includes(const json_t *hook, const char *kind);

/* All of an app, by id. A new array. */
int webhooks_list(struct engine *g, const char *app_id, json_t **ret,
		  struct error *e);

/* OUTCOME_NOT_FOUND. A new reference. */
int webhooks_find(struct engine *g, const char *app_id, const char *id,
		  json_t **ret, struct error *e);

/* Body: include, level, url, and maybe secret (else one is made up) and
 * authorization. Refusals: outcome.h. *ret is a new reference. */
int webhooks_create(struct engine *g, const struct doc *app, const json_t *body,
		    json_t **ret, struct error *e);
/* The same for what is in the body; hook is changed. */
int webhooks_update(struct engine *g, const struct doc *app, json_t *hook,
		    const json_t *body, struct error *e);
int webhooks_remove(struct engine *g, const struct doc *app, const json_t *hook,
		    struct error *e);
