/*
 * logs.c - one transaction per request of a host; a wake-up per app in it.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "controller/logplex/log_frames.h"
#include "controller/logplex/logs.h"

struct logs {
	struct log_store *store;
	struct list watches;
};

struct logs_watch {
	struct list link;
	char *app;
	void (*fn)(void *userdata);
	void *userdata;
};

int logs_new(struct logs **ret, const char *path, struct error *e)
{
	auto_(logs_free_p) struct logs *l = xcalloc(1, sizeof(*l));
	int r;

	list_init(&l->watches);
	r = log_store_open(&l->store, path, e);
	if (r < 0)
		return r;
	*ret = take_ptr(l);
	return 0;
}

struct logs *logs_free(struct logs *l)
{
	struct logs_watch *w, *tmp;

	if (!l)
		return NULL;
	list_for_each_safe(w, tmp, &l->watches, link)
		list_unlink(&w->link);
	log_store_free(l->store);
	free(l);
	return NULL;
}

struct log_store *logs_store(struct logs *l)
{
	return l->store;
}

static void logs_wake(struct logs *l, const char *app)
{
	struct logs_watch *w, *tmp;

	list_for_each_safe(w, tmp, &l->watches, link)
		if (str_eq(w->app, app))
			w->fn(w->userdata);
}

int logs_say(struct logs *l, const char *app, const char *message,
	     struct error *e)
{
	struct log_line line = {
		.usec = clock_real_usec(), .app = app, .source = "app",
		.ps = "api", .message = message,
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
	logs_wake(l, app);
	return 0;
}

struct logs_batch {
	struct logs *l;
	const char *host, *epoch;
	const struct logs_ops *ops;
	void *userdata;
	struct map apps;		/* app -> YES or NO */
	uint64_t acked;
};

/* The two values that a map of borrowed pointers can tell apart. */
static char yes_mark, no_mark;
#define YES ((void *)&yes_mark)
#define NO ((void *)&no_mark)

static bool logs_batch_known(struct logs_batch *b, const char *app)
{
	void *have = map_get(&b->apps, app);

	if (!have) {
		have = b->ops->known(app, b->userdata) ? YES : NO;
		map_set(&b->apps, app, have);
	}
	return have == YES;
}

static int logs_batch_store(struct logs_batch *b, const struct log_frame *f,
			    struct error *e)
{
	if (str_eq(f->source, "death"))
		return b->ops->death(f->app, f->ps, f->line.message,
				     f->line.message_len, b->userdata, e);
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
		if (logs_batch_known(b, f.app))
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
		.userdata = userdata, .apps = MAP_INIT,
	};
	int r = log_store_begin(l->store, e);

	if (r < 0)
		return r;
	r = logs_batch_run(&b, body, n, e);
	if (r < 0)
		log_store_rollback(l->store);
	else
		*ret_acked = b.acked;
	for (struct map_iter it = { 0 }; r == 0 && map_next(&b.apps, &it); )
		if (it.value == YES)
			logs_wake(l, it.key);
	map_deinit(&b.apps);
	return r;
}

struct logs_watch *logs_watch_new(struct logs *l, const char *app,
				  void (*fn)(void *userdata), void *userdata)
{
	struct logs_watch *w = xcalloc(1, sizeof(*w));

	w->app = xstrdup(app);
	w->fn = fn;
	w->userdata = userdata;
	list_add_tail(&l->watches, &w->link);
	return w;
}

struct logs_watch *logs_watch_free(struct logs_watch *w)
{
	if (!w)
		return NULL;
	list_unlink(&w->link);
	free(w->app);
	free(w);
	return NULL;
}

int logs_forget(struct logs *l, const char *app, struct error *e)
{
	int r = log_store_forget(l->store, app, e);

	logs_wake(l, app);
	return r;
}
