#pragma once

/*
 * deaths.h - the records of how dynos ended, as the hosts tell them; the newest few
 * of each name are kept as long as the app.
 *
 *   /deaths/<app>/<name>   {records: [newest, ...]}
 */
#include "controller/model/change.h"

struct engine;
struct error;

#define DEATHS_KEPT 10		/* of a name */
#define DEATHS_NAMES_MAX 500	/* of an app; one-offs have a name each */

/* Take a record. One that is there already (by its instance) changes nothing; text
 * that is none is dropped, since nobody could make it right. */
int deaths_take(struct engine *g, const char *app_id, const char *name,
		const char *text, size_t n, struct error *e);

/* Of one name, or (NULL) of all, newest first. A new reference. */
int deaths_list(struct engine *g, const char *app_id, const char *name,
		json_t **ret, struct error *e);

/* Stage the removal of all. */
int deaths_forget(struct change *c, const char *app_id, struct error *e);
