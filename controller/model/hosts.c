/*
 * hosts.c - the controller's side of a worker host.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strv.h"
#include "controller/model/change.h"
#include "controller/model/dynos.h"
#include "controller/engine.h"
#include "controller/model/hosts.h"
#include "controller/model/live.h"
#include "controller/model/outcome.h"
#include "controller/model/seats.h"

#include <stdio.h>

#define HOSTS_LABELS_MAX 64
#define HOSTS_LABEL_MAX 255

/* Dynos that were wanted before any host was there. */
static int hosts_adopt_one(struct change *c, const char *name,
			   const struct doc *index, struct error *e)
{
	const char *id = doc_name(index), *app = json_str(index->j, "app");
	auto_doc dyno = DOC_INIT;
	int r = doc_get(c->g->state, &dyno, e, "/apps/%s/dynos/%s", app, id);

	if (r != 0)
		return r < 0 ? r : 0;
	json_object_set_new(dyno.j, "host", json_string(name));
	change_expect(c, &dyno);
	change_put(c, dyno.j, "%s", dyno.key);
	change_delete(c, "%s", index->key);
	change_put(c, index->j, "/host-dynos/%s/%s", name, id);
	return 0;
}

static int hosts_adopt(struct change *c, const char *name, struct error *e)
{
	auto_doc_list lost = DOC_LIST_INIT;
	int r = doc_list(c->g->state, &lost, e, "/unplaced/");

	for (size_t i = 0; r == 0 && i < lost.n; i++)
		r = hosts_adopt_one(c, name, &lost.v[i], e);
	return r;
}

int hosts_revision(struct engine *g, const char *name, uint64_t *ret,
		   struct error *e)
{
	auto_free char *key = xasprintf("/assignments/%s", name);
	int r = state_get(g->state, key, NULL, ret, e);

	if (r == STATE_ABSENT)
		*ret = 0;
	return r < 0 ? r : 0;
}

int hosts_list(struct engine *g, uint64_t now, json_t **ret, struct error *e)
{
	auto_doc_list hosts = DOC_LIST_INIT;
	int r = doc_list(g->state, &hosts, e, "/hosts/");

	if (r != 0)
		return r;
	*ret = json_array();
	for (size_t i = 0; i < hosts.n; i++) {
		json_t *host = json_copy(hosts.v[i].j);
		bool up = live_host_up(g->live, doc_name(&hosts.v[i]), now);

		json_object_set_new(host, "up", json_boolean(up));
		json_object_set_new(host, "refused", json_integer((json_int_t)
			seats_refused(g->seats, doc_name(&hosts.v[i]))));
		json_array_append_new(*ret, host);
	}
	return 0;
}

/* Absent, as older hosts have it, or an object of short strings. */
static bool hosts_labels_ok(json_t *labels)
{
	const char *key;
	json_t *value;

	json_object_foreach(labels, key, value)
		if (strlen(key) > HOSTS_LABEL_MAX || !json_is_string(value) ||
		    json_string_length(value) > HOSTS_LABEL_MAX)
			return false;
	return !labels || (json_is_object(labels) &&
			   json_object_size(labels) <= HOSTS_LABELS_MAX);
}

int hosts_register(struct engine *g, const char *name, const json_t *body,
		   uint64_t now, uint64_t *ret_revision, struct error *e)
{
	const char *boot = json_str(body, "boot");
	json_t *labels = json_object_get(body, "labels");
	auto_json *host = NULL;
	auto_change c = change_begin(g);
	bool draining = json_flag(body, "draining", false);
	uint64_t before;
	int r = 0;

	if (!boot || !id_is_uuid(boot))
		return outcome_set(e, OUTCOME_INVALID, "boot must be a UUID.");
	if (!hosts_labels_ok(labels))
		return outcome_set(e, OUTCOME_INVALID,
				   "labels must be an object of short strings.");
	host = json_pack("{s:s, s:s, s:s?, s:O?, s:O?, s:b, s:s}", "name", name,
			 "boot", boot, "version", json_str(body, "version"),
			 "capacity", json_object_get(body, "capacity"),
			 "labels", labels,
			 "draining", draining, "registered_at", c.now);
	change_put(&c, host, "/hosts/%s", name);
	if (!draining)
		r = hosts_adopt(&c, name, e);
	if (r == 0)
		r = hosts_revision(g, name, &before, e);
	/* A list that nobody has touched has no revision: touch it once. */
	if (r == 0 && (before == 0 || c.txn.n_ops > 1))
		change_touch_host(&c, name);
	if (r == 0)
		r = change_commit(&c, e);
	if (r == 0)
		r = hosts_revision(g, name, ret_revision, e);
	if (r == 0)
		live_host(g->live, name, boot, now);
	return r;
}

