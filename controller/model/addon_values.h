#pragma once

/*
 * addon_values.h - the values of an addon, and the config vars that they become:
 * URL of what is attached as DATABASE is DATABASE_URL.
 */
#include "http/json.h"

struct engine;
struct error;

/* The caller frees. */
char *addon_values_var(const char *attachment, const char *key);

/* Check what a user gave: an object of strings, numbers, booleans, at least one.
 * *ret has keys in upper case and strings. */
int addon_values_read(const json_t *config, json_t **ret, struct error *e);
/* The same with nulls for what leaves, applied to a copy of old. */
int addon_values_merge(const json_t *old, const json_t *values, json_t **ret,
		       struct error *e);

/* Add the config vars of an attachment to a patch of the app's config. */
void addon_values_patch(json_t *patch, const char *attachment,
			const json_t *values);
/* The same as nulls. */
void addon_values_detach(json_t *patch, const char *attachment,
			 const json_t *values);
/* A new patch, unless a config var of that name is there: OUTCOME_INVALID. */
int addon_values_attach(struct engine *g, const json_t *app, const char *attachment,
			const json_t *values, json_t **ret, struct error *e);
