/*
 * log_store.c - lines by (app, number); old ones go as new ones come.
 */
#include "base/error.h"
#include "controller/logplex/log_store.h"
#include "controller/state/sqlite.h"

#define TRIM_SLACK 256		/* lines above the limit before a trim */

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS lines ("
	" app TEXT NOT NULL, number INTEGER NOT NULL, usec INTEGER NOT NULL,"
	" source TEXT NOT NULL, ps TEXT NOT NULL, message BLOB NOT NULL,"
	" PRIMARY KEY (app, number)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS acks ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL,"
	" epoch TEXT NOT NULL, seq INTEGER NOT NULL, UNIQUE (host, epoch));";

enum statement { ADD, NEWEST, TRIM, READ, FORGET, ACKED, ACK, ACK_TRIM, STATEMENTS };

static const char *const statements[STATEMENTS] = {
	[ADD] = "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)",
	[NEWEST] = "SELECT max(number) FROM lines WHERE app = ?",
	[TRIM] = "DELETE FROM lines WHERE app = ? AND number <= ?",
	[READ] = ("SELECT number, usec, source, ps, message FROM lines"
		 " WHERE app = ? AND number > ? ORDER BY number LIMIT ?"),
	[FORGET] = "DELETE FROM lines WHERE app = ?",
	[ACKED] = "SELECT seq FROM acks WHERE host = ? AND epoch = ?",
	[ACK] = ("INSERT INTO acks (host, epoch, seq) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (host, epoch) DO UPDATE SET seq = ?3"),
	[ACK_TRIM] = ("DELETE FROM acks WHERE host = ?1 AND id NOT IN (SELECT id"
		     " FROM acks WHERE host = ?1 ORDER BY id DESC LIMIT ?2)"),
};

struct log_store {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
};

int log_store_open(struct log_store **ret, const char *path, struct error *e)
{
	auto_(log_store_free_p) struct log_store *s = xcalloc(1, sizeof(*s));
	int r = sqlite_open(&s->db, path, "NORMAL", schema, e);

	for (size_t i = 0; r == 0 && i < STATEMENTS; i++)
		r = sqlite_prepare(s->db, statements[i], &s->st[i], e);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct log_store *log_store_free(struct log_store *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	free(s);
	return NULL;
}

int log_store_begin(struct log_store *s, struct error *e)
{
	return sqlite_exec(s->db, "BEGIN IMMEDIATE", e);
}

int log_store_commit(struct log_store *s, struct error *e)
{
	return sqlite_exec(s->db, "COMMIT", e);
}

void log_store_rollback(struct log_store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

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

int log_store_newest(struct log_store *s, const char *app, uint64_t *ret,
		     struct error *e)
{
	return log_store_number(s->st[NEWEST], app, NULL, ret, e);
}

static int log_store_trim(struct log_store *s, const char *app,
			  uint64_t newest, struct error *e)
{
	sqlite3_stmt *st = s->st[TRIM];

	if (newest <= LOG_STORE_LINES || newest % TRIM_SLACK != 0)
		return 0;
	sqlite_bind_text(st, 1, app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)(newest - LOG_STORE_LINES));
	return sqlite_run(st, e);
}

int log_store_add(struct log_store *s, const struct log_line *line,
		  struct error *e)
{
	sqlite3_stmt *st = s->st[ADD];
	uint64_t newest;
	int r = log_store_newest(s, line->app, &newest, e);

	if (r < 0)
		return r;
	newest++;
	sqlite_bind_text(st, 1, line->app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)newest);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)line->usec);
	sqlite_bind_text(st, 4, line->source);
	sqlite_bind_text(st, 5, line->ps);
	sqlite_bind_bytes(st, 6, line->message_len ? line->message : "",
			  line->message_len);
	r = sqlite_run(st, e);
	return r < 0 ? r : log_store_trim(s, line->app, newest, e);
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
	st = s->st[ACK_TRIM];
	sqlite_bind_text(st, 1, host);
	sqlite3_bind_int64(st, 2, LOG_STORE_EPOCHS);
	return sqlite_run(st, e);
}

int log_store_read(struct log_store *s, const char *app, uint64_t after,
		   size_t max, log_store_fn fn, void *userdata,
		   struct error *e)
{
	sqlite3_stmt *st = s->st[READ];
	uint64_t newest;
	int r = log_store_newest(s, app, &newest, e);

	if (r < 0)
		return r;
	if (newest > LOG_STORE_LINES && after < newest - LOG_STORE_LINES)
		after = newest - LOG_STORE_LINES;	/* not trimmed yet */
	sqlite_bind_text(st, 1, app);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)after);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)max);
	while ((r = sqlite_step(st, e)) == 0) {
		struct log_line line = {
			.number = (uint64_t)sqlite3_column_int64(st, 0),
			.usec = (uint64_t)sqlite3_column_int64(st, 1),
			.app = app,
			.source = (const char *)sqlite3_column_text(st, 2),
			.ps = (const char *)sqlite3_column_text(st, 3),
			.message = sqlite3_column_blob(st, 4),
			.message_len = (size_t)sqlite3_column_bytes(st, 4),
		};

		r = fn(&line, userdata);
		if (r < 0)
			break;
	}
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

int log_store_forget(struct log_store *s, const char *app, struct error *e)
{
	sqlite_bind_text(s->st[FORGET], 1, app);
	return sqlite_run(s->st[FORGET], e);
}