int hosts_app_of(struct engine *g, const char *name, const char *dyno,
		 char ret_app[40], struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = id_is_uuid(dyno) ? doc_get(g->state, &d, e, "/host-dynos/%s/%s",
					   name, dyno)
				 : STATE_ABSENT;

	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NO_DYNO, "Couldn't find that dyno "
				   "(%.60s).", dyno);
	if (r == 0)
		snprintf(ret_app, 40, "%s", json_str(d.j, "app"));
	return r;
}

/* A host makes up ids of successors: none that there is. */
static int hosts_id_is_free(struct engine *g, const char *id, struct error *e)
{
	auto_free char *key = xasprintf("/unplaced/%s", id);
	int r = seats_has_id(g->seats, NULL, id) ? 0 :
		state_get(g->state, key, NULL, NULL, e);

	return r < 0 ? r : r == STATE_ABSENT;
}

/* The host knows the old id only until it has told us. */
static int hosts_take_successor(struct engine *g, const char *name,
				const json_t *dyno, bool *changed,
				struct error *e)
{
	const char *id = json_str(dyno, "id"), *old = json_str(dyno, "replaces");
	char app[40];
	int r;

	if (!old || !id_is_uuid(id))
		return 0;
	r = hosts_app_of(g, name, old, app, e);
	if (r == OUTCOME_NO_DYNO)
		return 0;
	if (r == 0)
		r = hosts_id_is_free(g, id, e);
	if (r == 0)
		seats_refuse(g->seats, name, 1);
	if (r <= 0)
		return r;
	r = dynos_succeed(g, app, old, id, e);
	if (r == 0) {
		live_forget(g->live, old);
		*changed = true;
	}
	return r;
}

static int hosts_take(struct engine *g, const char *name, const json_t *dyno,
		      bool *changed, struct error *e)
{
	const char *id = json_str(dyno, "id"), *state = json_str(dyno, "state");
	const struct live_dyno *d;
	char app[40];
	int r;

	if (!id || !state)
		return outcome_set(e, OUTCOME_INVALID,
				   "Every dyno of a report needs id and state.");
	r = hosts_take_successor(g, name, dyno, changed, e);
	if (r != 0)
		return r;
	r = hosts_app_of(g, name, id, app, e);
	if (r == OUTCOME_NO_DYNO) {	/* leaving, or gone already; or another's */
		d = live_get(g->live, id);
		if (d && str_eq(d->host, name))
			live_forget(g->live, id);
		seats_refuse(g->seats, name, !seats_has_id(g->seats, name, id));
		return 0;
	}
	if (r != 0)
		return r;
	if (str_eq(state, "complete")) {
		live_forget(g->live, id);
		*changed = true;
		return dynos_complete(g, app, id,
				      json_int(dyno, "exit_status", -1),
				      json_flag(dyno, "stopped", false), e);
	}
	*changed |= live_take(g->live, name, dyno);
	return 0;
}

/* ---- draining ---- */

/* The operator of a host has drained it, or opened it again. */
static int hosts_take_draining(struct engine *g, const char *name, bool draining,
			       struct error *e)
{
	auto_change c = change_begin(g);
	auto_doc host = DOC_INIT;
	int r = doc_get(g->state, &host, e, "/hosts/%s", name);

	if (r != 0 || json_flag(host.j, "draining", false) == draining)
		return r < 0 ? r : 0;
	log_info("host %s %s", name, draining ? "takes no new dynos" :
		 "takes dynos again");
	json_object_set_new(host.j, "draining", json_boolean(draining));
	change_expect(&c, &host);
	change_put(&c, host.j, "%s", host.key);
	if (!draining) {
		r = hosts_adopt(&c, name, e);
		change_touch_host(&c, name);
	}
	return r < 0 ? r : change_commit(&c, e);
}

