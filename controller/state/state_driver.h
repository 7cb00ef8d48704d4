#pragma once

/*
 * state_driver.h - what stands behind state.h: one driver per store.
 */
#include "controller/state/state.h"

struct state_driver {
	int (*get)(void *d, const char *key, char **ret_value,
		   uint64_t *ret_revision, struct error *e);
	int (*list)(void *d, const char *prefix, struct state_items *ret,
		    struct error *e);
	int (*revision)(void *d, uint64_t *ret, struct error *e);
	int (*commit)(void *d, const struct state_txn *txn,
		      uint64_t *ret_revision, struct error *e);
	void (*close)(void *d);
	/* Commits of others may change keys: the driver tells by
	 * state_changed(). Else the watches are told by state_commit(). */
	bool tells_changes;
};

/* Takes data; it is closed with the state. */
struct state *state_new(const struct state_driver *driver, void *data);

/* Add an item to a list being built; takes key and value. */
void state_items_add(struct state_items *items, char *key, char *value,
		     uint64_t revision);

/* Tell the watches. */
void state_changed(struct state *s, const char *key, const char *value,
		   uint64_t revision);

/* The driver in this process: one SQLite file, WAL, synchronous=FULL. */
int state_sqlite_open(struct state **ret, const char *path, struct error *e);
