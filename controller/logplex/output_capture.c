/*
 * output_capture.c - one follower of the log per phase.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/logplex/output_capture.h"
#include "controller/logplex/outputs.h"

#include <stdio.h>

/* How long the last lines may take behind the report of the end. */
#define CAPTURE_LATE_USEC (10 * USEC_PER_SEC)
#define CAPTURE_BATCH 100		/* lines per look into the store */
#define CAPTURE_NAME_MAX 160

static const char exit_line[] = "Process exited with status ";

struct output_capture {
	struct engine *g;
	struct state_watch *watch;
	struct list followers;
};

struct follower {
	struct list link;
	struct output_capture *c;
	struct logs_watch *watch;
	char app[UUID_TEXT_MAX], release[UUID_TEXT_MAX], ps[CAPTURE_NAME_MAX];
	struct outputs_state state;
	uint64_t end;			/* the phase has ended: give up then; 0: not */
	bool broken;
};

static struct follower *follower_free(struct follower *f)
{
	list_unlink(&f->link);
	logs_watch_free(f->watch);
	free(f);
	return NULL;
}

/* ---- lines ---- */

struct follower_batch {
	struct follower *f;
	struct error *e;
};

static int on_follower_line(const struct log_line *line, void *userdata)
{
	struct follower_batch *b = userdata;
	struct follower *f = b->f;

	f->state.number = line->number;
	if (f->state.ended || !str_eq(line->ps, f->ps))
		return 0;
	if (str_eq(line->source, "app"))
		return outputs_add(f->c->g->outputs, f->release, line->number,
				   line->message, line->message_len, &f->state, b->e);
	f->state.ended = line->message_len > sizeof(exit_line) - 1 &&
			 memcmp(line->message, exit_line, sizeof(exit_line) - 1) == 0;
	return 0;
}

/* The lines and the number of the last one, or nothing. */
static int follower_copy(struct follower *f, struct error *e)
{
	struct follower_batch b = { f, e };
	uint64_t before = f->state.number;
	int r = outputs_begin(f->c->g->outputs, e);

	if (r == 0)
		r = log_store_read(logs_store(f->c->g->logs), f->app, before,
				   CAPTURE_BATCH, on_follower_line, &b, e);
	if (r == 0)
		r = outputs_note(f->c->g->outputs, f->release, &f->state, e);
	if (r == 0)
		r = outputs_commit(f->c->g->outputs, e);
	outputs_rollback(f->c->g->outputs);
	return r < 0 ? r : f->state.number > before;
}

static void on_follower_lines(void *userdata)
{
	struct follower *f = userdata;
	uint64_t newest = 0;
	struct error e;
	int r = log_store_newest(logs_store(f->c->g->logs), f->app, &newest, &e);

	while (r >= 0 && !f->broken && !f->state.ended && f->state.number < newest) {
		r = follower_copy(f, &e);
		if (r == 0)
			break;
	}
	if (r < 0) {
		log_err("keep the output of %s: %s, giving up", f->ps, e.msg);
		f->broken = true;
	}
}

/* ---- phases ---- */

static struct follower *follower_find(struct output_capture *c, const char *release)
{
	struct follower *f;

	list_for_each(f, &c->followers, link)
		if (str_eq(f->release, release))
			return f;
	return NULL;
}

static void follower_new(struct output_capture *c, const char *app,
			 const json_t *phase)
{
	struct follower *f = xcalloc(1, sizeof(*f));
	uint64_t from = (uint64_t)json_int(phase, "from", 0);
	struct error e;

	f->c = c;
	snprintf(f->app, sizeof(f->app), "%s", app);
	snprintf(f->release, sizeof(f->release), "%s", json_str(phase, "release"));
	snprintf(f->ps, sizeof(f->ps), "%s", json_str(phase, "name"));
	list_init(&f->link);
	if (outputs_state(c->g->outputs, f->release, &f->state, &e) < 0) {
		log_err("keep the output of %s: %s, giving up", f->ps, e.msg);
		f->broken = true;
	}
	if (f->state.number < from)
		f->state.number = from;
	f->watch = logs_watch_new(c->g->logs, app, on_follower_lines, f);
	list_add_tail(&c->followers, &f->link);
}

/* NULL: the queue of the app is empty. */
static void capture_take(struct output_capture *c, const char *app,
			 const json_t *phase)
{
	const char *release = json_str(phase, "release");
	struct follower *f;

	list_for_each(f, &c->followers, link)
		if (str_eq(f->app, app) && !f->end &&
		    (!release || !str_eq(f->release, release)))
			f->end = clock_mono_usec() + CAPTURE_LATE_USEC;
	if (release && json_str(phase, "name") && !follower_find(c, release))
		follower_new(c, app, phase);
}

static void on_capture_phase(const char *key, const char *value, uint64_t revision,
			     void *userdata)
{
	auto_json *phase = NULL;
	struct error e;

	if (value && json_parse(value, strlen(value), &phase, &e) < 0)
		log_err("state key %s: %s, ignoring", key, e.msg);
	capture_take(userdata, strrchr(key, '/') + 1, phase);
}

int output_capture_new(struct output_capture **ret, struct engine *g,
		       struct error *e)
{
	auto_(output_capture_free_p) struct output_capture *c = xcalloc(1, sizeof(*c));
	auto_doc_list phases = DOC_LIST_INIT;
	int r;

	c->g = g;
	list_init(&c->followers);
	r = doc_list(g->state, &phases, e, "/release-phases/");
	if (r < 0)
		return r;
	for (size_t i = 0; i < phases.n; i++)
		capture_take(c, doc_name(&phases.v[i]), phases.v[i].j);
	c->watch = state_watch_new(g->state, "/release-phases/", on_capture_phase, c);
	*ret = take_ptr(c);
	return 0;
}

struct output_capture *output_capture_free(struct output_capture *c)
{
	struct follower *f, *tmp;

	if (!c)
		return NULL;
	list_for_each_safe(f, tmp, &c->followers, link)
		follower_free(f);
	state_watch_free(c->watch);
	free(c);
	return NULL;
}

static void follower_end(struct follower *f)
{
	struct outputs *o = f->c->g->outputs;
	struct error e;

	if (!f->state.ended && !f->broken) {
		f->state.ended = true;
		if (outputs_note(o, f->release, &f->state, &e) < 0)
			log_err("end the output of %s: %s, ignoring", f->ps, e.msg);
	}
	follower_free(f);
}

void output_capture_tick(struct output_capture *c, uint64_t now)
{
	struct follower *f, *tmp;

	list_for_each_safe(f, tmp, &c->followers, link) {
		on_follower_lines(f);
		if (f->end && (f->state.ended || f->broken || now >= f->end))
			follower_end(f);
	}
}
