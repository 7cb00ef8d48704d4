/*
 * release_phase.c - a queue per app, and the one-off of its first release.
 */
#include "base/error.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/model/dynos.h"
#include "controller/model/formation.h"
#include "controller/model/one_off.h"
#include "controller/model/outcome.h"
#include "controller/model/release_phase.h"
#include "controller/model/release_switch.h"
#include "controller/model/releases.h"

/* A host that is there ends the dyno in time: it is lost if nobody has by then. */
#define PHASE_GRACE_SEC 60

const char *release_phase_command(const json_t *slug)
{
	return json_str(json_object_get(slug, "process_types"),
			FORMATION_RELEASE);
}

bool release_phase_is_busy(const json_t *app)
{
	return json_array_size(json_object_get(app, "pending")) > 0;
}

/* Whoever made the release, whatever goes on just now. */
static const char *phase_user(const struct change *c, const json_t *release)
{
	const char *email = json_str(json_object_get(release, "user"), "email");

	return email ? email : engine_by(c->g)->email;
}

/* ---- the dyno ---- */

static int phase_dyno(struct change *c, const char *app_id, const json_t *release,
		      const json_t *slug, json_t **ret, struct error *e)
{
	auto_json *dynos = NULL, *formation = NULL;
	auto_free char *name = NULL;
	const json_t *entry;
	int r = dynos_list(c->g, app_id, &dynos, e);

	if (r == 0)
		r = dynos_formation(c->g, app_id, &formation, e);
	if (r < 0)
		return r;
	name = one_off_name(dynos, FORMATION_RELEASE);
	entry = formation_find(formation, FORMATION_RELEASE);
	*ret = json_pack("{s:s, s:s, s:s, s:b, s:O, s:s, s:s, s:I}",
		"name", name, "type", FORMATION_RELEASE, "kind", "run",
		"phase", 1, "release", json_object_get(release, "version"),
		"size", entry ? json_str(entry, "size") : c->g->conf->default_size,
		"command", release_phase_command(slug),
		"time_to_live", (json_int_t)c->g->conf->release_timeout);
	return dynos_add(c, app_id, *ret, e);
}

static json_t *phase_index(struct change *c, const json_t *release,
			   const json_t *dyno, uint64_t from)
{
	uint64_t end = clock_real_usec() / USEC_PER_SEC +
		       c->g->conf->release_timeout + PHASE_GRACE_SEC;

	return json_pack("{s:O, s:O, s:O, s:O, s:I, s:I}",
			 "version", json_object_get(release, "version"),
			 "release", json_object_get(release, "id"),
			 "dyno", json_object_get(dyno, "id"),
			 "name", json_object_get(dyno, "name"),
			 "from", (json_int_t)from, "deadline", (json_int_t)end);
}

/* The command of the first release begins. */
static int phase_start(struct change *c, const char *app_id, json_t *release,
		       const json_t *slug, struct error *e)
{
	auto_json *dyno = NULL, *index = NULL;
	uint64_t from;
	int r = log_store_newest(logs_store(c->g->logs), app_id, &from, e);

	if (r == 0)
		r = phase_dyno(c, app_id, release, slug, &dyno, e);
	if (r < 0)
		return r;
	json_object_set_new(release, "output", json_true());
	index = phase_index(c, release, dyno, from);
	change_put(c, index, "/release-phases/%s", app_id);
	change_say(c, app_id, "Running release v%lld commands by user %s",
		   (long long)json_int(release, "version", 0),
		   phase_user(c, release));
	return 0;
}

int release_phase_queue(struct change *c, const struct doc *app, json_t *release,
			const json_t *slug, struct error *e)
{
	json_t *queue = json_object_get(app->j, "pending");
	bool first = !release_phase_is_busy(app->j);

	if (json_array_size(queue) >= RELEASE_PHASE_QUEUE_MAX)
		return outcome_set(e, OUTCOME_UNAVAILABLE, "%d releases of this app "
			"are pending: wait until a release command has ended.",
			RELEASE_PHASE_QUEUE_MAX);
	if (first) {
		queue = json_array();
		json_object_set_new(app->j, "pending", queue);
	}
	json_array_append(queue, json_object_get(release, "version"));
	return first ? phase_start(c, json_str(app->j, "id"), release, slug, e) : 0;
}

/* ---- the end, and the next ---- */

/* What the steps of one app work on. */
struct phase {
	const char *app_id;
	struct doc app, release;	/* the first one of the queue */
	json_t *slug;
};

static void phase_deinit(struct phase *p)
{
	doc_deinit(&p->app);
	doc_deinit(&p->release);
	json_decref(p->slug);
}

/* STATE_ABSENT: the app is gone, or its queue is empty. */
static int phase_read(struct engine *g, const char *app_id, struct phase *p,
		      struct error *e)
{
	int r = doc_get(g->state, &p->app, e, "/apps/%s", app_id);

	p->app_id = app_id;
	if (r == 0 && !release_phase_is_busy(p->app.j))
		return STATE_ABSENT;
	if (r == 0)
		r = doc_get(g->state, &p->release, e, "/apps/%s/releases/%08lld",
			    app_id, (long long)json_integer_value(json_array_get(
			    json_object_get(p->app.j, "pending"), 0)));
	if (r == 0 && json_str(p->release.j, "slug"))
		r = releases_slug(g, json_str(p->release.j, "slug"), &p->slug, e);
	return r;
}

/* The first one leaves the queue. */
static void phase_leave(struct change *c, struct phase *p, const char *status)
{
	auto_json *index = json_object();

	json_object_set_new(p->release.j, "status", json_string(status));
	json_object_set_new(p->release.j, "updated_at", json_string(c->now));
	change_put(c, p->release.j, "%s", p->release.key);
	json_array_remove(json_object_get(p->app.j, "pending"), 0);
	if (release_phase_is_busy(p->app.j))
		change_put(c, index, "/release-phases/%s", p->app_id);
	else
		change_delete(c, "/release-phases/%s", p->app_id);
}

