#pragma once

/*
 * body_members.h - what kind of value the members of a request's body have.
 *
 * A member of another kind is refused, never taken for one that is absent: who asks
 * for "tail": "yes" would wonder. Absent members and nulls are fine, and so are
 * members that are in no table: newer clients know more than we.
 */
#include "http/json.h"

struct error;

enum body_kind {
	BODY_STRING,
	BODY_INTEGER,
	BODY_BOOLEAN,
};

struct body_member {
	const char *name;
	enum body_kind kind;
};

/* OUTCOME_INVALID names the first one that is wrong. */
int body_members_check(const json_t *body, const struct body_member *v, size_t n,
		       struct error *e);
