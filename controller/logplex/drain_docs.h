#pragma once

/*
 * drain_docs.h - the drains of apps as they are kept in the state.
 *
 *   /apps/<app>/drains/<id>  {id, token, url, after, created_at, updated_at}
 *
 * url is sealed: it may hold a password. after: the newest line of the app when the
 * drain was made.
 */
#include "controller/state/doc.h"

struct drain_networks;
struct engine;
struct error;

#define DRAIN_DOCS_MAX 5		/* of an app */

/* Docs come with the URL opened. */
int drain_docs_list(struct engine *g, const char *app_id, struct doc_list *ret,
		    struct error *e);

/* By id, token or URL. OUTCOME_NO_DRAIN. */
int drain_docs_find(struct engine *g, const char *app_id, const char *which,
		    struct doc *ret, struct error *e);

/* *ret: a new reference to the doc, URL open. OUTCOME_INVALID: the URL leads
 * nowhere, or may not be reached, or there are five; OUTCOME_CONFLICT: it is
 * there. */
int drain_docs_add(struct engine *g, const struct doc *app, const char *url,
		   const struct drain_networks *networks, json_t **ret,
		   struct error *e);

/* Another URL for it; d is changed. Refusals as above. */
int drain_docs_set_url(struct engine *g, const struct doc *app, struct doc *d,
		       const char *url, const struct drain_networks *networks,
		       struct error *e);

int drain_docs_remove(struct engine *g, const struct doc *d, struct error *e);
