#pragma once

/*
 * dyno_plan.h - which formation dynos go and which come, as a pure function of
 * the formation, the dynos that are, and who shall be replaced.
 */
#include "http/json.h"

enum dyno_scope {
	DYNO_SCOPE_NONE,		/* only what is too much or missing */
	DYNO_SCOPE_ALL,
	DYNO_SCOPE_TYPE,		/* dynos of one type */
	DYNO_SCOPE_ID,			/* one dyno */
	DYNO_SCOPE_TYPES,		/* dynos of the types in a list */
	DYNO_SCOPE_HOST,		/* dynos on one host */
};

struct dyno_plan_spec {
	const json_t *formation;	/* array of {type, quantity} */
	const json_t *dynos;		/* array of {id, name, type, kind, host} */
	enum dyno_scope scope;
	const char *which;		/* the type, id or host */
	const json_t *types;		/* array of strings */
	const char *beside;		/* a type whose old dynos stay beside the new
					 * ones for a while, or NULL */
};

struct dyno_plan {
	json_t *remove;			/* the dynos that go */
	json_t *retire;			/* those of the type "beside" that go later */
	json_t *add;			/* {name, type, old: dyno | absent} */
};

/* dynos: without those that retire already. One-off dynos (kind "run") are left
 * alone. Numbers of a type are 1..quantity without gaps; the highest go first. */
void dyno_plan_make(const struct dyno_plan_spec *spec, struct dyno_plan *ret);
void dyno_plan_deinit(struct dyno_plan *p);
