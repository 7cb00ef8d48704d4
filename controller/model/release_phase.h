#pragma once

/*
 * release_phase.h - the command "release" of a slug runs before its dynos do.
 *
 *   app.pending			versions that wait, the first one's turn is now
 *   /release-phases/<app>	{version, release, dyno, name, from, deadline}: as
 *				long as the queue is not empty; without a dyno
 *				nothing runs for the first one yet
 *
 * A release whose slug declares the type is pending while a one-off
 * "release.<number>" runs the command on its slug and config. If it exits with 0 the
 * release succeeds, and the formation follows it; else it fails, and nothing else
 * changes. Releases that come meanwhile queue: a command is never cut short by
 * another release. Each step is a transaction of its own, which the next tick
 * repeats if the controller did not come so far.
 */
#include "controller/model/change.h"

struct engine;
struct error;

#define RELEASE_PHASE_QUEUE_MAX 20	/* pending releases of an app */

/* The command that a slug declares, or NULL. slug may be NULL. */
const char *release_phase_command(const json_t *slug);

/* Whether releases of the app are pending. */
bool release_phase_is_busy(const json_t *app);

/* Stage a new release as pending, the dyno too if it is the first one. app->j
 * changes; the caller puts it and the release. OUTCOME_UNAVAILABLE: too many. */
int release_phase_queue(struct change *c, const struct doc *app, json_t *release,
			const json_t *slug, struct error *e);

/* The one-off of this phase has ended, or is to end now; reason NULL: by itself.
 * exit_status < 0: it has none. */
int release_phase_end(struct engine *g, const char *app_id, const json_t *dyno,
		      int64_t exit_status, const char *reason, struct error *e);

/* Take the next step of every queue: what a restart has interrupted, dynos that are
 * gone, and those that are over their time at now (microseconds since 1970). */
int release_phase_tick(struct engine *g, uint64_t now, struct error *e);
