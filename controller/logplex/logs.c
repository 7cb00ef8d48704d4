/*
 * logs.c - one transaction per request of a host, shown in pieces; a wake-up per app
 * and piece.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/strv.h"
#include "controller/logplex/log_frames.h"
#include "controller/logplex/logs.h"

#include <stdio.h>

#define WATCH_BUCKETS 256

/* Lines of an app that are shown at a time: readers hold 1024 (of a drain, of a
 * tail) and get a turn in between. 250 a millisecond are more than an app is
 * expected to write. */
#define SLICE_MIN 128
#define SLICE_MAX 400
#define SLICE_PER_MSEC 250
#define SLICE_USEC 1000
#define VEILED_MAX (1024 * 1024)	/* bytes not shown, before senders wait */
#define EXPIRE_USEC (3600 * USEC_PER_SEC)

struct logs {
	struct log_store *store;
	struct list watches[WATCH_BUCKETS];
	size_t n_watches;
	struct list waits;
	sd_event *event;		/* borrowed; NULL: all at once */
	sd_event_source *slice, *expire;
	uint64_t shown_at;		/* monotonic usec of the last slice */
	bool showing, again;
};

struct logs_watch {
	struct list link;
	struct logs *l;
	char *app;
	void (*fn)(void *userdata);
	void *userdata;
};

struct logs_wait {
	struct list link;
	void (*fn)(void *userdata);
	void *userdata;
};

int logs_new(struct logs **ret, const char *path, struct error *e)
{
	auto_(logs_free_p) struct logs *l = xcalloc(1, sizeof(*l));
	int r;

	for (size_t i = 0; i < WATCH_BUCKETS; i++)
		list_init(&l->watches[i]);
	list_init(&l->waits);
	r = log_store_open(&l->store, path, e);
	if (r < 0)
		return r;
	*ret = take_ptr(l);
	return 0;
}

struct logs *logs_free(struct logs *l)
{
	struct logs_watch *w, *w_next;
	struct logs_wait *wait, *wait_next;

	if (!l)
		return NULL;
	for (size_t i = 0; i < WATCH_BUCKETS; i++)
		list_for_each_safe(w, w_next, &l->watches[i], link) {
			w->l = NULL;
			list_unlink(&w->link);
		}
	list_for_each_safe(wait, wait_next, &l->waits, link)
		list_unlink(&wait->link);
	l->slice = loop_unref(l->slice);
	l->expire = loop_unref(l->expire);
	log_store_free(l->store);
	free(l);
	return NULL;
}

struct log_store *logs_store(struct logs *l)
{
	return l->store;
}

/* ---- watches ---- */

/* UUIDs are random from their first digit on. */
static struct list *logs_bucket(struct logs *l, const char *app)
{
	unsigned h = 0;

	for (size_t i = 0; i < 8 && app[i]; i++)
		h = h * 31 + (unsigned char)app[i];
	return &l->watches[h % WATCH_BUCKETS];
}

static void logs_wake(struct logs *l, const char *app)
{
	struct logs_watch *w, *tmp;

	list_for_each_safe(w, tmp, logs_bucket(l, app), link)
		if (str_eq(w->app, app))
			w->fn(w->userdata);
}

struct logs_watch *logs_watch_new(struct logs *l, const char *app,
				  void (*fn)(void *userdata), void *userdata)
{
	struct logs_watch *w = xcalloc(1, sizeof(*w));

	w->l = l;
	w->app = xstrdup(app);
	w->fn = fn;
	w->userdata = userdata;
	list_add_tail(logs_bucket(l, app), &w->link);
	l->n_watches++;
	return w;
}

struct logs_watch *logs_watch_free(struct logs_watch *w)
{
	if (!w)
		return NULL;
	if (w->l)
		w->l->n_watches--;
	list_unlink(&w->link);
	free(w->app);
	free(w);
	return NULL;
}

/* ---- showing, and who waits for it ---- */

static void on_logs_shown(const char *app, void *userdata)
{
	logs_wake(userdata, app);
}

/* Those who are called store more. */
static void logs_call_waits(struct logs *l)
{
	while (!list_empty(&l->waits) && !logs_is_full(l)) {
		struct logs_wait *w = list_entry(l->waits.next, struct logs_wait,
						 link);

		list_unlink(&w->link);
		w->fn(w->userdata);
		free(w);
	}
}

