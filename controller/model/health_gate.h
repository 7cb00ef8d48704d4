#pragma once

/*
 * health_gate.h - a release whose web dynos do not come up, or crash soon, is rolled
 * back once (feature "health-gated-releases").
 *
 *   /health-gates/<app>	{version, previous, until}: the release that is watched,
 *				the last one known to be good, and the end of the
 *				watch in seconds since 1970
 *
 * Rollbacks are not watched: nothing goes back twice. While a newer release is
 * pending its outcome is awaited.
 */
#include "controller/model/change.h"

struct engine;
struct error;

enum health_verdict {
	HEALTH_WAIT,
	HEALTH_GOOD,
	HEALTH_BAD,
};

/* What is known of a release's web dynos: pure. */
struct health_facts {
	unsigned wanted, up, unknown;	/* unknown: nobody has told since a restart */
	const char *crashed;		/* the name of one, or NULL */
	bool over;			/* the watch has ended */
};

enum health_verdict health_gate_judge(const struct health_facts *f);

/* Stage that a release becomes the current one, instead of the version before: the
 * watch begins if it is to be watched, else it ends. */
int health_gate_begin(struct change *c, const struct doc *app,
		      const json_t *release, int64_t before, struct error *e);

/* Look at all that are watched; roll back. now: monotonic microseconds, real: those
 * since 1970. */
int health_gate_tick(struct engine *g, uint64_t now, uint64_t real,
		     struct error *e);