static int phase_succeed(struct change *c, struct phase *p, struct error *e)
{
	phase_leave(c, p, "succeeded");
	return release_switch(c, &p->app, p->release.j, p->slug, e);
}

static void phase_fail(struct change *c, struct phase *p, const char *reason)
{
	json_object_set_new(p->release.j, "failure", json_string(reason));
	phase_leave(c, p, "failed");
	change_say(c, p->app_id, "Release v%lld command failed by user %s",
		   (long long)json_int(p->release.j, "version", 0),
		   phase_user(c, p->release.j));
}

/* The first one of the queue begins, or has nothing to run. */
static int phase_begin(struct engine *g, struct phase *p, struct error *e)
{
	auto_change c = change_begin(g);
	int r;

	if (json_flag(p->release.j, "phase", false)) {
		r = phase_start(&c, p->app_id, p->release.j, p->slug, e);
		change_put(&c, p->release.j, "%s", p->release.key);
	} else {
		r = phase_succeed(&c, p, e);
	}
	if (r != 0)
		return r;
	change_app(&c, &p->app);
	return change_commit(&c, e);
}

/* Until something runs, or the queue is empty. */
static int phase_advance(struct engine *g, const char *app_id, struct error *e)
{
	for (int i = 0; i <= RELEASE_PHASE_QUEUE_MAX; i++) {
		auto_(phase_deinit) struct phase p = { .slug = NULL };
		bool runs;
		int r = phase_read(g, app_id, &p, e);

		if (r != 0)
			return r < 0 ? r : 0;
		runs = json_flag(p.release.j, "phase", false);
		r = phase_begin(g, &p, e);
		if (r != 0 || runs)
			return r;
	}
	return 0;
}

static int phase_finish(struct engine *g, struct phase *p, const json_t *dyno,
			const char *reason, struct error *e)
{
	auto_change c = change_begin(g);
	int r = 0;

	if (dyno)
		dynos_remove(&c, p->app_id, dyno);
	if (reason)
		phase_fail(&c, p, reason);
	else
		r = phase_succeed(&c, p, e);
	if (r != 0)
		return r;
	change_app(&c, &p->app);
	return change_commit(&c, e);
}

/* Of an older phase, which has ended in another way. */
static int phase_drop(struct engine *g, const char *app_id, const json_t *dyno,
		      struct error *e)
{
	auto_change c = change_begin(g);

	dynos_remove(&c, app_id, dyno);
	return change_commit(&c, e);
}

int release_phase_end(struct engine *g, const char *app_id, const json_t *dyno,
		      int64_t exit_status, const char *reason, struct error *e)
{
	auto_(phase_deinit) struct phase p = { .slug = NULL };
	auto_free char *status = xasprintf("%s exited with status %lld",
				json_str(dyno, "name"), (long long)exit_status);
	struct error late;
	int r = phase_read(g, app_id, &p, e);

	if (r < 0)
		return r;
	if (r != 0 || json_int(p.release.j, "version", 0) !=
		      json_int(dyno, "release", -1))
		return phase_drop(g, app_id, dyno, e);
	if (!reason && exit_status != 0)
		reason = exit_status < 0 ? "the command could not be run" : status;
	r = phase_finish(g, &p, dyno, reason, e);
	/* What is done is done: if the next step fails, the next tick repeats it. */
	if (r == 0)
		phase_advance(g, app_id, &late);
	return r;
}

/* ---- what nobody tells ---- */

/* The app went, and its queue with it. */
static int phase_forget(struct engine *g, const struct doc *index, struct error *e)
{
	auto_change c = change_begin(g);

	change_expect(&c, index);
	change_delete(&c, "%s", index->key);
	return change_commit(&c, e);
}

static int phase_lost(struct engine *g, const struct doc *index, struct error *e)
{
	auto_(phase_deinit) struct phase p = { .slug = NULL };
	int r = phase_read(g, doc_name(index), &p, e);

	if (r == STATE_ABSENT)
		return phase_forget(g, index, e);
	if (r == 0)
		r = phase_finish(g, &p, NULL, "the dyno is gone", e);
	return r;
}

static int phase_look(struct engine *g, const struct doc *index, uint64_t now,
		      struct error *e)
{
	const char *app_id = doc_name(index), *id = json_str(index->j, "dyno");
	auto_doc app = DOC_INIT, dyno = DOC_INIT;
	int r = doc_get(g->state, &app, e, "/apps/%s", app_id);
	if (r == STATE_ABSENT)
		return phase_forget(g, index, e);
	if (r == 0 && !id)
		return phase_advance(g, app_id, e);
	if (r < 0)
		return r;
	r = doc_get(g->state, &dyno, e, "/apps/%s/dynos/%s", app_id, id);
	if (r == STATE_ABSENT)
		return phase_lost(g, index, e);
	if (r < 0 || (int64_t)(now / USEC_PER_SEC) < json_int(index->j, "deadline", 0))
		return r;
	return release_phase_end(g, app_id, dyno.j, -1, "the command did not end in "
				 "time, or its host is lost", e);
}

int release_phase_tick(struct engine *g, uint64_t now, struct error *e)
{
	auto_doc_list phases = DOC_LIST_INIT;
	int r = doc_list(g->state, &phases, e, "/release-phases/");

	for (size_t i = 0; r >= 0 && i < phases.n; i++)
		r = phase_look(g, &phases.v[i], now, e);
	return r < 0 ? r : 0;
}