static int on_logs_slice(sd_event_source *src, uint64_t usec, void *userdata);

static uint64_t logs_slice(struct logs *l)
{
	uint64_t now = clock_mono_usec();
	uint64_t n = (now - l->shown_at) * SLICE_PER_MSEC / 1000;

	l->shown_at = now;
	if (!l->event || l->n_watches == 0)
		return UINT64_MAX;
	return n < SLICE_MIN ? SLICE_MIN : n > SLICE_MAX ? SLICE_MAX : n;
}

static int logs_next_slice(struct logs *l, struct error *e)
{
	int r;

	if (!l->slice) {
		r = sd_event_add_time_relative(l->event, &l->slice, CLOCK_MONOTONIC,
					       SLICE_USEC, 1, on_logs_slice, l);
		if (r < 0)
			return error_ret(e, r, "show lines in time");
		sd_event_source_set_description(l->slice, "log lines");
		return 0;
	}
	sd_event_source_set_time_relative(l->slice, SLICE_USEC);
	sd_event_source_set_enabled(l->slice, SD_EVENT_ONESHOT);
	return 0;
}

/* Readers that are woken may say something themselves. */
static void logs_show_slice(struct logs *l)
{
	do {
		l->again = false;
		l->showing = true;
		log_store_show(l->store, logs_slice(l), on_logs_shown, l);
		l->showing = false;
	} while (l->again && !l->event);
}

void logs_show(struct logs *l)
{
	struct error e;

	l->again = true;
	if (l->showing)
		return;
	logs_show_slice(l);
	if (log_store_veiled(l->store) == 0)
		return;
	if (logs_next_slice(l, &e) < 0) {
		log_err("%s, showing all lines at once", e.msg);
		log_store_show(l->store, UINT64_MAX, on_logs_shown, l);
	}
}

static int on_logs_slice(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct logs *l = userdata;

	logs_show(l);
	logs_call_waits(l);
	return 0;
}

bool logs_is_full(const struct logs *l)
{
	return log_store_veiled(l->store) > VEILED_MAX;
}

struct logs_wait *logs_wait_new(struct logs *l, void (*fn)(void *userdata),
				void *userdata)
{
	struct logs_wait *w = xcalloc(1, sizeof(*w));

	w->fn = fn;
	w->userdata = userdata;
	list_add_tail(&l->waits, &w->link);
	return w;
}

struct logs_wait *logs_wait_free(struct logs_wait *w)
{
	if (!w)
		return NULL;
	list_unlink(&w->link);
	free(w);
	return NULL;
}

