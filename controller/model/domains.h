#pragma once

/*
 * domains.h - the host names of an app, beside NAME.DOMAIN.
 *
 *   /apps/<app>/domains/<id>     {id, hostname, created_at, updated_at}
 *   /domain-names/<hostname>     {app, id}	one app has it, or nobody
 */
#include "controller/model/change.h"

struct engine;
struct error;

#define DOMAINS_MAX 1000		/* per app */

/* By the order of their ids. */
int domains_list(struct engine *g, const char *app_id, struct doc_list *ret,
		 struct error *e);

/* By UUID or hostname; OUTCOME_NOT_FOUND. */
int domains_find(struct engine *g, const char *app_id, const char *which,
		 struct doc *ret, struct error *e);

/* hostname as the user wrote it. *ret: the new doc, a new reference. */
int domains_add(struct engine *g, const struct doc *app, const char *hostname,
		json_t **ret, struct error *e);

int domains_remove(struct engine *g, const struct doc *app,
		   const struct doc *domain, struct error *e);

/* Stage that the names of an app that ends are free again. */
int domains_forget(struct change *c, const char *app_id, struct error *e);
