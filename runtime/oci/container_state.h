#pragma once

/*
 * container_state.h - struct container as the text of its state.json, and back.
 *
 * Pure. The file belongs to root, but whoever reads it goes on to kill a process
 * and to remove cgroups: nothing is taken that was not written by us.
 */
#include "base/base.h"

struct container;
struct error;

#define CONTAINER_STATE_MAX (64 * 1024)		/* bytes */

/* The caller frees *ret. EILSEQ: a path that is no UTF-8. */
int container_state_format(const struct container *c, char **ret,
			   struct error *e);

/*
 * Fills everything but dir_fd; c->id is set and must be the one in the text.
 * EINVAL names the property: each is there once, of its type and in its range,
 * and there are no others.
 */
int container_state_parse(struct container *c, const char *text, size_t n,
			  struct error *e);
