#pragma once

/*
 * host_plan.h - why a dyno is not yet as it is wanted, in words. Pure: no clock,
 * no loop, everything comes in a struct.
 */
#include "base/base.h"
#include "manager/model/dyno_fsm.h"

/* Where the slug of a dyno that waits for it stands. */
enum host_plan_slug {
	HOST_PLAN_SLUG_FETCHING,	/* a job is busy with it */
	HOST_PLAN_SLUG_QUEUED,		/* all places for jobs are taken */
	HOST_PLAN_SLUG_PAUSED,		/* no room on the disk; tried again */
};

struct host_plan_dyno {
	enum dyno_kind kind;
	enum dyno_state state;
	bool web;
	bool stopping;			/* it is no longer wanted, */
	bool overlaps;			/* or it is, until its successor is up */
	bool told;			/* upstream knows its final state */
	enum host_plan_slug slug;
	size_t ahead;			/* LAUNCHING: starts before it, 0 = dynod
					 * is busy with it */
	size_t starts_max;		/* at a time */
	int64_t port, crashes, failures, hups, hups_max;
	const char *error;		/* the last one, or NULL */
	uint64_t timer;			/* real usec: end of the state's timer, 0 = none */
};

struct host_plan_reason {
	/* "slug", "start", "client", "port", "successor", "route", "exit",
	 * "back-off", "upstream"; NULL: it is as wanted. */
	const char *waits_for;
	char *why;			/* a sentence; owned */
	uint64_t until;			/* real usec, 0 = nobody knows */
};

void host_plan_explain(const struct host_plan_dyno *d, struct host_plan_reason *ret);
void host_plan_reason_deinit(struct host_plan_reason *r);
