/*
 * log_store.c - rows are chunks of lines. Of a batch only what will be kept is
 * written; readers are mostly served from memory.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "base/strv.h"
#include "controller/logplex/log_ring.h"
#include "controller/logplex/log_store.h"
#include "controller/state/sqlite.h"

#define TRIM_SLACK 512		/* lines above the limit before a trim */
#define DAY_USEC (24ULL * 3600 * USEC_PER_SEC)

/* A checkpoint waits for the disk, and most pages are written again soon. */
static const char schema[] =
	"PRAGMA wal_autocheckpoint=4000;"
	"DROP TABLE IF EXISTS lines;"
	"CREATE TABLE IF NOT EXISTS apps ("
	" app TEXT PRIMARY KEY, newest INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS chunks ("
	" id INTEGER PRIMARY KEY, app TEXT NOT NULL, last INTEGER NOT NULL,"
	" first INTEGER NOT NULL, usec INTEGER NOT NULL, data BLOB NOT NULL,"
	" UNIQUE (app, last));"
	"CREATE TABLE IF NOT EXISTS counts ("
	" app TEXT NOT NULL, source TEXT NOT NULL, ps TEXT NOT NULL,"
	" stored INTEGER NOT NULL, dropped INTEGER NOT NULL,"
	" usec INTEGER NOT NULL, PRIMARY KEY (app, source, ps)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS acks ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL,"
	" epoch TEXT NOT NULL, seq INTEGER NOT NULL, UNIQUE (host, epoch));";

enum statement {
	ADD, NEWEST, SET_NEWEST, TRIM, READ, COUNT, COUNTS, EXPIRE, FOLD, FOLDED,
	FORGET_APP, FORGET_CHUNKS, FORGET_COUNTS, APPS, ACKED, ACK, ACK_TRIM, STATEMENTS
};

#define COUNT_INTO "INSERT INTO counts (app, source, ps, stored, dropped, usec)"
#define COUNT_MORE " ON CONFLICT (app, source, ps) DO UPDATE SET" \
	" stored = stored + excluded.stored," \
	" dropped = dropped + excluded.dropped, usec = excluded.usec"

static const char *const statements[STATEMENTS] = {
	[ADD] = ("INSERT INTO chunks (app, first, last, usec, data)"
		" VALUES (?, ?, ?, ?, ?)"),
	[NEWEST] = "SELECT newest FROM apps WHERE app = ?",
	[SET_NEWEST] = ("INSERT INTO apps (app, newest) VALUES (?1, ?2)"
		       " ON CONFLICT (app) DO UPDATE SET newest = ?2"),
	[TRIM] = "DELETE FROM chunks WHERE app = ? AND last <= ?",
	[READ] = ("SELECT first, data FROM chunks WHERE app = ? AND last > ?"
		 " ORDER BY last"),
	[COUNT] = COUNT_INTO " VALUES (?, ?, ?, ?, ?, ?)" COUNT_MORE,
	[COUNTS] = ("SELECT source, ps, stored, dropped FROM counts"
		   " WHERE app = ? ORDER BY source, ps"),
	[EXPIRE] = "DELETE FROM chunks WHERE usec < ?",
	[FOLD] = (COUNT_INTO " SELECT app, source, '', sum(stored), sum(dropped),"
		 " max(usec) FROM counts WHERE usec < ? AND ps <> ''"
		 " GROUP BY app, source" COUNT_MORE),
	[FOLDED] = "DELETE FROM counts WHERE usec < ? AND ps <> ''",
	[FORGET_APP] = "DELETE FROM apps WHERE app = ?",
	[FORGET_CHUNKS] = "DELETE FROM chunks WHERE app = ?",
	[FORGET_COUNTS] = "DELETE FROM counts WHERE app = ?",
	[APPS] = "SELECT app FROM apps UNION SELECT app FROM counts",
	[ACKED] = "SELECT seq FROM acks WHERE host = ? AND epoch = ?",
	[ACK] = ("INSERT INTO acks (host, epoch, seq) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (host, epoch) DO UPDATE SET seq = ?3"),
	[ACK_TRIM] = ("DELETE FROM acks WHERE host = ?1 AND id NOT IN (SELECT id"
		     " FROM acks WHERE host = ?1 ORDER BY id DESC LIMIT ?2)"),
};

struct log_store {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
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
	r = sqlite_open(&s->db, path, "NORMAL", schema, e);
	for (size_t i = 0; r == 0 && i < STATEMENTS; i++)
		r = sqlite_prepare(s->db, statements[i], &s->st[i], e);
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
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	free(s);
	return NULL;
}

/* ---- rings ---- */

/* One number out of a query with text parameters; absent or NULL is 0. */
static int log_store_number(sqlite3_stmt *st, const char *a, const char *b,
			    uint64_t *ret, struct error *e)
{
	int r;

	sqlite_bind_text(st, 1, a);
	if (b)
		sqlite_bind_text(st, 2, b);
	r = sqlite_step(st, e);
	if (r >= 0)
		*ret = r == 0 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

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
	r = log_store_number(s->st[NEWEST], app, NULL, &newest, e);
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
	return sqlite_exec(s->db, "BEGIN IMMEDIATE", e);
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

static int log_store_write_chunk(struct log_store *s, const struct log_ring *ring,
				 const struct log_chunk *c, uint64_t now,
				 struct error *e)
{
	sqlite3_stmt *st = s->st[ADD];

	sqlite_bind_text(st, 1, ring->app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)c->first);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)(c->first + c->n - 1));
	sqlite3_bind_int64(st, 4, (sqlite3_int64)now);
	sqlite_bind_bytes(st, 5, c->data.data, c->data.len);
	return sqlite_run(st, e);
}

