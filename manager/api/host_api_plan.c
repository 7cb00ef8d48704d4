/*
 * host_api_plan.c - the supervisor's structs become those of host_plan.h, and its
 * answers JSON.
 */
#include "base/clock.h"
#include "base/loop.h"
#include "http/json.h"
#include "http/server.h"
#include "manager/api/host_api_plan.h"
#include "manager/life/life.h"
#include "manager/limits.h"
#include "manager/model/host_plan.h"
#include "manager/supervisor/pass.h"
#include "manager/supervisor/strays.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/upstream.h"

static json_t *host_api_plan_time(uint64_t real_usec)
{
	char text[CLOCK_TEXT_MAX];

	return real_usec ? json_string(clock_api_text(text, real_usec)) : json_null();
}

static enum host_plan_slug host_api_plan_slug(const struct life *l)
{
	switch (slug_jobs_stage(l->s->slugs, l->a->slug ? l->a->slug : "")) {
	case SLUG_STAGE_QUEUED:
		return HOST_PLAN_SLUG_QUEUED;
	case SLUG_STAGE_PAUSED:
		return HOST_PLAN_SLUG_PAUSED;
	case SLUG_STAGE_RUNNING:
		break;
	}
	return HOST_PLAN_SLUG_FETCHING;
}

/* Those that dynod is busy with count, too. 0: it is one of them. */
static size_t host_api_plan_ahead(const struct life *l)
{
	size_t n = l->s->n_starts;
	struct life *other;

	list_for_each(other, &l->s->start_queue, start_link) {
		if (other == l)
			return n;
		n++;
	}
	return 0;
}

static json_t *host_api_plan_life(const struct life *l, const char *action)
{
	struct host_plan_dyno d = {
		.kind = l->a->kind, .state = l->st.state,
		.web = assignment_is_web(l->a), .stopping = l->st.stopping,
		.overlaps = l->st.cycling == STATE_OVERLAPS, .told = l->told,
		.slug = host_api_plan_slug(l), .ahead = host_api_plan_ahead(l),
		.starts_max = STARTS_MAX, .port = l->st.port,
		.crashes = l->st.crashes, .failures = l->st.failures,
		.hups = l->st.hups, .hups_max = (int64_t)l->s->conf.hup_count,
		.error = l->st.error,
		.timer = loop_timer_due(l->timer),
	};
	struct host_plan_reason why;
	json_t *j;

	host_plan_explain(&d, &why);
	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:o}",
		"id", l->id, "app", l->a->app_name ? l->a->app_name : "",
		"name", l->a->name, "state", life_shown(l),
		"phase", dyno_fsm_name(l->st.state), "action", action,
		"waits_for", why.waits_for,
		"why", json_bytes(why.why, strlen(why.why)),
		"until", host_api_plan_time(why.until),
		"error", l->st.error ? json_bytes(l->st.error, strlen(l->st.error)) :
				       json_null(),
		"cycle_at", host_api_plan_time(dyno_fsm_is_running(l->st.state) ?
					       (uint64_t)l->st.cycle_at : 0));
	host_plan_reason_deinit(&why);
	return j;
}

static json_t *host_api_plan_absent(const struct assignment *a, const char *action,
				    const char *waits_for, const char *why)
{
	return json_pack("{s:n, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:n, s:n, s:n}",
		"id", "app", a->app_name ? a->app_name : "", "name", a->name,
		"state", "down", "phase", "absent", "action", action,
		"waits_for", waits_for, "why", why, "until", "error", "cycle_at");
}

static const char *host_api_plan_action(const struct pass *p, size_t index)
{
	static const char *const words[] = {
		[RECONCILE_CREATE] = "start", [RECONCILE_STOP] = "stop",
		[RECONCILE_FORGET] = "forget", [RECONCILE_SLEEP] = "sleep",
		[RECONCILE_WAKE] = "wake",
	};

	for (size_t k = 0; k < p->n; k++) {
		const struct reconcile_action *a = &p->actions[k];

		if (a->index == index && a->verb != RECONCILE_CREATE)
			return words[a->verb];
	}
	return "none";
}

