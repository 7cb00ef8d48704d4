#pragma once

/*
 * release_follow.h - wait for a release while its command runs, and show what it
 * writes.
 */
#include "base/base.h"

#include <jansson.h>

struct cli;
struct error;

#define RELEASE_FOLLOW_TIMEOUT_SEC 7200	/* a command may take an hour, in a queue */

/*
 * Copy the output of a release ("v7", a number, "current") to fd (< 0: only wait) until
 * the release is not pending. A lost connection is made again, and goes on where it
 * was. *ret: the release then. ETIMEDOUT after so many seconds.
 */
int release_follow(struct cli *cli, const char *app, const char *which, int fd,
		   long timeout_sec, json_t **ret, struct error *e);

/* The same for a release that has just been made, if it is pending; *release is
 * replaced by what it has become. ECHILD: it has failed. */
int release_follow_made(struct cli *cli, const char *app, json_t **release,
			struct error *e);

/* ECHILD, and why, if the release has failed. */
int release_follow_check(const json_t *release, struct error *e);
