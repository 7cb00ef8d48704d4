#pragma once

/*
 * release_switch.h - an app goes from the release that runs to another one: the
 * formation follows its slug, and all formation dynos are replaced.
 */
#include "controller/model/change.h"

struct error;

/* The version that runs, 0 if none. app: its doc. */
int64_t release_switch_current(const json_t *app);

/* Stage it: app->j is changed, and is to be put by the caller. slug: the doc of the
 * release's slug, or NULL. */
int release_switch(struct change *c, const struct doc *app, const json_t *release,
		   const json_t *slug, struct error *e);
