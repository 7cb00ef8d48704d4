#pragma once

/*
 * webhook_store.h - what webhooks still have to be told, over restarts, in a SQLite
 * file of its own.
 *
 * Three things belong together: how an app was when it was looked at last (its parts,
 * as in snapshot.h), the events that this has led to, and the deliveries of them. They
 * are written in one transaction, so that after a kill a change is told once: either
 * it was written, or it is found again by comparing. Nothing of a webhook is in here
 * but its id: URL and secrets stay sealed in the state. synchronous=NORMAL, as with
 * lines.
 */
#include "http/json.h"

struct error;
struct strv;
struct webhook_store;

#define WEBHOOK_STORE_EVENTS 100	/* of an app are kept, and those of deliveries */

int webhook_store_open(struct webhook_store **ret, const char *path,
		       struct error *e);
struct webhook_store *webhook_store_free(struct webhook_store *s);
DEFINE_AUTO(struct webhook_store, webhook_store_free)

/* begin, ..., commit, and in every case rollback: one transaction. */
int webhook_store_begin(struct webhook_store *s, struct error *e);
int webhook_store_commit(struct webhook_store *s, struct error *e);
void webhook_store_rollback(struct webhook_store *s);

/* ---- how an app was ---- */

/* view NULL: it is gone. */
int webhook_store_part(struct webhook_store *s, const char *app, const char *kind,
		       const char *id, const json_t *view, struct error *e);
/* A new snapshot, or NULL if the app was never looked at. */
int webhook_store_snapshot(struct webhook_store *s, const char *app, json_t **ret,
			   struct error *e);

/* ---- events ---- */

/* event: as in deliveries.h. The oldest that no delivery needs go. */
int webhook_store_event(struct webhook_store *s, const char *app,
			const json_t *event, struct error *e);
/* The newest WEBHOOK_STORE_EVENTS, oldest first. A new array. */
int webhook_store_events(struct webhook_store *s, const char *app, json_t **ret,
			 struct error *e);

/* ---- deliveries ---- */

struct webhook_store_delivery {
	const char *id, *app, *hook, *event;	/* ids */
	int state, attempts;			/* the caller's */
	uint64_t created, updated, next;
	const char *last;			/* a text, or NULL */
};

/* Add one behind all others, or change what may change of it. */
int webhook_store_put(struct webhook_store *s,
		      const struct webhook_store_delivery *d, struct error *e);
int webhook_store_delete(struct webhook_store *s, const char *id, struct error *e);
/* One was dropped: it is counted with its webhook. */
int webhook_store_drop(struct webhook_store *s, const char *app, const char *hook,
		       struct error *e);
int webhook_store_dropped(struct webhook_store *s, const char *hook, uint64_t *ret,
			  struct error *e);

/* event: borrowed. */
typedef void (*webhook_store_fn)(const struct webhook_store_delivery *d,
				 json_t *event, void *userdata);

/* Those of an app, in the order in which they were added. */
int webhook_store_deliveries(struct webhook_store *s, const char *app,
			     webhook_store_fn fn, void *userdata, struct error *e);

/* ---- the end ---- */

int webhook_store_forget_hook(struct webhook_store *s, const char *hook,
			      struct error *e);
int webhook_store_forget(struct webhook_store *s, const char *app,
			 struct error *e);
/* Ids of the apps, and of the webhooks of one, of which something is kept. */
int webhook_store_apps(struct webhook_store *s, struct strv *ret, struct error *e);
int webhook_store_hooks(struct webhook_store *s, const char *app, struct strv *ret,
			struct error *e);
