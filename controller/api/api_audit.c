/*
 * api_audit.c - read the audit trail: admins all of it, owners that of an app.
 */
#include "base/clock.h"
#include "base/error.h"
#include "controller/access/audit.h"
#include "controller/access/collaborators.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/outcome.h"

#define AUDIT_PAGE 100

static int audit_number(struct api_call *call, const char *name, uint64_t max,
			uint64_t *ret, struct error *e)
{
	const char *text = http_request_query(call->req, name);
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || *ret < 1 || *ret > max)
		return outcome_set(e, OUTCOME_INVALID, "%s must be a number from 1 "
				   "to %llu.", name, (unsigned long long)max);
	return 0;
}

/* *ret: the app's id, if it is there; else the words of an admin, who looks for
 * an app that is gone. */
static int audit_app(struct api_call *call, const char **ret, struct error *e)
{
	const struct principal *p = call->principal;
	struct engine *g = call->c->engine;
	int r;

	*ret = http_request_query(call->req, "app");
	if (!*ret)
		return principal_is_admin(p) ? 0 :
		       outcome_set(e, OUTCOME_FORBIDDEN, "Only admins may see the "
				   "whole trail: name an app of yours (?app=).");
	r = apps_find(g, *ret, &call->app, e);
	if (r == OUTCOME_NO_APP && principal_is_admin(p))
		return 0;
	if (r == 0)
		r = collaborators_check(g, p, call->app.j, e);
	if (r == 0 && !collaborators_is_owner(g, p, call->app.j))
		r = outcome_set(e, OUTCOME_FORBIDDEN, "Only the owner of the app "
				"may do this.");
	if (r == 0)
		*ret = json_str(call->app.j, "id");
	return r;
}

static int audit_call(struct api_call *call, struct error *e)
{
	struct audit_query q = { .app = NULL };
	uint64_t max = AUDIT_PAGE;
	int r = audit_app(call, &q.app, e);

	if (r == 0)
		r = audit_number(call, "max", AUDIT_PAGE_MAX, &max, e);
	if (r == 0)
		r = audit_number(call, "before", INT64_MAX, &q.before, e);
	q.max = (size_t)max;
	return r == 0 ? audit_list(call->c->audit, &q, clock_real_usec(),
				   &call->reply, e) : r;
}

API_HANDLER(api_audit, audit_call, 0)
