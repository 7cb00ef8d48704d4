/*
 * api_apps.c - apps: create, list, show, change, destroy.
 */
#include "base/error.h"
#include "controller/access/accounts.h"
#include "controller/access/collaborators.h"
#include "controller/api/api_handlers.h"
#include "controller/model/apps.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"

static const char *const app_attrs[] = { "id", "name", "updated_at", NULL };

/* A member that is a string, or an object that is named or has an id: *ret is NULL
 * if it is absent. */
static int apps_choice(const json_t *body, const char *member, const char **ret,
		       struct error *e)
{
	const json_t *it = json_object_get(body, member);

	*ret = NULL;
	if (!it || json_is_null(it))
		return 0;
	if (json_is_object(it))
		it = json_object_get(it, json_object_get(it, "name") ? "name" : "id");
	*ret = json_string_value(it);
	return *ret ? 0 : outcome_set(e, OUTCOME_INVALID, "%s must be a string.",
				      member);
}

/* What would make it another app than the one that is asked for. */
static int apps_check_place(const json_t *body, struct error *e)
{
	static const char *const none[] = { "team", "organization", "space" };

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		const json_t *it = json_object_get(body, none[i]);

		if (it && !json_is_null(it))
			return outcome_set(e, OUTCOME_INVALID, "Couldn't find that "
					   "%s: there are none here.", none[i]);
	}
	return 0;
}

static int apps_create_call(struct api_call *call, struct error *e)
{
	struct apps_new spec = { NULL, NULL, NULL };
	int r = apps_check_place(call->body, e);

	if (r == 0)
		r = apps_choice(call->body, "name", &spec.name, e);
	if (r == 0)
		r = apps_choice(call->body, "region", &spec.region, e);
	if (r == 0)
		r = apps_choice(call->body, "stack", &spec.stack, e);
	if (r == 0)
		r = apps_create(call->c->engine, &spec, &call->app, e);
	if (r != 0)
		return r;
	call->status = 201;
	call->reply = views_app(&call->views, call->app.j);
	return 0;
}

/* Those that p may use. */
static int apps_list_of(struct api_call *call, const struct principal *p,
			struct error *e)
{
	auto_json *apps = NULL;
	json_t *out, *app;
	size_t i;
	int r = apps_list(call->c->engine, &apps, e);

	if (r != 0)
		return r;
	out = json_array();
	json_array_foreach(apps, i, app) {
		r = collaborators_check(call->c->engine, p, app, e);
		if (r == 0)
			json_array_append_new(out, views_app(&call->views, app));
		if (r < 0)
			return json_decref(out), r;
	}
	return api_page(call, out, app_attrs, e);
}

static int apps_list_call(struct api_call *call, struct error *e)
{
	return apps_list_of(call, call->principal, e);
}

/* What belongs to an account or is shared with it: of admins too. */
static int apps_user_call(struct api_call *call, struct error *e)
{
	const char *which = http_request_param(call->req, "user");
	struct principal user = { .scope = PRINCIPAL_READ };
	auto_doc account = DOC_INIT;
	int r = accounts_find(call->c->engine, str_eq(which, "~") ?
			      call->principal->id : which, &account, e);

	if (r == 0)
		accounts_principal(account.j, &user);
	if (r == 0 && !principal_is_admin(call->principal) &&
	    !str_eq(user.id, call->principal->id))
		r = accounts_absent(which, e);
	return r == 0 ? apps_list_of(call, &user, e) : r;
}

static int apps_info_call(struct api_call *call, struct error *e)
{
	call->reply = views_app(&call->views, call->app.j);
	return 0;
}

static int apps_update_call(struct api_call *call, struct error *e)
{
	int r = 0;

	if (json_object_get(call->body, "name") &&
	    !collaborators_is_owner(call->c->engine, call->principal, call->app.j))
		return outcome_set(e, OUTCOME_FORBIDDEN, "Only the owner of the app "
				   "may rename it.");
	r = apps_update(call->c->engine, &call->app, call->body, e);

	if (r == 0)
		call->reply = views_app(&call->views, call->app.j);
	return r;
}

static int apps_destroy_call(struct api_call *call, struct error *e)
{
	call->reply = views_app(&call->views, call->app.j);
	return apps_destroy(call->c->engine, &call->app, e);
}

API_HANDLER(api_apps_create, apps_create_call, API_BODY)
API_HANDLER(api_apps_list, apps_list_call, 0)
API_HANDLER(api_apps_user, apps_user_call, 0)
API_HANDLER(api_apps_info, apps_info_call, API_APP)
API_HANDLER(api_apps_update, apps_update_call, API_APP | API_BODY)
API_HANDLER(api_apps_destroy, apps_destroy_call, API_APP | API_OWNER)
