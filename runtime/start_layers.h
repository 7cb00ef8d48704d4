#pragma once

/*
 * start_layers.h - what lies below a dyno's upper: the slug and the stack, opened
 * from the store and the stack's directory, which may be hostile, and mounted
 * detached with the ids of the dyno's slot (mount_setattr(2), MOUNT_ATTR_IDMAP).
 */
#include "runtime/plan_dyno.h"

struct dyno_spec;
struct error;
struct runtime;

struct start_layers {
	struct runtime *rt;
	const struct dyno_spec *spec;	/* of the start; borrowed until it is open */
	unsigned slot;
	int trees[PLAN_TREE_COUNT];	/* detached mounts; -1: none */
	bool shared;			/* slug files keep the store's owner */
};

/* Opens those that the spec and the stack have. ENOENT: the slug is not unpacked;
 * EPERM: it is not the store's, or an image where these are off; EOPNOTSUPP: its file
 * system has no idmapped mounts and it is root's. */
int start_layers_open(struct start_layers *l, struct error *e);
/* Closes what is open. */
void start_layers_deinit(struct start_layers *l);
