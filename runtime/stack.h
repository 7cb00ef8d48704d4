#pragma once

/*
 * stack.h - the base image that every dyno shares: the lowest overlay layer.
 *
 * "host": a skeleton directory that we make once per daemon start in
 * <run_dir>/stack: bin -> usr/bin and so on, app dev etc proc sys tmp usr var,
 * and a synthesised /etc (what programs in /usr need: alternatives, ssl/certs,
 * ld.so.cache, ld.so.conf*, nsswitch.conf, protocols, services, localtime,
 * terminfo, mime.types; profile and bash.bashrc with the prompt; nothing else
 * of the host, no secret). The host's own /usr is bound over usr, read-only.
 * Any other name: a directory <stacks_dir>/<name> with a whole root tree.
 *
 * Skeleton files are owned by root; the mount maps root to the dyno's root.
 */
#include "base/base.h"

struct error;

struct stack {
	char *lower;		/* directory: lowest overlay layer */
	char *usr;		/* bound read-only over /usr; NULL = part of lower */
};

int stack_open(struct stack *ret, const char *name, const char *run_dir,
	       const char *stacks_dir, struct error *e);
void stack_deinit(struct stack *s);