/* 1 if there is a host that takes dynos, and is heard. */
static int hosts_have_open(struct engine *g, uint64_t now, struct error *e)
{
	auto_doc_list hosts = DOC_LIST_INIT;
	int r = doc_list(g->state, &hosts, e, "/hosts/");

	for (size_t i = 0; r == 0 && i < hosts.n; i++)
		if (!json_flag(hosts.v[i].j, "draining", false) &&
		    live_host_up(g->live, doc_name(&hosts.v[i]), now))
			return 1;
	return r;
}

/* The formation dynos of one app that are on this host go to others. */
static int hosts_empty_app(struct engine *g, const char *name, const char *app_id,
			   uint64_t now, struct error *e)
{
	auto_doc app = DOC_INIT;
	int r = doc_get(g->state, &app, e, "/apps/%s", app_id);

	return r < 0 ? r : r > 0 ? 0 : dynos_move(g, &app, name, now, e);
}

/* Each app in a transaction of its own. What does not succeed now is tried again
 * with the next full report. */
static void hosts_empty(struct engine *g, const char *name, uint64_t now)
{
	auto_doc_list dynos = DOC_LIST_INIT;
	auto_strv apps = STRV_INIT;
	struct error e;
	int r = hosts_have_open(g, now, &e);

	if (r == 1)
		r = doc_list(g->state, &dynos, &e, "/host-dynos/%s/", name);
	for (size_t i = 0; i < dynos.n; i++)
		if (!strv_has(&apps, json_str(dynos.v[i].j, "app")))
			strv_add(&apps, json_str(dynos.v[i].j, "app"));
	for (size_t i = 0; r >= 0 && i < apps.n; i++)
		r = hosts_empty_app(g, name, apps.v[i], now, &e);
	if (r < 0)
		log_err("move dynos from host %s: %s, will retry", name, e.msg);
}

/* Dynos whose processes the kernel holds: nothing can be done from here, but an
 * operator may want to start that machine anew. */
static int hosts_take_stuck(struct engine *g, const char *name, int64_t stuck,
			    struct error *e)
{
	auto_change c = change_begin(g);
	auto_doc host = DOC_INIT;
	int r = doc_get(g->state, &host, e, "/hosts/%s", name);

	if (r != 0 || json_int(host.j, "stuck", 0) == stuck)
		return r < 0 ? r : 0;
	log_warn("host %s cannot remove %lld dynos", name, (long long)stuck);
	json_object_set_new(host.j, "stuck", json_integer(stuck));
	change_expect(&c, &host);
	change_put(&c, host.j, "%s", host.key);
	return change_commit(&c, e);
}

static int hosts_report_self(struct engine *g, const char *name, const json_t *body,
			     uint64_t now, struct error *e)
{
	bool draining = json_flag(body, "draining", false);
	int r = hosts_take_draining(g, name, draining, e);

	if (r == 0)
		r = hosts_take_stuck(g, name, json_int(body, "stuck", 0), e);
	if (r == 0 && draining)
		hosts_empty(g, name, now);
	return r;
}

int hosts_report(struct engine *g, const char *name, const json_t *body,
		 uint64_t now, bool *ret_changed, struct error *e)
{
	const json_t *dynos = json_object_get(body, "dynos");
	uint64_t seq = (uint64_t)json_int(body, "seq", 0);
	json_t *dyno;
	size_t i;
	int r = 0;

	*ret_changed = false;
	live_host_seen(g->live, name, now);
	if (!live_host_is_news(g->live, name, seq))
		return 0;
	json_array_foreach(dynos, i, dyno) {
		r = hosts_take(g, name, dyno, ret_changed, e);
		if (r != 0)
			return r;
	}
	if (json_flag(body, "full", false)) {
		*ret_changed |= live_take_full(g->live, name, dynos);
		seats_reported(g->seats, name, dynos, clock_real_usec());
		r = hosts_report_self(g, name, body, now, e);
	}
	if (r == 0)
		live_host_told(g->live, name, seq);
	return r;
}
