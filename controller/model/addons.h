#pragma once

/*
 * addons.h - external resources of an app: names, and values that are config vars
 * as long as the resource is attached.
 *
 *   /apps/<app>/addons/<id>        {id, name, service, plan, values: sealed {KEY: text},
 *                                   created_at, updated_at}
 *   /apps/<app>/attachments/<id>   {id, name, addon, created_at, updated_at}
 *   /addon-index/<name or id>      {app, addon}	also of an attachment's id
 *
 * Attached as DATABASE, the value URL is the config var DATABASE_URL. Each change is
 * a release. Here an addon is such a doc with its values opened and "attachments", an
 * array of their docs.
 */
#include "base/id.h"
#include "controller/model/change.h"

struct engine;
struct error;

#define ADDONS_MAX 100			/* per app */
#define ADDONS_ATTACHMENTS_MAX 20	/* per addon */
#define ADDONS_NAME_MAX 64

struct addons_new {
	const char *plan;		/* "service" or "service:plan" */
	const char *name;		/* NULL: made up */
	const char *attachment;		/* NULL: from the service */
	const json_t *config;		/* values; keys in any case */
};

/* New references. */
int addons_list(struct engine *g, const char *app_id, json_t **ret,
		struct error *e);
/* By name or id. OUTCOME_NOT_FOUND. */
int addons_find(struct engine *g, const char *app_id, const char *which,
		json_t **ret, struct error *e);
/* The app of an addon (by name or id) or of an attachment (by id), and the
 * addon's id. OUTCOME_NOT_FOUND. */
int addons_locate(struct engine *g, const char *which, struct doc *ret_app,
		  char ret_addon[UUID_TEXT_MAX], struct error *e);

/* Which of its attachments: by name or id; borrowed, or NULL. */
const json_t *addons_attachment(const json_t *addon, const char *which);
/* The names of its config vars: a new array. */
json_t *addons_vars(const json_t *addon);

/* Refusals: outcome.h. app->j is changed. */
int addons_create(struct engine *g, const struct doc *app,
		  const struct addons_new *spec, json_t **ret, struct error *e);
int addons_destroy(struct engine *g, const struct doc *app, const json_t *addon,
		   struct error *e);
/* name NULL: made from the service's. *ret: the attachment. */
int addons_attach(struct engine *g, const struct doc *app, const json_t *addon,
		  const char *name, json_t **ret, struct error *e);
/* The last one stays as long as the addon. */
int addons_detach(struct engine *g, const struct doc *app, const json_t *addon,
		  const json_t *attachment, struct error *e);
/* values: KEY to text, or to null (remove); those that are not in it stay. */
int addons_set_values(struct engine *g, const struct doc *app,
		      const json_t *addon, const json_t *values, struct error *e);

/* Refuse a change of config vars that are those of attachments. */
int addons_check_patch(struct engine *g, const char *app_id, const json_t *patch,
		       struct error *e);

/* Stage that the names of an app that ends are free again. */
int addons_forget(struct change *c, const char *app_id, struct error *e);
