/*
 * health_gate.c - judge by what the hosts report, and by the records of ends.
 */
#include "base/error.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/deaths.h"
#include "controller/model/dynos.h"
#include "controller/model/features.h"
#include "controller/model/health_gate.h"
#include "controller/model/live.h"
#include "controller/model/outcome.h"
#include "controller/model/release_phase.h"
#include "controller/model/release_switch.h"
#include "controller/model/releases.h"

/* How long behind the end of the watch hosts are waited for that say nothing. */
#define HEALTH_SILENCE_SEC 60

enum health_verdict health_gate_judge(const struct health_facts *f)
{
	if (f->crashed)
		return HEALTH_BAD;
	if (!f->over || f->unknown)
		return HEALTH_WAIT;
	return f->up < f->wanted ? HEALTH_BAD : HEALTH_GOOD;
}

/* ---- begin ---- */

/* A release that was not found good yet is nothing to go back to. */
static int gate_previous(struct engine *g, const char *app_id, int64_t before,
			 int64_t *ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/health-gates/%s", app_id);

	*ret = r == 0 ? json_int(d.j, "previous", before) : before;
	return r < 0 ? r : 0;
}

int health_gate_begin(struct change *c, const struct doc *app,
		      const json_t *release, int64_t before, struct error *e)
{
	const char *app_id = json_str(app->j, "id");
	auto_json *gate = NULL;
	int64_t previous;
	int r = features_on(c->g, app_id, FEATURES_HEALTH, e);

	if (r < 0)
		return r;
	if (r == 0 || !json_flag(release, "gated", false)) {
		change_delete(c, "/health-gates/%s", app_id);
		return 0;
	}
	r = gate_previous(c->g, app_id, before, &previous, e);
	if (r < 0)
		return r;
	gate = json_pack("{s:O, s:I, s:I}",
		"version", json_object_get(release, "version"),
		"previous", (json_int_t)previous, "until",
		(json_int_t)(clock_real_usec() / USEC_PER_SEC +
			     c->g->conf->health_window));
	change_put(c, gate, "/health-gates/%s", app_id);
	return 0;
}

/* ---- look ---- */

/* Stopped as it was told is no crash; nor is a dyno of another release. */
static bool gate_is_crash(const json_t *death, const char *id)
{
	const char *who = json_str(death, "id"), *cause = json_str(death, "cause");

	return who && cause && str_eq(who, id) && !str_eq(cause, "stopped") &&
	       !str_eq(cause, "stop timeout");
}

static int gate_look_dyno(struct engine *g, const char *app_id, const json_t *dyno,
			  uint64_t now, struct health_facts *f, struct error *e)
{
	const char *id = json_str(dyno, "id");
	const struct live_dyno *d = live_get(g->live, id);
	auto_json *deaths = NULL;
	json_t *it;
	size_t i;
	int r = deaths_list(g, app_id, json_str(dyno, "name"), &deaths, e);

	f->wanted++;
	f->up += d && str_eq(d->state, "up") && live_host_up(g->live, d->host, now);
	f->unknown += !d && !live_host_up(g->live, json_str(dyno, "host"), now);
	if (d && str_eq(d->state, "crashed"))
		f->crashed = json_str(dyno, "name");
	json_array_foreach(deaths, i, it)
		if (gate_is_crash(it, id))
			f->crashed = json_str(dyno, "name");
	return r;
}

static int gate_look(struct engine *g, const char *app_id, const json_t *dynos,
		     uint64_t now, struct health_facts *f, struct error *e)
{
	json_t *dyno;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		if (r == 0 && str_eq(json_str(dyno, "kind"), "formation") &&
		    str_eq(json_str(dyno, "type"), "web"))
			r = gate_look_dyno(g, app_id, dyno, now, f, e);
	return r;
}

/* ---- act ---- */

static int gate_end(struct engine *g, const struct doc *gate, struct error *e)
{
	auto_change c = change_begin(g);

	change_expect(&c, gate);
	change_delete(&c, "%s", gate->key);
	return change_commit(&c, e);
}

static int gate_roll_back(struct engine *g, const struct doc *gate,
			  const struct doc *app, const struct health_facts *f,
			  struct error *e)
{
	auto_free char *previous = xasprintf("v%lld",
				(long long)json_int(gate->j, "previous", 0));
	auto_free char *why = f->crashed ? xasprintf("%s has crashed", f->crashed) :
		xasprintf("%u of %u web dynos are up", f->up, f->wanted);
	auto_free char *line = xasprintf("Release v%lld is not healthy (%s): going "
		"back to %s", (long long)json_int(gate->j, "version", 0), why,
		previous);
	struct error refusal;
	int r = releases_go_back(g, app, previous, line, &refusal);

	if (r <= 0 || r == OUTCOME_RACE) {
		if (r < 0)
			error_set(e, refusal.code, "%s", refusal.msg);
		return r;
	}
	return gate_end(g, gate, e);	/* there is nothing to go back to */
}

static int gate_decide(struct engine *g, const struct doc *gate,
		       const struct doc *app, uint64_t now, int64_t now_sec,
		       struct error *e)
{
	int64_t until = json_int(gate->j, "until", 0);
	struct health_facts f = { .over = now_sec >= until };
	auto_json *dynos = NULL;
	int r = dynos_list(g, doc_name(gate), &dynos, e);

	if (r == 0)
		r = gate_look(g, doc_name(gate), dynos, now, &f, e);
	if (r != 0)
		return r;
	if (now_sec >= until + HEALTH_SILENCE_SEC)
		f.unknown = 0;
	switch (health_gate_judge(&f)) {
	case HEALTH_WAIT:
		return 0;
	case HEALTH_GOOD:
		return gate_end(g, gate, e);
	case HEALTH_BAD:
		return release_phase_is_busy(app->j) ? 0 :
		       gate_roll_back(g, gate, app, &f, e);
	}
	return 0;
}

int health_gate_tick(struct engine *g, uint64_t now, uint64_t real,
		     struct error *e)
{
	auto_doc_list gates = DOC_LIST_INIT;
	int r = doc_list(g->state, &gates, e, "/health-gates/");

	for (size_t i = 0; r >= 0 && i < gates.n; i++) {
		auto_doc app = DOC_INIT;

		r = doc_get(g->state, &app, e, "/apps/%s", doc_name(&gates.v[i]));
		if (r == STATE_ABSENT || (r == 0 && release_switch_current(app.j) !=
					  json_int(gates.v[i].j, "version", 0)))
			r = gate_end(g, &gates.v[i], e);
		else if (r == 0)
			r = gate_decide(g, &gates.v[i], &app, now,
					(int64_t)(real / USEC_PER_SEC), e);
	}
	return r < 0 ? r : 0;
}
