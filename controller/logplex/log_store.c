/*
 * log_store.c - rings in memory before the file. Of a batch only what will be kept is
 * written; readers are mostly served from memory.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "controller/logplex/log_file.h"
#include "controller/logplex/log_ring.h"
#include "controller/logplex/log_store.h"

#define TRIM_SLACK 512		/* lines above the limit before a trim */
#define DAY_USEC (24ULL * 3600 * USEC_PER_SEC)

struct log_store {
	struct log_file *file;
	struct map rings;
	size_t n_rings, bytes;
	struct list used, touched, veiled;
	struct log_ring *last;		/* the one that was looked for last */
};

/* ---- life ---- */

int log_store_open(struct log_store **ret, const char *path, struct error *e)
{
	auto_(log_store_free_p) struct log_store *s = xcalloc(1, sizeof(*s));
	int r;

	list_init(&s->used);
	list_init(&s->touched);
	list_init(&s->veiled);
	r = log_file_open(&s->file, path, e);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct log_store *log_store_free(struct log_store *s)
{
	struct log_ring *ring, *tmp;

	if (!s)
		return NULL;
	list_for_each_safe(ring, tmp, &s->used, used)
		log_ring_free(ring);
	map_deinit(&s->rings);
	log_file_free(s->file);
	free(s);
	return NULL;
}

/* ---- rings ---- */

static void log_store_drop_ring(struct log_store *s, struct log_ring *ring)
{
	if (!ring)
		return;
	if (s->last == ring)
		s->last = NULL;
	s->bytes -= ring->bytes;
	s->n_rings--;
	map_remove(&s->rings, ring->app);
	log_ring_free(ring);
}

/* Those that were used least recently go first. */
static void log_store_shrink(struct log_store *s)
{
	struct log_ring *ring, *tmp;

	list_for_each_safe(ring, tmp, &s->used, used) {
		if (s->bytes <= LOG_STORE_MEMORY && s->n_rings <= LOG_STORE_RINGS)
			return;
		if (list_empty(&ring->veiled) && list_empty(&ring->touched) &&
		    ring != s->last)
			log_store_drop_ring(s, ring);
	}
}

static struct log_ring *log_store_known(struct log_store *s, const char *app)
{
	if (!s->last || !str_eq(s->last->app, app))
		s->last = map_get(&s->rings, app);
	return s->last;
}

/* The ring of an app, made if it has a line, or will have; else *ret is NULL. */
static int log_store_ring(struct log_store *s, const char *app, bool make,
			  struct log_ring **ret, struct error *e)
{
	struct log_ring *ring = log_store_known(s, app);
	uint64_t newest;
	int r;

	*ret = ring;
	if (ring)
		return 0;
	r = log_file_newest(s->file, app, &newest, e);
	if (r < 0 || (newest == 0 && !make))
		return r;
	*ret = s->last = ring = log_ring_new(app, newest);
	map_set(&s->rings, ring->app, ring);
	list_add_tail(&s->used, &ring->used);
	s->n_rings++;
	log_store_shrink(s);
	return 0;
}

static void log_store_use(struct log_store *s, struct log_ring *ring)
{
	list_unlink(&ring->used);
	list_add_tail(&s->used, &ring->used);
}

/* ---- transactions ---- */

int log_store_begin(struct log_store *s, struct error *e)
{
	return log_file_begin(s->file, e);
}

static int log_store_touch(struct log_store *s, const char *app,
			   struct log_ring **ret, struct error *e)
{
	int r = log_store_ring(s, app, true, ret, e);

	if (r == 0 && list_empty(&(*ret)->touched))
		list_add_tail(&s->touched, &(*ret)->touched);
	return r;
}

int log_store_add(struct log_store *s, const struct log_line *line,
		  struct error *e)
{
	struct log_ring *ring;
	int r = log_store_touch(s, line->app, &ring, e);

	if (r == 0)
		log_ring_add(ring, line);
	return r;
}

int log_store_lost(struct log_store *s, const char *app, const char *source,
		   const char *ps, uint64_t n, struct error *e)
{
	struct log_ring *ring;
	int r = log_store_touch(s, app, &ring, e);

	if (r == 0)
		log_ring_count(ring, source, ps)->dropped += n;
	return r;
}

static int log_store_write_count(struct log_store *s, const struct log_ring *ring,
				 const struct log_count *c, uint64_t now,
				 struct error *e)
{
	struct log_store_count count = {
		.source = c->source, .ps = c->ps, .stored = c->stored,
		.dropped = c->dropped,
	};

	return log_file_add_count(s->file, ring->app, &count, now, e);
}

static int log_store_trim(struct log_store *s, const struct log_ring *ring,
			  struct error *e)
{
	uint64_t newest = ring->next - 1;

	if (newest <= ring->trimmed + LOG_STORE_LINES + TRIM_SLACK)
		return 0;
	return log_file_trim(s->file, ring->app, newest - LOG_STORE_LINES, e);
}

static int log_store_write(struct log_store *s, const struct log_ring *ring,
			   uint64_t now, struct error *e)
{
	const struct log_count *count;
	const struct log_chunk *c;
	int r = 0;

	list_for_each(c, &ring->adding, link)
		if (r == 0 && c->first + c->n + LOG_STORE_LINES > ring->next)
			r = log_file_add_chunk(s->file, ring->app, c, now, e);
	if (r == 0 && !list_empty(&ring->adding))
		r = log_file_set_newest(s->file, ring->app, ring->next - 1, e);
	list_for_each(count, &ring->counts, link)
		if (r == 0)
			r = log_store_write_count(s, ring, count, now, e);
	return r == 0 ? log_store_trim(s, ring, e) : r;
}

static void log_store_added(struct log_store *s, struct log_ring *ring,
			    uint64_t now)
{
	s->bytes -= ring->bytes;
	log_ring_commit(ring, now);
	s->bytes += ring->bytes;
	if (ring->newest > ring->trimmed + LOG_STORE_LINES + TRIM_SLACK)
		ring->trimmed = ring->newest - LOG_STORE_LINES;
	list_unlink(&ring->touched);
	list_unlink(&ring->veiled);
	if (ring->shown < ring->newest)
		list_add_tail(&s->veiled, &ring->veiled);
	log_store_use(s, ring);
}

int log_store_commit(struct log_store *s, struct error *e)
{
	uint64_t now = clock_real_usec();
	struct log_ring *ring, *tmp;
	int r = 0;

	list_for_each(ring, &s->touched, touched)
		if (r == 0)
			r = log_store_write(s, ring, now, e);
	if (r == 0)
		r = log_file_commit(s->file, e);
	if (r < 0)
		return r;
	list_for_each_safe(ring, tmp, &s->touched, touched)
		log_store_added(s, ring, now);
	return 0;
}

void log_store_rollback(struct log_store *s)
{
	struct log_ring *ring, *tmp;

	list_for_each_safe(ring, tmp, &s->touched, touched) {
		log_ring_rollback(ring);
		list_unlink(&ring->touched);
		if (ring->newest == 0)
			log_store_drop_ring(s, ring);
	}
	log_file_rollback(s->file);
}

int log_store_acked(struct log_store *s, const char *host, const char *epoch,
		    uint64_t *ret, struct error *e)
{
	return log_file_acked(s->file, host, epoch, ret, e);
}

int log_store_ack(struct log_store *s, const char *host, const char *epoch,
		  uint64_t seq, struct error *e)
{
	return log_file_ack(s->file, host, epoch, seq, e);
}

/* ---- showing ---- */

static void log_store_ring_shown(struct log_store *s, struct log_ring *ring)
{
	s->bytes -= ring->bytes;
	if (ring->shown > LOG_STORE_LINES)
		log_ring_drop(ring, ring->shown - LOG_STORE_LINES);
	s->bytes += ring->bytes;
	if (ring->shown == ring->newest)
		list_unlink(&ring->veiled);
}

void log_store_show(struct log_store *s, uint64_t n,
		    void (*fn)(const char *app, void *userdata), void *userdata)
{
	struct log_ring *ring, *tmp;

	list_for_each_safe(ring, tmp, &s->veiled, veiled) {
		log_ring_show(ring, n);
		if (fn)
			fn(ring->app, userdata);
		log_store_ring_shown(s, ring);
	}
	log_store_shrink(s);
}

size_t log_store_veiled(const struct log_store *s)
{
	const struct log_ring *ring;
	size_t n = 0;

	list_for_each(ring, &s->veiled, veiled)
		n += log_ring_veiled_bytes(ring);
	return n;
}

/* ---- reading ---- */

int log_store_newest(struct log_store *s, const char *app, uint64_t *ret,
		     struct error *e)
{
	struct log_ring *ring;
	int r = log_store_ring(s, app, false, &ring, e);

	if (r == 0)
		*ret = ring ? ring->shown : 0;
	return r;
}

int log_store_read(struct log_store *s, const char *app, uint64_t after,
		   size_t max, log_store_fn fn, void *userdata,
		   struct error *e)
{
	struct log_walk w = {
		.app = app, .after = after, .max = max, .fn = fn,
		.userdata = userdata,
	};
	struct log_ring *ring;
	uint64_t first;
	int r = log_store_ring(s, app, false, &ring, e);

	if (r < 0 || !ring)
		return r;
	if (ring->shown > LOG_STORE_LINES &&
	    w.after < ring->shown - LOG_STORE_LINES)
		w.after = ring->shown - LOG_STORE_LINES;
	log_store_use(s, ring);
	first = log_ring_first(ring);
	w.last = first - 1 < ring->shown ? first - 1 : ring->shown;
	if (w.after < w.last)
		r = log_file_walk(s->file, &w, e);
	w.last = ring->shown;
	if (r == 0 && w.max > 0 && w.after < w.last)
		r = log_ring_walk(ring, &w);
	return r;
}

int log_store_counts(struct log_store *s, const char *app,
		     int (*fn)(const struct log_store_count *c, void *userdata),
		     void *userdata, struct error *e)
{
	return log_file_counts(s->file, app, fn, userdata, e);
}

/* ---- forgetting ---- */

int log_store_expire(struct log_store *s, uint64_t now, struct error *e)
{
	uint64_t before = now - LOG_STORE_DAYS * DAY_USEC;
	struct log_ring *ring;
	int r = log_store_begin(s, e);

	if (r == 0)
		r = log_file_expire(s->file, before, e);
	if (r == 0)
		r = log_store_commit(s, e);
	if (r < 0) {
		log_store_rollback(s);
		return r;
	}
	list_for_each(ring, &s->used, used) {
		s->bytes -= ring->bytes;
		log_ring_expire(ring, before);
		s->bytes += ring->bytes;
	}
	return 0;
}

int log_store_forget(struct log_store *s, const char *app, struct error *e)
{
	int r = log_store_begin(s, e);

	if (r == 0)
		r = log_file_forget(s->file, app, e);
	if (r == 0)
		r = log_store_commit(s, e);
	if (r < 0)
		log_store_rollback(s);
	else
		log_store_drop_ring(s, log_store_known(s, app));
	return r;
}

int log_store_apps(struct log_store *s, struct strv *ret, struct error *e)
{
	return log_file_apps(s->file, ret, e);
}
