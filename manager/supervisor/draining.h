#pragma once

/*
 * draining.h - draining, undraining and stopping this host, carried out: kept on
 * disk first, then told upstream, then acted on by the next reconciling.
 */
#include "manager/model/drain.h"

struct error;
struct supervisor;

/* At start. What cannot be read is logged: the host is open then. */
void draining_load(struct supervisor *s);

/* *e: it could not be kept; nothing has changed then. */
int draining_set(struct supervisor *s, const struct drain *d, struct error *e);

/* Dynos that have not ended, and ended ones of which something is left. */
size_t draining_rest(const struct supervisor *s);
