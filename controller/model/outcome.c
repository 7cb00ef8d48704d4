/*
 * outcome.c - one row per refusal.
 */
#include "base/error.h"
#include "controller/model/outcome.h"

#include <stdio.h>

static const struct {
	int status;
	const char *id;
	const char *resource;
} outcomes[OUTCOME_COUNT] = {
	[OUTCOME_DONE]         = { 200, "ok", NULL },
	[OUTCOME_BAD_REQUEST]  = { 400, "bad_request", NULL },
	[OUTCOME_UNAUTHORIZED] = { 401, "unauthorized", NULL },
	[OUTCOME_FORBIDDEN]    = { 403, "forbidden", NULL },
	[OUTCOME_SUSPENDED]    = { 403, "suspended", NULL },
	[OUTCOME_NO_ACCOUNT]   = { 404, "not_found", "account" },
	[OUTCOME_NO_COLLABORATOR] = { 404, "not_found", "collaborator" },
	[OUTCOME_NO_SESSION]   = { 404, "not_found", "session" },
	[OUTCOME_NO_APP]       = { 404, "not_found", "app" },
	[OUTCOME_NO_RELEASE]   = { 404, "not_found", "release" },
	[OUTCOME_NO_SLUG]      = { 404, "not_found", "slug" },
	[OUTCOME_NO_DYNO]      = { 404, "not_found", "dyno" },
	[OUTCOME_NO_TYPE]      = { 404, "not_found", "formation" },
	[OUTCOME_NO_DRAIN]     = { 404, "not_found", "log drain" },
	[OUTCOME_NOT_FOUND]    = { 404, "not_found", NULL },
	[OUTCOME_NOT_ACCEPTABLE] = { 406, "not_acceptable", NULL },
	[OUTCOME_CONFLICT]     = { 409, "conflict", NULL },
	[OUTCOME_RACE]         = { 409, "conflict", NULL },
	[OUTCOME_PRECONDITION] = { 412, "precondition_failed", NULL },
	[OUTCOME_TOO_LARGE]    = { 413, "too_large", NULL },
	[OUTCOME_BAD_ENCODING] = { 415, "unsupported_media_type", NULL },
	[OUTCOME_BAD_RANGE]    = { 416, "requested_range_not_satisfiable", NULL },
	[OUTCOME_INVALID]      = { 422, "invalid_params", NULL },
	[OUTCOME_RATE_LIMIT]   = { 429, "rate_limit", NULL },
	[OUTCOME_UNAVAILABLE]  = { 503, "service_unavailable", NULL },
	[OUTCOME_NO_SPACE]     = { 507, "insufficient_storage", NULL },
};

int outcome_set(struct error *e, enum outcome o, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		e->code = EREMOTEIO;
		va_start(ap, fmt);
		vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
	}
	return (int)o;
}

static bool outcome_known(int o)
{
	return o >= 0 && o < OUTCOME_COUNT;
}

int outcome_status(int o)
{
	return outcome_known(o) ? outcomes[o].status : 500;
}

const char *outcome_id(int o)
{
	return outcome_known(o) ? outcomes[o].id : "internal_server_error";
}

const char *outcome_resource(int o)
{
	return outcome_known(o) ? outcomes[o].resource : NULL;
}
