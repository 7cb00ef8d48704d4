#pragma once

/*
 * state.h - what the controller must not forget, in etcd's terms.
 *
 * Keys are paths ("/apps/<id>"), values are texts. Every commit has a
 * revision, one counter for all keys that only rises; a key carries the
 * revision of the commit that last wrote it. A transaction is a list of
 * conditions ("this key still has revision 17", "this key is absent") and a
 * list of puts and deletes: all of it happens, or nothing.
 *
 *   struct state_txn txn = STATE_TXN_INIT;
 *   state_txn_expect(&txn, "/app-names/x", 0);
 *   state_txn_put(&txn, "/app-names/x", "...");
 *   r = state_commit(s, &txn, &revision, e);
 *   state_txn_deinit(&txn);
 *
 * When state_commit() returns 0 the change is on disk. Everything above uses
 * this interface alone; a driver (state_driver.h) does the work.
 */
#include "base/base.h"

struct error;
struct state;
struct state_watch;

#define STATE_ABSENT 1			/* no such key */
#define STATE_CONFLICT 2		/* a condition does not hold */

#define STATE_KEY_MAX 512

struct state_item {
	char *key;
	char *value;
	uint64_t revision;
};

struct state_items {
	struct state_item *v;
	size_t n;
};

#define STATE_ITEMS_INIT ((struct state_items){ NULL, 0 })

struct state_op {
	char *key;
	char *value;			/* NULL: delete (op), unused (condition) */
	uint64_t revision;		/* condition: what it must have; 0 = absent */
};

struct state_txn {
	struct state_op *expects;
	size_t n_expects;
	struct state_op *ops;
	size_t n_ops;
};

#define STATE_TXN_INIT ((struct state_txn){ NULL, 0, NULL, 0 })

/* A key was written (value) or removed (NULL). Called inside state_commit(),
 * after the change is durable: note it and act later, do not commit here. */
typedef void (*state_watch_fn)(const char *key, const char *value,
			       uint64_t revision, void *userdata);

struct state *state_free(struct state *s);
DEFINE_AUTO(struct state, state_free)

/* 0, or STATE_ABSENT. The value is the caller's; ret_revision may be NULL. */
int state_get(struct state *s, const char *key, char **ret_value,
	      uint64_t *ret_revision, struct error *e);

/* All keys that begin with prefix, in the order of their bytes. */
int state_list(struct state *s, const char *prefix, struct state_items *ret,
	       struct error *e);
void state_items_deinit(struct state_items *items);

/* The revision of the last commit; 0 in a new store. */
int state_revision(struct state *s, uint64_t *ret, struct error *e);

/* 0, or STATE_CONFLICT (nothing was changed). ret_revision may be NULL. */
int state_commit(struct state *s, const struct state_txn *txn,
		 uint64_t *ret_revision, struct error *e);

void state_txn_expect(struct state_txn *txn, const char *key, uint64_t revision);
void state_txn_put(struct state_txn *txn, const char *key, const char *value);
void state_txn_delete(struct state_txn *txn, const char *key);
void state_txn_deinit(struct state_txn *txn);

/* Watches end with state_watch_free() or with the store. */
struct state_watch *state_watch_new(struct state *s, const char *prefix,
				    state_watch_fn fn, void *userdata);
struct state_watch *state_watch_free(struct state_watch *w);
