/*
 * log_file.c - a statement per question, prepared once. Rows are chunks of lines.
 */
#include "base/error.h"
#include "base/strv.h"
#include "controller/logplex/log_file.h"
#include "controller/logplex/log_store.h"
#include "controller/state/sqlite.h"

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

struct log_file {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
};

/* ---- life ---- */

int log_file_open(struct log_file **ret, const char *path, struct error *e)
{
	auto_(log_file_free_p) struct log_file *f = xcalloc(1, sizeof(*f));
	int r = sqlite_open(&f->db, path, "NORMAL", schema, e);

	if (r == 0)
		r = sqlite_prepare_all(f->db, statements, f->st, STATEMENTS, e);
	if (r < 0)
		return r;
	*ret = take_ptr(f);
	return 0;
}

struct log_file *log_file_free(struct log_file *f)
{
	if (!f)
		return NULL;
	sqlite_close(f->db, f->st, STATEMENTS);
	free(f);
	return NULL;
}

/* ---- transactions ---- */

int log_file_begin(struct log_file *f, struct error *e)
{
	return sqlite_exec(f->db, "BEGIN IMMEDIATE", e);
}

int log_file_commit(struct log_file *f, struct error *e)
{
	return sqlite_commit(f->db, e);
}

void log_file_rollback(struct log_file *f)
{
	sqlite_rollback(f->db);
}

/* ---- numbers ---- */

/* One number out of a query with text parameters; absent or NULL is 0. */
static int log_file_number(sqlite3_stmt *st, const char *a, const char *b,
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

static int log_file_with_number(struct log_file *f, enum statement statement,
				const char *app, uint64_t n, struct error *e)
{
	sqlite3_stmt *st = f->st[statement];

	sqlite_bind_text(st, 1, app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)n);
	return sqlite_run(st, e);
}

int log_file_newest(struct log_file *f, const char *app, uint64_t *ret, struct error *e)
{
	return log_file_number(f->st[NEWEST], app, NULL, ret, e);
}

int log_file_set_newest(struct log_file *f, const char *app, uint64_t newest,
			struct error *e)
{
	return log_file_with_number(f, SET_NEWEST, app, newest, e);
}

int log_file_trim(struct log_file *f, const char *app, uint64_t last, struct error *e)
{
	return log_file_with_number(f, TRIM, app, last, e);
}

int log_file_acked(struct log_file *f, const char *host, const char *epoch,
		   uint64_t *ret, struct error *e)
{
	return log_file_number(f->st[ACKED], host, epoch, ret, e);
}

int log_file_ack(struct log_file *f, const char *host, const char *epoch, uint64_t seq,
		 struct error *e)
{
	sqlite3_stmt *st = f->st[ACK];
	int r;

	sqlite_bind_text(st, 1, host);
	sqlite_bind_text(st, 2, epoch);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)seq);
	r = sqlite_run(st, e);
	return r < 0 ? r : log_file_with_number(f, ACK_TRIM, host, LOG_STORE_EPOCHS, e);
}

/* ---- lines and their counts ---- */

int log_file_add_chunk(struct log_file *f, const char *app, const struct log_chunk *c,
		       uint64_t now, struct error *e)
{
	sqlite3_stmt *st = f->st[ADD];

	sqlite_bind_text(st, 1, app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)c->first);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)(c->first + c->n - 1));
	sqlite3_bind_int64(st, 4, (sqlite3_int64)now);
	sqlite_bind_bytes(st, 5, c->data.data, c->data.len);
	return sqlite_run(st, e);
}

int log_file_add_count(struct log_file *f, const char *app,
		       const struct log_store_count *c, uint64_t now, struct error *e)
{
	sqlite3_stmt *st = f->st[COUNT];

	sqlite_bind_text(st, 1, app);
	sqlite_bind_text(st, 2, c->source);
	sqlite_bind_text(st, 3, c->ps);
	sqlite3_bind_int64(st, 4, (sqlite3_int64)c->stored);
	sqlite3_bind_int64(st, 5, (sqlite3_int64)c->dropped);
	sqlite3_bind_int64(st, 6, (sqlite3_int64)now);
	return sqlite_run(st, e);
}

int log_file_walk(struct log_file *f, struct log_walk *w, struct error *e)
{
	sqlite3_stmt *st = f->st[READ];
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

int log_file_counts(struct log_file *f, const char *app,
		    int (*fn)(const struct log_store_count *c, void *userdata),
		    void *userdata, struct error *e)
{
	sqlite3_stmt *st = f->st[COUNTS];
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

int log_file_expire(struct log_file *f, uint64_t before, struct error *e)
{
	static const enum statement old[] = { EXPIRE, FOLD, FOLDED };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(old); i++) {
		sqlite3_bind_int64(f->st[old[i]], 1, (sqlite3_int64)before);
		r = sqlite_run(f->st[old[i]], e);
	}
	return r;
}

int log_file_forget(struct log_file *f, const char *app, struct error *e)
{
	static const enum statement gone[] = {
		FORGET_APP, FORGET_CHUNKS, FORGET_COUNTS,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(gone); i++) {
		sqlite_bind_text(f->st[gone[i]], 1, app);
		r = sqlite_run(f->st[gone[i]], e);
	}
	return r;
}

int log_file_apps(struct log_file *f, struct strv *ret, struct error *e)
{
	int r;

	while ((r = sqlite_step(f->st[APPS], e)) == 0)
		strv_add(ret, (const char *)sqlite3_column_text(f->st[APPS], 0));
	sqlite3_reset(f->st[APPS]);
	return r < 0 ? r : 0;
}
