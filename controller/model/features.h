#pragma once

/*
 * features.h - switches of an app.
 *
 *   /apps/<app>/features/<name>   {enabled, created_at, updated_at}; absent: off
 *
 * The known ones are a table; there are no others.
 */
#include "base/id.h"
#include "controller/state/doc.h"

struct engine;
struct error;

#define FEATURES_METRICS "log-runtime-metrics"
#define FEATURES_PREBOOT "preboot"
#define FEATURES_HEALTH "health-gated-releases"

struct feature {
	const char *name;
	const char *title;
	const char *doc;		/* one sentence */
	const char *state;		/* "general", or "public": shown by "labs" */
};

/* Walk: i from 0 until NULL. */
const struct feature *features_at(size_t i);

/* By name or by its fixed id, or NULL. */
const struct feature *features_find(const char *which);
/* The fixed id of a known feature, in out. */
char *features_id(char out[UUID_TEXT_MAX], const struct feature *f);

/* 1: on, 0: off. */
int features_on(struct engine *g, const char *app_id, const char *name,
		struct error *e);

/* The doc of an app's feature; ret->j is NULL if it was never switched. */
int features_get(struct engine *g, const char *app_id, const struct feature *f,
		 struct doc *ret, struct error *e);

/* Switch it; says so in the log. Metrics are logged by dynos that start later. */
int features_set(struct engine *g, const struct doc *app, const struct feature *f,
		 bool on, struct error *e);
