#pragma once

/*
 * snapshot.h - what an app is at a moment, and what has happened between two.
 *
 * A snapshot is {"api:dyno": {ID: the dyno as the API shows it}, ...}, with all
 * kinds that webhooks can include.
 */
#include "controller/api/views.h"

struct error;

/* *ret is a new reference. */
int snapshot_take(const struct views *v, const json_t *app, json_t **ret,
		  struct error *e);

/*
 * The difference as a new array of {"include", "action", "resource", "data",
 * "previous_data"}, in the order in which things depend on each other: "create",
 * "update" (previous_data: the members that have changed, as they were) or
 * "destroy" (data: the last that was known). Dynos of which the hosts have not
 * told yet, after a start of the controller, are not compared.
 */
json_t *snapshot_events(const json_t *old, const json_t *new);

/* Such dynos are in new as they are in old from here on, so that what has happened to
 * them meanwhile is an event when they are heard. */
void snapshot_keep_unheard(const json_t *old, json_t *new);

/* fn is called for each part of new that is not so in old, and with view NULL for each
 * of old that is not in new. It returns < 0 to end the walk; that is returned then. */
typedef int (*snapshot_part_fn)(const char *kind, const char *id, const json_t *view,
				void *userdata, struct error *e);
int snapshot_walk_changes(const json_t *old, const json_t *new, snapshot_part_fn fn,
			  void *userdata, struct error *e);
