#pragma once

/*
 * sleep.h - apps that sleep: their formation dynos are wanted, but not at the moment.
 *
 *   /apps/<app>/sleep/since   {since, told}; absent: awake
 *
 * An app whose web dynos are of a size that sleeps (sizes.h), and which nobody has
 * asked for anything for a while, falls asleep, all its process types with it. First
 * the routers hear of it, so that no request meets a dyno that ends; a moment later
 * the hosts do (told). A request wakes it, and so does whatever changes its dynos.
 * When it was asked last is known in memory only: after a restart of the controller
 * its time begins anew. Times are monotonic microseconds, given by the caller.
 */
#include "controller/model/change.h"

struct engine;
struct error;
struct sleepers;

/* after_sec: 0 = never. */
struct sleepers *sleepers_new(struct engine *g, uint64_t after_sec);
struct sleepers *sleepers_free(struct sleepers *s);

/* An app, by its name, gets requests: it is awake from now on. An unknown one is no
 * error. */
int sleepers_used(struct sleepers *s, const char *name, uint64_t now, struct error *e);

/* Put to sleep who has not been used for too long. To be called every few seconds;
 * looks only as often as makes a difference. */
int sleepers_tick(struct sleepers *s, uint64_t now, struct error *e);

#define SLEEP_ROUTED 1		/* its requests wait */
#define SLEEP_TOLD 2		/* and its dynos sleep */
/* 0: it is awake. */
int sleep_is(struct engine *g, const char *app_id, struct error *e);

/* Stage that it is awake, if it sleeps. */
int sleep_end(struct change *c, const char *app_id, struct error *e);
