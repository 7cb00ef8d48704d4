/*
 * collect.c - what may go, in which order, until it is enough.
 *
 * Decided from one look at the store, carried out one by one; under the locks
 * (evict.h) each is looked at again. So another collector, a lease or a pin
 * that comes meanwhile costs us a victim and nothing else.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/strv.h"
#include "slugstore/space/evict.h"
#include "slugstore/space/leftover.h"
#include "slugstore/space/marks.h"
#include "slugstore/store_dir.h"

#include <dirent.h>

const char *const collect_kind_names[COLLECT_KINDS] = {
	[COLLECT_DAMAGED] = "damaged", [COLLECT_PARTIAL] = "partial",
	[COLLECT_TREE] = "tree", [COLLECT_BLOB] = "blob",
};

struct collect {
	struct store *s;
	const struct collect_request *req;
	struct marks_level at;
	struct marks_goal goal;
	struct usage_slug *slugs;	/* that may go, least recently used first */
	size_t n;
	struct collect_result res;
	int r;				/* first failure, and its message */
	struct error *e;
};

static void collect_deinit(struct collect *c)
{
	free(c->slugs);
}

/* Keep the first. */
static void collect_failed(struct collect *c, int r, const struct error *e)
{
	if (r >= 0 || c->r < 0)
		return;
	c->r = r;
	if (c->e)
		*c->e = *e;
}

static bool collect_reached(const struct collect *c)
{
	return marks_reached(&c->s->marks, &c->at, &c->goal);
}

/* By us or by somebody else, it has gone, or would. */
static void collect_gone(struct collect *c, const struct collect_victim *v,
			 bool by_us)
{
	marks_free(&c->at, v->bytes, v->inodes);
	if (!by_us)
		return;
	c->res.counts[v->kind]++;
	c->res.bytes += v->bytes;
	c->res.inodes += v->inodes;
	if (c->req->on_victim)
		c->req->on_victim(v, c->req->userdata);
}

static int collect_compare(const void *a, const void *b)
{
	const struct usage_slug *x = a, *y = b;

	if (x->used_usec != y->used_usec)
		return x->used_usec < y->used_usec ? -1 : 1;
	return strcmp(x->sha256, y->sha256);
}

/* A slug in use is used now: the end of its lease leaves no trace. */
static bool collect_spares(struct collect *c, const struct usage_slug *u)
{
	if (u->lease == LEASE_HELD && !c->req->dry_run)
		lease_touch(c->s, u->sha256);
	if (u->lease != LEASE_FREE)
		c->res.in_use++;
	else if (u->pinned)
		c->res.pinned++;
	return u->lease != LEASE_FREE || u->pinned;
}

static int collect_look(struct collect *c)
{
	auto_strv all = STRV_INIT;
	int r = store_list(c->s, &all, c->e);

	c->slugs = xcalloc(all.n + 1, sizeof(*c->slugs));
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		struct usage_slug *u = &c->slugs[c->n];

		r = usage_slug(c->s, all.v[i], u, c->e);
		if (r == 0 && !collect_spares(c, u))
			c->n++;
	}
	qsort(c->slugs, c->n, sizeof(*c->slugs), collect_compare);
	return r < 0 ? r : 0;
}

static void collect_slug(struct collect *c, struct usage_slug *u,
			 const struct collect_victim *v)
{
	struct eviction ev = EVICTION_INIT;
	struct error e;
	int r;

	if (c->req->dry_run) {
		collect_gone(c, v, true);
		return;
	}
	r = evict(&ev, c->s, u->sha256, v->kind == COLLECT_TREE ? EVICT_TREE
								: EVICT_ALL, &e);
	if (r == 0)
		collect_gone(c, v, ev.tree.store || ev.blob.store);
	evict_finish(&ev);
	collect_failed(c, r, &e);
	c->res.in_use += r == EVICT_BUSY;
	c->res.pinned += r == EVICT_PINNED;
	if (r != 0)
		u->pinned = true;	/* spare its blob as well */
}

