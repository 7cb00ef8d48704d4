/*
 * sqlite.c - SQLite's results as our errors.
 */
#include "base/error.h"
#include "base/fault.h"
#include "controller/state/sqlite.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Points in which tests end or fail a write: by the name of the database. */
#define SQLITE_POINT(db, verb) verb " %s", fault_file(sqlite3_db_filename(db, "main"))

int sqlite_fail(sqlite3 *db, const char *what, struct error *e)
{
	bool full = sqlite3_errcode(db) == SQLITE_FULL;

	return error_set(e, full ? ENOSPC : EIO, "%s: %s", what, sqlite3_errmsg(db));
}

int sqlite_exec(sqlite3 *db, const char *sql, struct error *e)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(db, sql, e);
	return 0;
}

int sqlite_commit(sqlite3 *db, struct error *e)
{
	int r;

	if (fault_call(SQLITE_POINT(db, "commit")))
		return error_sys(e, "COMMIT");
	r = sqlite_exec(db, "COMMIT", e);
	if (r == 0)
		fault_point(SQLITE_POINT(db, "committed"));
	return r;
}

int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret,
		   struct error *e)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret,
			       NULL) != SQLITE_OK)
		return sqlite_fail(db, sql, e);
	return 0;
}

int sqlite_prepare_all(sqlite3 *db, const char *const *texts, sqlite3_stmt **st,
		       size_t n, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = sqlite_prepare(db, texts[i], &st[i], e);
	return r;
}

void sqlite_close(sqlite3 *db, sqlite3_stmt **st, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sqlite3_finalize(st[i]);
	sqlite3_close(db);
}

void sqlite_rollback(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

int sqlite_step(sqlite3_stmt *st, struct error *e)
{
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		return 0;
	case SQLITE_DONE:
		return 1;
	default:
		return sqlite_fail(sqlite3_db_handle(st), sqlite3_sql(st), e);
	}
}

int sqlite_run(sqlite3_stmt *st, struct error *e)
{
	int r;

	if (fault_call(SQLITE_POINT(sqlite3_db_handle(st), "write")))
		return error_sys(e, "%s", sqlite3_sql(st));
	r = sqlite_step(st, e);
	sqlite3_reset(st);
	if (r >= 0)
		fault_point(SQLITE_POINT(sqlite3_db_handle(st), "wrote"));
	return r < 0 ? r : 0;
}

void sqlite_bind_text(sqlite3_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

void sqlite_bind_bytes(sqlite3_stmt *st, int i, const void *data, size_t n)
{
	sqlite3_bind_blob64(st, i, data, n, SQLITE_STATIC);
}

/* SQLite would make the file with the umask's mode; it holds secrets. */
static int sqlite_make_file(const char *path, struct error *e)
{
	auto_close int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_sys(e, "open %s", path);
	return 0;
}

static int sqlite_set_up(sqlite3 *db, const char *synchronous,
			 const char *schema, struct error *e)
{
	auto_free char *sync = xasprintf("PRAGMA synchronous=%s", synchronous);
	int r;

	sqlite3_busy_timeout(db, SQLITE_BUSY_MSEC);
	r = sqlite_exec(db, "PRAGMA journal_mode=WAL", e);
	if (r == 0)
		r = sqlite_exec(db, sync, e);
	if (r == 0)
		r = sqlite_exec(db, "PRAGMA foreign_keys=ON", e);
	if (r == 0)
		r = sqlite_exec(db, schema, e);
	return r;
}

int sqlite_open(sqlite3 **ret, const char *path, const char *synchronous,
		const char *schema, struct error *e)
{
	sqlite3 *db = NULL;
	int r = sqlite_make_file(path, e);

	if (r < 0)
		return r;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE |
			    SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		r = sqlite_fail(db, "open the database", e);
	if (r == 0)
		r = sqlite_set_up(db, synchronous, schema, e);
	if (r < 0) {
		sqlite3_close(db);
		return error_prefix(e, r, "%s", path);
	}
	*ret = db;
	return 0;
}
