/*
 * router_feed.c - the whole table, made anew for each answer.
 */
#include "base/clock.h"
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/model/apps.h"
#include "controller/model/domains.h"
#include "controller/model/dynos.h"
#include "controller/engine.h"
#include "controller/model/formation.h"
#include "controller/api/gate.h"
#include "controller/model/live.h"
#include "controller/api/long_poll.h"
#include "controller/model/preboot.h"
#include "controller/api/router_feed.h"
#include "controller/model/outcome.h"
#include "controller/model/sleep.h"

#define ACTIVITY_SEC_MAX 60

void router_feed_changed(struct controller *c)
{
	c->routes_revision++;
	long_poll_wake(c->routes, NULL);
}

static json_t *router_feed_dyno(const struct views *v, const json_t *dyno)
{
	const struct live_dyno *d = live_get(v->g->live, json_str(dyno, "id"));
	json_t *out = json_pack("{s:O, s:O, s:s}",
				"name", json_object_get(dyno, "name"),
				"id", json_object_get(dyno, "id"),
				"state", views_state(v, dyno));

	json_object_set_new(out, "address", d && d->address ?
			    json_string(d->address) : json_null());
	json_object_set_new(out, "port", d && d->port ?
			    json_integer(d->port) : json_null());
	return out;
}

/* NAME.DOMAIN first, then what was added. */
static int router_feed_hosts(struct controller *c, const json_t *app, json_t **ret,
			     struct error *e)
{
	auto_free char *own = xasprintf("%s.%s", json_str(app, "name"),
					c->conf->domain);
	auto_doc_list domains = DOC_LIST_INIT;
	int r = domains_list(c->engine, json_str(app, "id"), &domains, e);

	if (r < 0)
		return r;
	*ret = json_pack("[s]", own);
	for (size_t i = 0; i < domains.n; i++)
		json_array_append(*ret, json_object_get(domains.v[i].j, "hostname"));
	return 0;
}

static int router_feed_app(struct controller *c, const struct views *v,
			   const json_t *app, json_t *out, struct error *e)
{
	const char *id = json_str(app, "id"), *name = json_str(app, "name");
	auto_json *formation = NULL, *dynos = NULL, *web = json_array();
	auto_json *hosts = NULL;
	bool old;
	json_t *dyno;
	size_t i;
	int asleep = 0, r = dynos_formation(c->engine, id, &formation, e);

	if (r == 0)
		r = dynos_list_all(c->engine, id, &dynos, e);
	if (r == 0)
		r = router_feed_hosts(c, app, &hosts, e);
	if (r == 0)
		r = asleep = sleep_is(c->engine, id, e);
	if (r < 0)
		return r;
	old = preboot_is_serving(c->engine, dynos, v->now);
	json_array_foreach(dynos, i, dyno)
		if (str_eq(json_str(dyno, "kind"), "formation") &&
		    str_eq(json_str(dyno, "type"), "web") &&
		    !json_str(dyno, "retiring") == !old)
			json_array_append_new(web, router_feed_dyno(v, dyno));
	json_array_append_new(out, json_pack("{s:s, s:O, s:b, s:b, s:b, s:I, s:O}",
		"app", name, "hosts", hosts, "idle", asleep > 0,
		"maintenance", json_flag(app, "maintenance", false),
		"blank", !json_str(app, "slug"), "web",
		(json_int_t)json_int(formation_find(formation, "web"),
				     "quantity", 0),
		"dynos", web));
	return 0;
}

static int router_feed_table(struct controller *c, json_t **ret, struct error *e)
{
	struct views v = { .g = c->engine, .now = clock_mono_usec() };
	auto_json *apps = NULL, *out = json_array();
	json_t *app;
	size_t i;
	int r = apps_list(c->engine, &apps, e);

	json_array_foreach(apps, i, app)
		if (r == 0)
			r = router_feed_app(c, &v, app, out, e);
	if (r == 0)
		*ret = take_ptr(out);
	return r;
}

static int router_feed_settled(struct controller *c, struct error *e)
{
	auto_doc_list hosts = DOC_LIST_INIT;
	int r;

	if (clock_mono_usec() >= c->started + ROUTER_FEED_SETTLE_USEC)
		return 1;
	r = doc_list(c->engine->state, &hosts, e, "/hosts/");
	for (size_t i = 0; r == 0 && i < hosts.n; i++)
		if (!live_host_complete(c->engine->live, doc_name(&hosts.v[i])))
			return 0;
	return r < 0 ? r : 1;
}

/* How often it makes a difference, 0 = never. */
static uint64_t router_feed_activity_sec(const struct controller *c)
{
	uint64_t sec = c->conf->idle_after / 10;

	if (!c->conf->idle_after)
		return 0;
	return sec < 1 ? 1 : sec < ACTIVITY_SEC_MAX ? sec : ACTIVITY_SEC_MAX;
}

bool router_feed_answer(struct http_request *req, const char *key,
			uint64_t after, bool last, void *userdata)
{
	struct controller *c = userdata;
	json_t *table = NULL;
	struct error e;
	int r = router_feed_settled(c, &e);

	if (r == 0 || (r > 0 && after == c->routes_revision)) {
		if (last)
			http_reply_json(req, 204, NULL);
		return last;
	}
	if (r > 0)
		r = router_feed_table(c, &table, &e);
	if (r != 0)
		api_refuse(req, r, &e);
	else
		http_reply_json(req, 200, json_pack("{s:I, s:I, s:o}", "revision",
				(json_int_t)c->routes_revision, "activity",
				(json_int_t)router_feed_activity_sec(c),
				"routes", table));
	return true;
}

static uint64_t router_feed_number(struct http_request *req, const char *name)
{
	const char *s = http_request_query(req, name);

	return s ? strtoull(s, NULL, 10) : 0;
}

void router_feed_routes(struct http_request *req, void *userdata)
{
	struct controller *c = userdata;

	if (!gate_is_foreign(req, c))
		long_poll_add(c->routes, req, "", router_feed_number(req, "after"),
			      router_feed_number(req, "wait"));
}

static int activity_call(struct api_call *call, struct error *e)
{
	const json_t *apps = json_object_get(call->body, "apps");
	json_t *name;
	size_t i;
	int r = 0;

	if (!json_is_array(apps))
		return outcome_set(e, OUTCOME_INVALID, "apps must be a list of names.");
	json_array_foreach((json_t *)(uintptr_t)apps, i, name)
		if (r == 0 && json_is_string(name))
			r = sleepers_used(call->c->sleepers, json_string_value(name),
					  clock_mono_usec(), e);
	call->reply = r == 0 ? json_object() : NULL;
	return r;
}

void router_feed_activity(struct http_request *req, void *userdata)
{
	if (!gate_is_foreign(req, userdata))
		api_run(req, userdata, activity_call, API_BODY);
}
