#pragma once

/*
 * preboot.h - new web dynos start beside the old ones, which keep the traffic for a
 * while (feature "preboot").
 *
 *   dyno.retiring	"serving": an old dyno to which the routes still lead;
 *			"leaving": they lead to the new ones, it stops soon
 *   /preboots/<app>	{until, latest, drop}: seconds since 1970; from until on the
 *			routes change as soon as all new ones are up, at latest in
 *			any case; at drop the old ones stop
 *
 * A release that comes meanwhile replaces the new ones, which nobody has seen yet; the
 * old ones serve on, and the time begins anew.
 */
#include "controller/model/change.h"

struct engine;
struct error;

/* A release replaces the dynos: *ret_beside tells whether the web dynos that are
 * replaced shall retire. Stages the time, and the end of those that retire already
 * if they shall not any more. */
int preboot_begin(struct change *c, const char *app_id, const json_t *formation,
		  bool *ret_beside, struct error *e);

/* Stage that a dyno retires. */
void preboot_retire(struct change *c, const char *app_id, const json_t *dyno);

/* Where the routes lead, of all dynos of an app (dynos_list_all()): whether to the
 * old ones. They do not when none of these is up. now: monotonic microseconds. */
bool preboot_is_serving(struct engine *g, const json_t *dynos, uint64_t now);

/* Change routes and end dynos whose time has come. now: monotonic microseconds,
 * real: those since 1970. */
int preboot_tick(struct engine *g, uint64_t now, uint64_t real, struct error *e);