static int on_logs_expire(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct logs *l = userdata;
	struct error e;

	if (log_store_expire(l->store, clock_real_usec(), &e) < 0)
		log_err("remove old lines: %s, will retry", e.msg);
	if (loop_timer(l->event, &l->expire, EXPIRE_USEC, on_logs_expire, l,
		       "old log lines", &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

int logs_start(struct logs *l, sd_event *event, struct error *e)
{
	l->event = event;
	return loop_timer(event, &l->expire, 0, on_logs_expire, l, "old log lines",
			  e);
}

/* ---- adding ---- */

int logs_say(struct logs *l, const char *app, const char *message,
	     struct error *e)
{
	return logs_say_as(l, app, "app", "api", message, e);
}

int logs_say_as(struct logs *l, const char *app, const char *source, const char *ps,
		const char *message, struct error *e)
{
	struct log_line line = {
		.usec = clock_real_usec(), .app = app, .source = source,
		.ps = ps, .message = message,
		.message_len = strnlen(message, LOG_STORE_MESSAGE_MAX),
	};
	int r = log_store_begin(l->store, e);

	if (r == 0)
		r = log_store_add(l->store, &line, e);
	if (r == 0)
		r = log_store_commit(l->store, e);
	if (r < 0) {
		log_store_rollback(l->store);
		return r;
	}
	logs_show(l);
	return 0;
}

struct logs_batch {
	struct logs *l;
	const char *host, *epoch;
	const struct logs_ops *ops;
	void *userdata;
	struct map apps;		/* app -> YES or NO */
	char app[40];			/* the last one that was looked for, */
	bool known;			/* and what it is */
	struct map dynos;		/* "app ps" -> YES or NO */
	uint64_t refused;
	uint64_t acked;
};

/* The two values that a map of borrowed pointers can tell apart. */
static char yes_mark, no_mark;
#define YES ((void *)&yes_mark)
#define NO ((void *)&no_mark)

static bool logs_batch_known(struct logs_batch *b, const char *app)
{
	void *have;

	if (str_eq(b->app, app))
		return b->known;
	have = map_get(&b->apps, app);
	if (!have) {
		have = b->ops->known(app, b->userdata) ? YES : NO;
		map_set(&b->apps, app, have);
	}
	snprintf(b->app, sizeof(b->app), "%s", app);
	b->known = have == YES;
	return b->known;
}

static bool logs_batch_may(struct logs_batch *b, const char *app, const char *ps)
{
	auto_free char *key = NULL;
	void *have;

	if (!b->ops->may)
		return true;
	key = xasprintf("%s %s", app, ps);
	have = map_get(&b->dynos, key);
	if (!have) {
		have = b->ops->may(app, ps, b->userdata) ? YES : NO;
		map_set(&b->dynos, key, have);
	}
	return have == YES;
}

static uint64_t logs_number(const char *text, size_t n)
{
	uint64_t number = 0;

	for (size_t i = 0; i < n && i < 15 && text[i] >= '0' && text[i] <= '9'; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	return number;
}

static int logs_batch_store(struct logs_batch *b, const struct log_frame *f,
			    struct error *e)
{
	if (str_eq(f->source, "death"))
		return b->ops->death(f->app, f->ps, f->line.message,
				     f->line.message_len, b->userdata, e);
	if (str_eq(f->source, "loss"))
		return log_store_lost(b->l->store, f->app, "app", f->ps,
				      logs_number(f->line.message,
						  f->line.message_len), e);
	return log_store_add(b->l->store, &f->line, e);
}

static int logs_batch_add(struct logs_batch *b, const char *p, const char *end,
			  struct error *e)
{
	struct log_frame f;
	int r;

	while ((r = log_frames_next(&p, end, &f, e)) == 0) {
		if (f.seq <= b->acked)
			continue;
		if (!logs_batch_may(b, f.app, f.ps))
			b->refused++;
		else if (logs_batch_known(b, f.app))
			r = logs_batch_store(b, &f, e);
		if (r < 0)
			return r;
		b->acked = f.seq;
	}
	return r < 0 ? r : 0;
}

static int logs_batch_run(struct logs_batch *b, const char *body, size_t n,
			  struct error *e)
{
	uint64_t before;
	int r = log_store_acked(b->l->store, b->host, b->epoch, &b->acked, e);

	before = b->acked;
	if (r == 0)
		r = logs_batch_add(b, body, body + n, e);
	if (r == 0 && b->acked != before)
		r = log_store_ack(b->l->store, b->host, b->epoch, b->acked, e);
	if (r == 0)
		r = log_store_commit(b->l->store, e);
	return r;
}

int logs_take(struct logs *l, const char *host, const char *epoch,
	      const char *body, size_t n, const struct logs_ops *ops,
	      void *userdata, uint64_t *ret_acked, struct error *e)
{
	struct logs_batch b = {
		.l = l, .host = host, .epoch = epoch, .ops = ops,
		.userdata = userdata, .apps = MAP_INIT, .dynos = MAP_INIT,
	};
	int r = log_store_begin(l->store, e);

	if (r < 0)
		return r;
	r = logs_batch_run(&b, body, n, e);
	if (r < 0)
		log_store_rollback(l->store);
	else
		*ret_acked = b.acked;
	map_deinit(&b.apps);
	map_deinit(&b.dynos);
	if (r == 0 && b.refused)
		ops->refused(b.refused, userdata);
	if (r == 0)
		logs_show(l);
	return r;
}

int logs_forget(struct logs *l, const char *app, struct error *e)
{
	int r = log_store_forget(l->store, app, e);

	logs_wake(l, app);
	return r;
}

int logs_collect(struct logs *l, bool (*keep)(const char *app, void *userdata),
		 void *userdata, struct error *e)
{
	auto_strv apps = STRV_INIT;
	int r = log_store_apps(l->store, &apps, e);

	for (size_t i = 0; r == 0 && i < apps.n; i++)
		if (!keep(apps.v[i], userdata))
			r = logs_forget(l, apps.v[i], e);
	return r;
}
