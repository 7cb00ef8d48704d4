/*
 * slug_storage.c - holds, pins and orders. What has to agree with what is in
 * slug_storage_settle() for one blob, and in storage_agree() for all of them.
 */
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/strv.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/slug/slug_objects.h"
#include "controller/slug/slug_storage.h"
#include "controller/slug/slugs.h"
#include "slugstore/space/collect.h"
#include "slugstore/store.h"

#include <stdio.h>

#define STORAGE_SCHEME "s3://"
#define STORAGE_DIRECTORY "directory"
#define STORAGE_NAME_MAX 512
#define AGREE_USEC (3600 * USEC_PER_SEC)
#define COLLECT_USEC (60 * USEC_PER_SEC)	/* after something came in */

struct slug_storage {
	sd_event *event;		/* borrowed */
	struct engine *g;		/* borrowed */
	char *prefix;			/* "s3://bucket/prefix", or NULL */
	struct storage_jobs *jobs;
	struct list holds, orders;
	sd_event_source *agree, *collect;
};

struct slug_hold {
	struct list link;
	struct slug_storage *storage;
	char sha256[SHA256_HEX_MAX];
};

struct slug_order {
	struct list link;
	struct slug_storage *storage;
	enum storage_job job;
	char sha256[SHA256_HEX_MAX];
	char *url;
	struct storage_wait *wait;
	storage_done_fn fn;		/* or NULL */
	void *userdata;
};

bool slug_storage_name_ok(const char *name)
{
	const char *rest = str_after(name, STORAGE_SCHEME);
	size_t n;

	if (str_eq(name, STORAGE_DIRECTORY))
		return true;
	n = rest ? strlen(rest) : 0;
	return n && n < STORAGE_NAME_MAX && rest[0] != '/' &&
	       rest[n - 1] != '/' && !strstr(rest, "//") &&
	       strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789._-/") == n;
}

/* ---- who wants a blob ---- */

static bool storage_is_held(const struct slug_storage *s, const char *sha256)
{
	struct slug_hold *h;

	list_for_each(h, &s->holds, link)
		if (str_eq(h->sha256, sha256))
			return true;
	return false;
}

/* In doubt it is. */
static bool storage_is_named(struct slug_storage *s, const char *sha256)
{
	struct map digests = MAP_INIT;
	struct error e;
	bool named = slugs_digests(s->g, &digests, &e) < 0 ||
		     map_get(&digests, sha256);

	map_deinit(&digests);
	return named;
}

static bool storage_is_object(struct slug_storage *s, const char *sha256)
{
	auto_free char *url = NULL;
	bool stored = false;
	struct error e;

	return slug_objects_find(s->g, sha256, &url, &stored, &e) == 0 && stored;
}

static bool storage_wants_pin(struct slug_storage *s, const char *sha256)
{
	return !s->prefix || !storage_is_object(s, sha256);
}

/* After a hold has ended, or what holds for a blob has changed. */
static void slug_storage_settle(struct slug_storage *s, const char *sha256)
{
	struct error e;

	if (storage_is_held(s, sha256))
		return;
	if (!storage_is_named(s, sha256))
		slug_storage_drop(s, sha256);
	else if (store_pin(s->g->slugs, sha256, storage_wants_pin(s, sha256),
			   &e) < 0)
		log_warn("pin slug %s: %s, ignoring", sha256, e.msg);
}

int slug_hold_new(struct slug_hold **ret, struct slug_storage *s,
		  const char *sha256, struct error *e)
{
	struct slug_hold *h = xcalloc(1, sizeof(*h));

	h->storage = s;
	snprintf(h->sha256, sizeof(h->sha256), "%s", sha256);
	list_add_tail(&s->holds, &h->link);
	*ret = h;
	return store_pin(s->g->slugs, sha256, true, e);
}

struct slug_hold *slug_hold_free(struct slug_hold *h)
{
	if (!h)
		return NULL;
	list_unlink(&h->link);
	slug_storage_settle(h->storage, h->sha256);
	free(h);
	return NULL;
}

/* ---- orders ---- */

struct slug_order *slug_order_free(struct slug_order *o)
{
	if (!o)
		return NULL;
	list_unlink(&o->link);
	storage_wait_free(o->wait);
	free(o->url);
	free(o);
	return NULL;
}

static int on_collect(sd_event_source *src, uint64_t usec, void *userdata);

