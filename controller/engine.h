#pragma once

/*
 * engine.h - the controller's middle: state, lines, live reports, settings.
 *
 * Below it are pure rules (formation, config_vars, dyno_plan, ...), above it
 * the edges (API, upstream, router feed). It knows no HTTP.
 */
#include "controller/access/principal.h"
#include "controller/state/doc.h"

struct controller_conf;
struct error;
struct live;
struct logs;
struct outputs;
struct seats;
struct slug_storage;
struct store;
struct vault;

struct engine {
	const struct controller_conf *conf;	/* borrowed */
	struct state *state;
	struct vault *vault;
	struct logs *logs;
	struct outputs *outputs;
	struct live *live;
	struct seats *seats;		/* of which dynos a host may speak */
	struct store *slugs;
	struct slug_storage *storage;	/* whose blobs are there; borrowed */
	struct principal self;		/* the default account: of local root */
	char *account_created;
	const struct principal *by;	/* who asks just now, or NULL; see below */
};

/* Opens everything below dir (<root>/var/lib/dyno/controller). */
int engine_new(struct engine **ret, const struct controller_conf *conf,
	       const char *dir, struct error *e);
struct engine *engine_free(struct engine *g);
DEFINE_AUTO(struct engine, engine_free)

/* Who acts: the asker while a call of the API runs, else the default account.
 * What goes on behind a call has to remember whom it was for. */
const struct principal *engine_by(const struct engine *g);
