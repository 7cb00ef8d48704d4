#pragma once

/*
 * rate_limit.h - token buckets by name: so many at once, so many per hour.
 *
 * A bucket that is full again is forgotten; when there are too many, the one
 * that was used longest ago is. Times are monotonic microseconds.
 */
#include "base/base.h"

struct rate_limit;

#define RATE_LIMIT_BUCKETS 10000

/* burst: what a bucket holds; it fills evenly within fill_sec. burst 0: there
 * is no limit. */
struct rate_limit *rate_limit_new(uint64_t burst, uint64_t fill_sec);
struct rate_limit *rate_limit_free(struct rate_limit *r);
DEFINE_AUTO(struct rate_limit, rate_limit_free)

/* Take one. false: the bucket is empty. */
bool rate_limit_take(struct rate_limit *r, const char *key, uint64_t now);

/* What is left; the burst, if nothing was taken. */
uint64_t rate_limit_left(struct rate_limit *r, const char *key, uint64_t now);

/* Seconds until there is one again; at least 1. */
uint64_t rate_limit_wait_sec(struct rate_limit *r, const char *key, uint64_t now);

bool rate_limit_is_on(const struct rate_limit *r);
