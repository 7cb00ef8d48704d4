#pragma once

/*
 * drain_cursors.h - how far every drain is, in a SQLite file of its own.
 *
 * A window is written before its frame is sent, so that a controller that was killed
 * sends the same frame again, with the same id. synchronous=NORMAL, as with lines.
 */
#include "controller/logplex/drain_window.h"

struct drain_cursors;
struct error;

int drain_cursors_open(struct drain_cursors **ret, const char *path,
		       struct error *e);
struct drain_cursors *drain_cursors_free(struct drain_cursors *c);
DEFINE_AUTO(struct drain_cursors, drain_cursors_free)

#define DRAIN_CURSORS_NONE 1

/* 0, or DRAIN_CURSORS_NONE: the drain is new. */
int drain_cursors_load(struct drain_cursors *c, const char *id,
		       struct drain_window *ret, struct error *e);
int drain_cursors_save(struct drain_cursors *c, const char *id,
		       const struct drain_window *w, struct error *e);
int drain_cursors_forget(struct drain_cursors *c, const char *id, struct error *e);

/* Forget all that keep() does not want. */
int drain_cursors_collect(struct drain_cursors *c,
			  bool (*keep)(const char *id, void *userdata),
			  void *userdata, struct error *e);

/* begin, save..., commit, and in every case rollback: one transaction. */
int drain_cursors_begin(struct drain_cursors *c, struct error *e);
int drain_cursors_commit(struct drain_cursors *c, struct error *e);
void drain_cursors_rollback(struct drain_cursors *c);