static bool host_api_plan_is_covered(const struct pass *p, const char *id)
{
	for (size_t i = 0; i < p->n_have; i++)
		if ((str_eq(p->have[i].id, id) || str_eq(p->have[i].slot, id)) &&
		    !(p->have[i].formation && p->have[i].stopping))
			return true;
	return false;
}

/* A wanted dyno that does not exist. NULL: it does. */
static json_t *host_api_plan_wanted(const struct supervisor *s, const struct pass *p,
				    size_t index)
{
	const struct assignment *a = s->wanted.items[index];

	for (size_t k = 0; k < p->n; k++) {
		const struct reconcile_action *x = &p->actions[k];

		if (x->verb != RECONCILE_CREATE || x->index != index)
			continue;
		if (pass_is_held(s, x))
			return host_api_plan_absent(a, "held", "drain",
				"this host is draining and takes no new dynos");
		return host_api_plan_absent(a, "start", NULL,
					    "the next pass starts it");
	}
	if (host_api_plan_is_covered(p, a->id))
		return NULL;
	return host_api_plan_absent(a, "waits", "name",
		"the old dyno of its name has not been signalled yet");
}

static json_t *host_api_plan_dynos(const struct supervisor *s)
{
	auto_(pass_deinit) struct pass p = PASS_INIT;
	json_t *list = json_array();

	pass_make(s, &p);
	for (size_t i = 0; i < p.n_have; i++)
		json_array_append_new(list, host_api_plan_life(p.lives[i],
			host_api_plan_action(&p, i)));
	for (size_t i = 0; i < p.n_want; i++) {
		json_t *j = host_api_plan_wanted(s, &p, i);

		if (j)
			json_array_append_new(list, j);
	}
	for (size_t i = p.n_want; i < s->wanted.n; i++)
		json_array_append_new(list, host_api_plan_absent(s->wanted.items[i],
			"held", "drain", "this host has been stopped"));
	return list;
}

static void host_api_plan_stray(const struct stray_info *t, void *userdata)
{
	auto_free char *why = t->error ? xstrdup(t->error) :
		xstrdup(t->alive ? "it is in no file of ours and is being killed" :
				   "what dynod has of it is being removed");

	json_array_append_new(userdata, json_pack("{s:s, s:b, s:o, s:I, s:o}",
		"instance", t->uuid, "alive", t->alive,
		"why", json_bytes(why, strlen(why)),
		"tries", (json_int_t)t->failures,
		"until", host_api_plan_time(loop_timer_due(t->timer))));
}

/* What keeps all dynos waiting. */
static json_t *host_api_plan_waiting(const struct supervisor *s)
{
	json_t *list = json_array();

	if (!s->ready)
		json_array_append_new(list, json_string(
			"dynod has not told yet what runs here"));
	if (s->ready && !s->pinned)
		json_array_append_new(list, json_string(
			"the slug store is being told what is wanted here"));
	if (s->upstream && !upstream_is_there(s->upstream))
		json_array_append_new(list, json_string(
			"upstream is away: nothing new comes, and no web dyno is cycled "
			"before its deadline"));
	return list;
}

void host_api_plan(struct http_request *req, void *userdata)
{
	struct supervisor *s = userdata;
	json_t *strays = json_array();

	strays_each(s, host_api_plan_stray, strays);
	http_reply_json(req, 200, json_pack("{s:s, s:b, s:s, s:o, s:o, s:o}",
		"mode", drain_mode_name(s->drain.mode), "ready", s->ready,
		"upstream_status", s->upstream ? upstream_status(s->upstream) :
						 "there is none",
		"waiting", host_api_plan_waiting(s), "dynos", host_api_plan_dynos(s),
		"strays", strays));
}
