#pragma once

/*
 * supervisor.h - the one struct that the parts of dyno-supervisor share.
 *
 * supervisor.c owns all of it. A life (life.h) reaches its surroundings
 * through it, and tells it by two calls that something has changed.
 */
#include "base/base.h"
#include "base/list.h"
#include "base/map.h"
#include "base/root.h"
#include "manager/model/assignment.h"
#include "manager/model/drain.h"
#include "manager/slug/slug_command.h"
#include "manager/supervisor/lag.h"
#include "manager/supervisor/supervisor_conf.h"
#include "manager/supervisor/tally.h"

#include <systemd/sd-event.h>

struct desired_dir;
struct error;
struct host_client;
struct host_api;
struct journal;
struct life;
struct log_local;
struct log_sender;
struct slug_gc;
struct slug_jobs;
struct slug_pins;
struct store;
struct upstream;
struct webhook;

struct supervisor {
	sd_event *event;
	struct root root;
	struct supervisor_conf conf;
	char *dir;			/* own files */
	char boot_id[37];		/* of this process */
	char *prefix;			/* of kernel objects: "dyno0"; "" until told */

	struct host_client *host;
	struct journal *journal;
	struct store *store;
	char *store_dir, *store_conf;
	struct slug_command store_command;	/* of these two */
	struct slug_jobs *slugs;
	struct slug_pins *pins;
	struct slug_gc *gc;
	struct upstream *upstream;	/* NULL: there is none */
	struct desired_dir *desired_dir;	/* or NULL */
	struct webhook *webhook;	/* or NULL */
	struct log_sender *log_sender;
	struct log_local *log_local;	/* instead of it, where there is no upstream */
	struct host_api *api;

	struct assignment_list wanted;
	bool wanted_known;		/* false: the file is gone or damaged, and
					 * upstream has not said it again */
	struct list lives;
	size_t n_lives;
	struct map instances;		/* instance -> life */
	struct map strays;		/* instances that nobody knows */
	bool ready;			/* dynod has told all dynos */
	bool pinned;			/* the store knows what is wanted */
	sd_event_source *settle, *cycle_timer;
	sd_event_source *create_retry;	/* a dyno could not be put on record */

	char *drain_path;		/* where it is kept */
	struct drain drain;
	sd_event_source *drain_timer;

	struct tally tally;
	struct lag lag;

	unsigned n_starts;		/* that dynod is busy with */
	struct list start_queue;	/* lives that wait for their turn */
};

/* Something has changed that reconciling may depend on: do it this turn. */
void supervisor_settle(struct supervisor *s);

/* A new dyno for an assignment, and start it. slot: see struct state. renewed: it
 * gets an id of its own, not the assignment's. */
void supervisor_create(struct supervisor *s, struct assignment *w,
		       const char *slot, bool replaces, bool renewed);

/* A new complete list has come: it is stored, if there is space, then acted on.
 * Takes the list. */
void supervisor_assign(struct supervisor *s, struct assignment_list *list);

/* ---- supervisor_settle.c, for supervisor_load.c ---- */
/* The store has taken what is wanted; shrunk: it is less than before. */
void supervisor_pinned(bool shrunk, void *userdata);

/* ---- supervisor_load.c ---- */
int supervisor_load(struct supervisor *s, struct error *e);
