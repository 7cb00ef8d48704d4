#pragma once

/*
 * config_vars.h - what a PATCH of config vars makes of an app's config.
 */
#include "http/json.h"

struct error;

#define CONFIG_VARS_BYTES_MAX (64 * 1024)	/* keys and values together */

struct config_vars_change {
	json_t *vars;			/* the whole new config, a new reference */
	char *description;		/* "Set A, B config vars"; NULL: nothing
					 * changes */
};

/* patch maps keys to strings, or to null (remove). Refusals: outcome.h. */
int config_vars_apply(const json_t *vars, const json_t *patch,
		      struct config_vars_change *ret, struct error *e);
void config_vars_deinit(struct config_vars_change *c);

/* Check the env of a one-off: values may be strings, numbers or booleans.
 * *ret has strings only. */
int config_vars_env(const json_t *env, json_t **ret, struct error *e);
