#pragma once

/*
 * host_top.h - the dynos of a host as a table, the most interesting first.
 */
#include "base/base.h"

#include <jansson.h>

struct buf;

struct host_top_key;

/* "cpu", "memory", "pids", "restarts", "age", "name", "state"; NULL: no such key. */
const struct host_top_key *host_top_key(const char *name);

/* A new array of the same objects, in order. */
json_t *host_top_sort(const json_t *dynos, const struct host_top_key *key);

/* A line of sums, a head, and at most rows lines of dynos (0: all). */
void host_top_layout(struct buf *out, const json_t *sorted, size_t rows,
		     uint64_t now_usec);