/* Not at once: more may come. */
static void storage_collect_soon(struct slug_storage *s)
{
	int on = SD_EVENT_OFF;
	struct error e;

	if (s->collect)
		sd_event_source_get_enabled(s->collect, &on);
	if (on == SD_EVENT_OFF && s->prefix &&
	    loop_timer(s->event, &s->collect, COLLECT_USEC, on_collect, s,
		       "collect slugs", &e) < 0)
		log_warn("%s, ignoring", e.msg);
}

static int order_put_done(struct slug_storage *s, const struct slug_order *o,
			  struct error *e)
{
	int r = slug_objects_put(s->g, o->sha256, o->url, true, e);

	slug_storage_settle(s, o->sha256);
	storage_collect_soon(s);
	return r;
}

/* Wanted again meanwhile: then a put is behind us, and the doc is its. */
static int order_remove_done(struct slug_storage *s, const char *sha256,
			     struct error *e)
{
	if (storage_is_held(s, sha256) || storage_is_named(s, sha256))
		return 0;
	return slug_objects_forget(s->g, sha256, e);
}

static void on_order_done(int r, const struct error *why, void *userdata)
{
	struct slug_order *o = userdata;
	struct slug_storage *s = o->storage;
	struct error e = *why;

	o->wait = NULL;
	if (r == 0 && o->job == STORAGE_PUT)
		r = order_put_done(s, o, &e);
	else if (r == 0 && o->job == STORAGE_REMOVE)
		r = order_remove_done(s, o->sha256, &e);
	else if (r == 0 && o->job == STORAGE_FETCH)
		storage_collect_soon(s);
	if (r < 0)
		log_err("slug storage: %s", e.msg);
	else if (r == STORAGE_ABSENT)
		log_err("slug storage: %s is missing", o->url);
	if (o->fn)
		o->fn(r, &e, o->userdata);
	slug_order_free(o);
}

static struct slug_order *order_new(struct slug_storage *s, enum storage_job job,
				    const char *sha256, const char *url,
				    storage_done_fn fn, void *userdata)
{
	struct slug_order *o = xcalloc(1, sizeof(*o));

	o->storage = s;
	o->job = job;
	snprintf(o->sha256, sizeof(o->sha256), "%s", sha256);
	o->url = xstrdup(url);
	o->fn = fn;
	o->userdata = userdata;
	list_add_tail(&s->orders, &o->link);
	o->wait = storage_jobs_want(s->jobs, job, sha256, url, on_order_done, o);
	return o;
}

int slug_storage_put(struct slug_storage *s, const char *sha256,
		     struct slug_order **ret, storage_done_fn fn,
		     void *userdata, struct error *e)
{
	auto_free char *url = NULL;
	int r;

	*ret = NULL;
	if (!s->prefix || storage_is_object(s, sha256))
		return 0;
	url = xasprintf("%s/%s", s->prefix, sha256);
	r = slug_objects_put(s->g, sha256, url, false, e);
	if (r == 0)
		*ret = order_new(s, STORAGE_PUT, sha256, url, fn, userdata);
	return r;
}

int slug_storage_fetch(struct slug_storage *s, const char *sha256,
		       struct slug_order **ret, storage_done_fn fn,
		       void *userdata, struct error *e)
{
	auto_free char *url = NULL;
	bool stored;
	int r = slug_objects_find(s->g, sha256, &url, &stored, e);

	if (r == 0 && !stored)
		r = STATE_ABSENT;
	if (r == 0)
		*ret = order_new(s, STORAGE_FETCH, sha256, url, fn, userdata);
	return r;
}

void slug_storage_drop(struct slug_storage *s, const char *sha256)
{
	auto_free char *url = NULL;
	struct error e;
	int r;

	if (storage_is_held(s, sha256) || storage_is_named(s, sha256))
		return;
	r = store_pin(s->g->slugs, sha256, false, &e);
	if (r == 0)
		r = store_remove(s->g->slugs, sha256, &e);
	if (r < 0)
		log_warn("remove slug %s: %s, ignoring", sha256, e.msg);
	r = slug_objects_find(s->g, sha256, &url, NULL, &e);
	if (r == STATE_ABSENT)
		return;
	/* From here on it has to be put again by who wants it. */
	if (r == 0)
		r = slug_objects_put(s->g, sha256, url, false, &e);
	if (r == 0)
		order_new(s, STORAGE_REMOVE, sha256, url, NULL, NULL);
	else
		log_warn("remove slug %s: %s, ignoring", sha256, e.msg);
}

/* ---- all of them ---- */

