/*
 * long_poll.c - a list of waiting requests and one deferred walk over it.
 */
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/api/long_poll.h"
#include "http/server.h"

struct long_poll {
	sd_event *event;		/* borrowed */
	sd_event_source *defer;
	struct list waiters;
	size_t n;
	long_poll_fn fn;
	void *userdata;
};

struct waiter {
	struct list link;
	struct long_poll *poll;
	struct http_request *req;
	sd_event_source *timer;
	char *key;
	uint64_t after;
	bool woken;
};

static void waiter_free(struct waiter *w)
{
	list_unlink(&w->link);
	w->poll->n--;
	w->timer = loop_unref(w->timer);
	free(w->key);
	free(w);
}

static void on_waiter_gone(struct http_request *req, void *userdata)
{
	waiter_free(userdata);
}

static void waiter_try(struct waiter *w, bool last)
{
	struct long_poll *p = w->poll;
	bool done;

	done = p->fn(w->req, w->key, w->after, last, p->userdata);
	assert(done || !last);
	if (done)
		waiter_free(w);
}

static int on_waiter_timeout(sd_event_source *src, uint64_t usec, void *userdata)
{
	waiter_try(userdata, true);
	return 0;
}

static int on_long_poll_wake(sd_event_source *src, void *userdata)
{
	struct long_poll *p = userdata;
	struct waiter *w, *tmp;

	list_for_each_safe(w, tmp, &p->waiters, link) {
		if (!w->woken)
			continue;
		w->woken = false;
		waiter_try(w, false);
	}
	return 0;
}

int long_poll_new(struct long_poll **ret, sd_event *event, long_poll_fn fn,
		  void *userdata, struct error *e)
{
	struct long_poll *p = xcalloc(1, sizeof(*p));
	int r;

	p->event = event;
	p->fn = fn;
	p->userdata = userdata;
	list_init(&p->waiters);
	r = sd_event_add_defer(event, &p->defer, on_long_poll_wake, p);
	if (r < 0) {
		long_poll_free(p);
		return error_ret(e, r, "prepare to wake waiting requests");
	}
	sd_event_source_set_enabled(p->defer, SD_EVENT_OFF);
	sd_event_source_set_description(p->defer, "wake long polls");
	*ret = p;
	return 0;
}

struct long_poll *long_poll_free(struct long_poll *p)
{
	struct waiter *w, *tmp;

	if (!p)
		return NULL;
	list_for_each_safe(w, tmp, &p->waiters, link) {
		http_request_on_gone(w->req, NULL, NULL);
		waiter_free(w);
	}
	loop_unref(p->defer);
	free(p);
	return NULL;
}

void long_poll_add(struct long_poll *p, struct http_request *req,
		   const char *key, uint64_t after, uint64_t wait_sec)
{
	struct waiter *w;
	struct error e;

	if (wait_sec > LONG_POLL_WAIT_MAX_SEC)
		wait_sec = LONG_POLL_WAIT_MAX_SEC;
	if (p->n >= LONG_POLL_WAITERS_MAX)
		wait_sec = 0;
	if (p->fn(req, key, after, wait_sec == 0, p->userdata))
		return;
	w = xcalloc(1, sizeof(*w));
	w->poll = p;
	w->req = req;
	w->key = xstrdup(key);
	w->after = after;
	list_add_tail(&p->waiters, &w->link);
	p->n++;
	http_request_on_gone(req, on_waiter_gone, w);
	if (loop_timer(p->event, &w->timer, wait_sec * USEC_PER_SEC,
		       on_waiter_timeout, w, "long poll", &e) < 0) {
		log_err("%s", e.msg);
		waiter_try(w, true);
	}
}

void long_poll_wake(struct long_poll *p, const char *key)
{
	struct waiter *w;

	list_for_each(w, &p->waiters, link)
		w->woken |= !key || str_eq(w->key, key);
	sd_event_source_set_enabled(p->defer, SD_EVENT_ONESHOT);
}
