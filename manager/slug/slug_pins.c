/*
 * slug_pins.c - one list at a time: a newer one that comes while a job runs is
 * asked for again by whoever has it, since fn tells the end of the job.
 */
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/strv.h"
#include "manager/limits.h"
#include "manager/model/backoff.h"
#include "manager/slug/slug_command.h"
#include "manager/slug/slug_pins.h"

struct slug_pins {
	const struct slug_command *command;
	slug_pins_fn fn;
	void *userdata;
	bool known;			/* asked is a list, if only an empty one */
	bool shrunk;			/* since the last success */
	struct strv asked;		/* sorted, each once */
	struct job *job;
	bool late;			/* it takes long */
	unsigned failures;		/* in a row */
	sd_event_source *retry, *patience;
};

static void slug_pins_start(struct slug_pins *p);

static int slug_pins_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void slug_pins_sort(const struct strv *slugs, struct strv *ret)
{
	auto_strv all = STRV_INIT;

	for (size_t i = 0; i < slugs->n; i++)
		strv_add(&all, slugs->v[i]);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), slug_pins_compare);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || !str_eq(all.v[i], all.v[i - 1]))
			strv_add(ret, all.v[i]);
}

/* Both sorted. */
static bool slug_pins_has_all(const struct strv *set, const struct strv *subset)
{
	size_t k = 0;

	for (size_t i = 0; i < subset->n; i++) {
		while (k < set->n && strcmp(set->v[k], subset->v[i]) < 0)
			k++;
		if (k == set->n || !str_eq(set->v[k], subset->v[i]))
			return false;
	}
	return true;
}

static int on_slug_pins_retry(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct slug_pins *p = userdata;

	p->retry = loop_unref(p->retry);
	slug_pins_start(p);
	return 0;
}

static void slug_pins_fail(struct slug_pins *p, const char *message)
{
	struct error e;

	p->patience = loop_unref(p->patience);
	if (p->failures++ == 0)
		log_err("cannot say which slugs are wanted: %s, will retry", message);
	if (loop_timer(p->command->event, &p->retry,
		       backoff_jitter(p->failures, SLUG_PAUSE_MAX_SEC * USEC_PER_SEC,
				      id_random(BACKOFF_CHANCES)),
		       on_slug_pins_retry, p, "slug pins", &e) < 0)
		log_err("%s", e.msg);
}

static void on_slug_pins_done(struct job *job, const struct job_result *res,
			      void *userdata)
{
	struct slug_pins *p = userdata;
	bool shrunk = false;

	if (res->status != 0) {
		slug_pins_fail(p, *res->message ? res->message : "dyno-slug failed");
	} else {
		if (p->failures)
			log_info("the slugs that are wanted are written down now");
		p->failures = 0;
		shrunk = p->shrunk;
		p->shrunk = false;
	}
	p->patience = loop_unref(p->patience);
	p->late = false;
	p->job = job_free(p->job);
	p->fn(shrunk, p->userdata);
}

static int on_slug_pins_late(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct slug_pins *p = userdata;

	p->patience = loop_unref(p->patience);
	p->late = true;
	p->fn(false, p->userdata);
	return 0;
}

static void slug_pins_start(struct slug_pins *p)
{
	auto_strv args = STRV_INIT;
	struct error e;

	p->late = loop_timer(p->command->event, &p->patience,
			     SLUG_PINS_PATIENCE_MSEC * USEC_PER_MSEC,
			     on_slug_pins_late, p, "slug pins", &e) < 0;

	strv_add(&args, "keep");
	for (size_t i = 0; i < p->asked.n; i++)
		strv_add(&args, p->asked.v[i]);
	if (slug_command_run(p->command, &args, SLUG_PINS_TIMEOUT_SEC,
			     on_slug_pins_done, p, &p->job, &e) < 0)
		slug_pins_fail(p, e.msg);
}

bool slug_pins_want(struct slug_pins *p, const struct strv *slugs)
{
	auto_strv wanted = STRV_INIT;
	bool same;

	slug_pins_sort(slugs, &wanted);
	same = p->known && p->asked.n == wanted.n &&
	       slug_pins_has_all(&wanted, &p->asked);
	if (!same && !p->job) {
		p->shrunk = p->shrunk || !slug_pins_has_all(&wanted, &p->asked);
		p->known = true;
		strv_deinit(&p->asked);
		p->asked = wanted;
		wanted = STRV_INIT;
		p->retry = loop_unref(p->retry);
		slug_pins_start(p);
	}
	return !p->job || p->failures || p->late;
}

struct slug_pins *slug_pins_new(const struct slug_command *command,
				slug_pins_fn fn, void *userdata)
{
	struct slug_pins *p = xcalloc(1, sizeof(*p));

	p->command = command;
	p->fn = fn;
	p->userdata = userdata;
	p->asked = STRV_INIT;
	return p;
}

struct slug_pins *slug_pins_free(struct slug_pins *p)
{
	if (!p)
		return NULL;
	p->retry = loop_unref(p->retry);
	p->patience = loop_unref(p->patience);
	job_free(p->job);
	strv_deinit(&p->asked);
	free(p);
	return NULL;
}