static void on_collected(int r, const struct error *e, void *userdata)
{
	if (r < 0)
		log_warn("slug storage: %s, ignoring", e->msg);
}

static int on_collect(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct slug_storage *s = userdata;

	storage_jobs_want(s->jobs, STORAGE_COLLECT, NULL, NULL, on_collected, s);
	return 0;
}

/* Objects that no slug names: a crash left them, or nobody could be reached. */
static int storage_drop_objects(struct slug_storage *s, const struct map *named,
				struct error *e)
{
	auto_strv objects = STRV_INIT;
	int r = slug_objects_list(s->g, &objects, e);

	for (size_t i = 0; r == 0 && i < objects.n; i++)
		if (!map_get(named, objects.v[i]))
			slug_storage_drop(s, objects.v[i]);
	return r;
}

/* Slugs that are only here, after a crash or another configuration. */
static int storage_put_rest(struct slug_storage *s, const struct map *named,
			    struct error *e)
{
	int r = 0;

	for (struct map_iter it = { .key = NULL }; r >= 0 && map_next(named, &it);) {
		struct slug_order *o;

		if (!s->prefix || storage_is_object(s, it.key))
			continue;
		r = store_has(s->g->slugs, it.key, NULL, e);
		if (r == STORE_ABSENT)
			log_err("slug %s is in no storage", it.key);
		else if (r == 0)
			r = slug_storage_put(s, it.key, &o, NULL, NULL, e);
	}
	return r < 0 ? r : 0;
}

static int storage_agree(struct slug_storage *s, struct error *e)
{
	struct map named = MAP_INIT;
	int r = slugs_digests(s->g, &named, e);

	if (r == 0)
		r = storage_drop_objects(s, &named, e);
	if (r == 0)
		r = storage_put_rest(s, &named, e);
	map_deinit(&named);
	return r;
}

static int on_agree(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct slug_storage *s = userdata;
	struct error e;

	if (storage_agree(s, &e) < 0)
		log_err("slug storage: %s, will retry", e.msg);
	if (s->prefix)
		on_collect(NULL, 0, s);
	if (loop_timer(s->event, &s->agree, AGREE_USEC, on_agree, s,
		       "slug storage", &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

/* What a crash has left here: pins, and blobs that no slug names. */
static int storage_agree_here(struct slug_storage *s, struct error *e)
{
	struct map named = MAP_INIT;
	auto_strv pins = STRV_INIT, here = STRV_INIT;
	int r = slugs_digests(s->g, &named, e);

	for (struct map_iter it = { .key = NULL }; r == 0 && map_next(&named, &it);)
		if (storage_wants_pin(s, it.key))
			strv_add(&pins, it.key);
	if (r == 0)
		r = store_keep_only(s->g->slugs, &pins, e);
	if (r == 0)
		r = store_list(s->g->slugs, &here, e);
	for (size_t i = 0; r == 0 && i < here.n; i++)
		if (!map_get(&named, here.v[i]))
			slug_storage_drop(s, here.v[i]);
	map_deinit(&named);
	return r;
}

/* A cache makes room by itself for what comes in. */
static int storage_init(struct slug_storage *s, struct error *e)
{
	static const struct collect_marks none = { .high_bytes = 0 };

	if (str_eq(s->g->conf->slug_storage, STORAGE_DIRECTORY))
		return 0;
	s->prefix = xstrdup(s->g->conf->slug_storage);
	return store_set_marks(s->g->slugs, &none, e);
}

int slug_storage_new(struct slug_storage **ret, sd_event *event,
		     struct engine *g, const char *dir, const char *conf,
		     struct error *e)
{
	auto_(slug_storage_free_p) struct slug_storage *s = xcalloc(1, sizeof(*s));
	int r;

	s->event = event;
	s->g = g;
	list_init(&s->holds);
	list_init(&s->orders);
	s->jobs = storage_jobs_new(event, dir, conf);
	r = storage_init(s, e);
	if (r == 0)
		r = storage_agree_here(s, e);
	if (r == 0)
		r = loop_timer(event, &s->agree, 0, on_agree, s, "slug storage",
			       e);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct slug_storage *slug_storage_free(struct slug_storage *s)
{
	struct slug_order *o, *next;

	if (!s)
		return NULL;
	assert(list_empty(&s->holds));
	list_for_each_safe(o, next, &s->orders, link)
		slug_order_free(o);
	loop_unref(s->agree);
	loop_unref(s->collect);
	storage_jobs_free(s->jobs);
	free(s->prefix);
	free(s);
	return NULL;
}
