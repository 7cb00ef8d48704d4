#pragma once

/*
 * retention.h - old releases expire: what they were made of is not kept for ever.
 *
 * A release that is older than the days of controller.conf and not among so many
 * newest ones, does not run and does not wait, becomes "expired": its config vars and
 * its output are deleted, and nothing keeps its slug any more. Its number and its
 * description stay.
 */
#include "base/base.h"

struct engine;
struct error;

/* real: microseconds since 1970. *ret_n: how many have expired now. */
int retention_tick(struct engine *g, uint64_t real, size_t *ret_n, struct error *e);