/* An image is its blob by another name: alone, it would free nothing. */
static void collect_trees(struct collect *c)
{
	for (size_t i = 0; i < c->n && !collect_reached(c); i++) {
		struct usage_slug *u = &c->slugs[i];

		if (!u->tree.inodes || u->tree.shared)
			continue;
		collect_slug(c, u, &(struct collect_victim){
			.kind = COLLECT_TREE, .name = u->sha256,
			.used_usec = u->used_usec, .bytes = u->tree.bytes,
			.inodes = u->tree.inodes });
		u->tree = (struct usage){ 0 };
	}
}

static void collect_blobs(struct collect *c)
{
	for (size_t i = 0; i < c->n && !collect_reached(c); i++) {
		struct usage_slug *u = &c->slugs[i];

		if (u->pinned || !(u->has_blob || u->tree.inodes))
			continue;
		collect_slug(c, u, &(struct collect_victim){
			.kind = COLLECT_BLOB, .name = u->sha256,
			.used_usec = u->used_usec,
			.bytes = u->blob.bytes + u->tree.bytes,
			.inodes = u->blob.inodes + u->tree.inodes });
	}
}

/* Set aside or interrupted, the oldest first. */
static void collect_leftovers(struct collect *c, enum collect_kind kind)
{
	auto_(leftovers_deinit) struct leftovers all = LEFTOVERS_INIT;
	struct error e;
	int r = leftovers_look(&all, c->s, kind, &e);

	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		const struct leftover *l = &all.v[i];
		const struct collect_victim v = {
			.kind = kind, .name = l->name, .used_usec = l->usec,
			.bytes = l->usage.bytes, .inodes = l->usage.inodes };

		if (collect_reached(c) && !leftover_is_stale(l))
			continue;
		r = leftover_remove(l, c->s, kind, c->req->dry_run, &e);
		c->res.in_use += r == LEFTOVER_BUSY;
		if (r == 0)
			collect_gone(c, &v, true);
		collect_failed(c, r, &e);
		r = 0;
	}
	collect_failed(c, r, &e);
}

/* Lock files of slugs that are not there: whoever made one has died. */
static void collect_locks(struct collect *c)
{
	auto_strv all = STRV_INIT;

	if (store_list_dir(c->s->locks_fd, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++) {
		auto_close int fd = -1;

		if (store_has(c->s, all.v[i], NULL, NULL) == STORE_ABSENT &&
		    lease_try(c->s, all.v[i], true, &fd, NULL) == 0 &&
		    store_has(c->s, all.v[i], NULL, NULL) == STORE_ABSENT &&
		    store_has_tree(c->s, all.v[i], NULL) == STORE_ABSENT)
			lease_forget(c->s, all.v[i]);
	}
}

static int collect_begin(struct collect *c)
{
	struct usage_store all = { 0 };
	int r = usage_fs(c->s, &c->at.fs, c->e);

	if (r >= 0 && marks_measure(&c->s->marks))
		r = usage_store(c->s, &all, c->e);
	if (r < 0)
		return r;
	c->at.used = all.total;
	c->at.bytes = c->req->bytes;
	c->at.inodes = c->req->inodes;
	c->goal = marks_begin(&c->s->marks, &c->at);
	return 0;
}

static void collect_end(struct collect *c)
{
	struct usage_fs fs;

	/* What the file system says counts, not what we have added up. */
	if (!c->req->dry_run && usage_fs(c->s, &fs, NULL) >= 0)
		c->at.fs = fs;
	c->res.enough = collect_reached(c);
	c->res.fits = marks_fit(&c->at);
	c->res.room_bytes = c->at.fs.bytes_free;
	c->res.room_inodes = c->at.fs.inodes_free;
}

int store_collect(struct store *s, const struct collect_request *req,
		  struct collect_result *ret, struct error *e)
{
	auto_(collect_deinit) struct collect c = { .s = s, .req = req, .e = e };
	int r;

	if (!req->dry_run) {
		incoming_sweep(s);
		collect_locks(&c);
	}
	r = collect_begin(&c);
	if (r >= 0)
		r = collect_look(&c);
	if (r < 0)
		return error_prefix(e, r, "collect slugs");
	collect_leftovers(&c, COLLECT_DAMAGED);
	collect_leftovers(&c, COLLECT_PARTIAL);
	collect_trees(&c);
	collect_blobs(&c);
	collect_end(&c);
	*ret = c.res;
	return error_prefix(e, c.r, "collect slugs");
}
