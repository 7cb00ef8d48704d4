#pragma once

/*
 * outcome.h - the ways in which a request of a user can be refused.
 *
 * Functions of the controller that serve a request return 0, -errno (the
 * controller failed: 500), or one of these (> 0). Then error.msg is the
 * sentence for the user. One table gives each its HTTP status and Heroku id.
 */
#include "base/base.h"

struct error;

enum outcome {
	OUTCOME_DONE,
	OUTCOME_BAD_REQUEST,		/* the request is malformed */
	OUTCOME_UNAUTHORIZED,		/* no or wrong credentials */
	OUTCOME_FORBIDDEN,		/* known, but not allowed */
	OUTCOME_SUSPENDED,		/* the account is */
	OUTCOME_NO_ACCOUNT,
	OUTCOME_NO_COLLABORATOR,
	OUTCOME_NO_SESSION,		/* no token that could be given up */
	OUTCOME_NO_APP,
	OUTCOME_NO_RELEASE,
	OUTCOME_NO_SLUG,
	OUTCOME_NO_DYNO,
	OUTCOME_NO_TYPE,
	OUTCOME_NO_DRAIN,
	OUTCOME_NOT_FOUND,		/* anything else that is not there */
	OUTCOME_NOT_ACCEPTABLE,		/* no form that the client accepts */
	OUTCOME_CONFLICT,		/* exists already */
	OUTCOME_RACE,			/* changed at the same time: read again, and
					 * try again */
	OUTCOME_PRECONDITION,		/* If-Match names another version */
	OUTCOME_TOO_LARGE,
	OUTCOME_BAD_ENCODING,		/* a Content-Encoding or Content-Type that is
					 * not taken here */
	OUTCOME_BAD_RANGE,
	OUTCOME_INVALID,		/* understood, but against a rule */
	OUTCOME_RATE_LIMIT,
	OUTCOME_UNAVAILABLE,		/* not now */
	OUTCOME_NO_SPACE,
	OUTCOME_COUNT
};

/* Record a refusal; the sentence begins in upper case and ends in a full stop,
 * as Heroku's do. Returns o. */
int outcome_set(struct error *e, enum outcome o, const char *fmt, ...) PRINTF(3, 4);

int outcome_status(int o);		/* HTTP status; < 0 and unknown: 500 */
const char *outcome_id(int o);		/* "not_found" */
const char *outcome_resource(int o);	/* "app", or NULL */