static int log_store_write_count(struct log_store *s, const struct log_ring *ring,
				 const struct log_count *c, uint64_t now,
				 struct error *e)
{
	sqlite3_stmt *st = s->st[COUNT];

	sqlite_bind_text(st, 1, ring->app);
	sqlite_bind_text(st, 2, c->source);
	sqlite_bind_text(st, 3, c->ps);
	sqlite3_bind_int64(st, 4, (sqlite3_int64)c->stored);
	sqlite3_bind_int64(st, 5, (sqlite3_int64)c->dropped);
	sqlite3_bind_int64(st, 6, (sqlite3_int64)now);
	return sqlite_run(st, e);
}

static int log_store_with_number(struct log_store *s, enum statement statement,
				 const char *app, uint64_t n, struct error *e)
{
	sqlite3_stmt *st = s->st[statement];

	sqlite_bind_text(st, 1, app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)n);
	return sqlite_run(st, e);
}

static int log_store_trim(struct log_store *s, const struct log_ring *ring,
			  struct error *e)
{
	uint64_t newest = ring->next - 1;

	if (newest <= ring->trimmed + LOG_STORE_LINES + TRIM_SLACK)
		return 0;
	return log_store_with_number(s, TRIM, ring->app, newest - LOG_STORE_LINES, e);
}

static int log_store_write(struct log_store *s, const struct log_ring *ring,
			   uint64_t now, struct error *e)
{
	const struct log_count *count;
	const struct log_chunk *c;
	int r = 0;

	list_for_each(c, &ring->adding, link)
		if (r == 0 && c->first + c->n + LOG_STORE_LINES > ring->next)
			r = log_store_write_chunk(s, ring, c, now, e);
	if (r == 0 && !list_empty(&ring->adding))
		r = log_store_with_number(s, SET_NEWEST, ring->app,
					  ring->next - 1, e);
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
		r = sqlite_commit(s->db, e);
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
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int log_store_acked(struct log_store *s, const char *host, const char *epoch,
		    uint64_t *ret, struct error *e)
{
	return log_store_number(s->st[ACKED], host, epoch, ret, e);
}

int log_store_ack(struct log_store *s, const char *host, const char *epoch,
		  uint64_t seq, struct error *e)
{
	sqlite3_stmt *st = s->st[ACK];
	int r;

	sqlite_bind_text(st, 1, host);
	sqlite_bind_text(st, 2, epoch);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)seq);
	r = sqlite_run(st, e);
	if (r < 0)
		return r;
	return log_store_with_number(s, ACK_TRIM, host, LOG_STORE_EPOCHS, e);
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

static int log_store_walk_file(struct log_store *s, struct log_walk *w,
			       struct error *e)
{
	sqlite3_stmt *st = s->st[READ];
	int r = 0;

	sqlite_bind_text(st, 1, w->app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)w->after);
	while (w->max > 0 && w->after < w->last && (r = sqlite_step(st, e)) == 0) {
		uint64_t first = (uint64_t)sqlite3_column_int64(st, 0);

		if (first > w->last)
			break;
		r = log_chunk_walk(sqlite3_column_blob(st, 1),
				   (size_t)sqlite3_column_bytes(st, 1), first, w);
		if (r == -EBADMSG)
			error_set(e, EBADMSG, "lines of app %s are damaged", w->app);
		if (r < 0)
			break;
	}
	sqlite3_reset(st);
	return r < 0 ? r : 0;
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
		r = log_store_walk_file(s, &w, e);
	w.last = ring->shown;
	if (r == 0 && w.max > 0 && w.after < w.last)
		r = log_ring_walk(ring, &w);
	return r;
}

int log_store_counts(struct log_store *s, const char *app,
		     int (*fn)(const struct log_store_count *c, void *userdata),
		     void *userdata, struct error *e)
{
	sqlite3_stmt *st = s->st[COUNTS];
	int r;

	sqlite_bind_text(st, 1, app);
	while ((r = sqlite_step(st, e)) == 0) {
		struct log_store_count c = {
			.source = (const char *)sqlite3_column_text(st, 0),
			.ps = (const char *)sqlite3_column_text(st, 1),
			.stored = (uint64_t)sqlite3_column_int64(st, 2),
			.dropped = (uint64_t)sqlite3_column_int64(st, 3),
		};

		r = fn(&c, userdata);
		if (r < 0)
			break;
	}
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

/* ---- forgetting ---- */

int log_store_expire(struct log_store *s, uint64_t now, struct error *e)
{
	static const enum statement old[] = { EXPIRE, FOLD, FOLDED };
	uint64_t before = now - LOG_STORE_DAYS * DAY_USEC;
	struct log_ring *ring;
	int r = log_store_begin(s, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(old); i++) {
		sqlite3_bind_int64(s->st[old[i]], 1, (sqlite3_int64)before);
		r = sqlite_run(s->st[old[i]], e);
	}
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
	static const enum statement gone[] = {
		FORGET_APP, FORGET_CHUNKS, FORGET_COUNTS,
	};
	int r = log_store_begin(s, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(gone); i++) {
		sqlite_bind_text(s->st[gone[i]], 1, app);
		r = sqlite_run(s->st[gone[i]], e);
	}
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
	int r;

	while ((r = sqlite_step(s->st[APPS], e)) == 0)
		strv_add(ret, (const char *)sqlite3_column_text(s->st[APPS], 0));
	sqlite3_reset(s->st[APPS]);
	return r < 0 ? r : 0;
}
