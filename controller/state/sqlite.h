#pragma once

/*
 * sqlite.h - the few things that every user of SQLite here needs.
 */
#include "base/base.h"

#include <sqlite3.h>

struct error;

#define SQLITE_BUSY_MSEC 10000

/* Open a file (0600) in WAL mode with the given "synchronous" and run the
 * schema, which must be idempotent. */
int sqlite_open(sqlite3 **ret, const char *path, const char *synchronous,
		const char *schema, struct error *e);

int sqlite_exec(sqlite3 *db, const char *sql, struct error *e);
/* The transaction is on disk, or all of it is still to be rolled back. */
int sqlite_commit(sqlite3 *db, struct error *e);
int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret,
		   struct error *e);

/* All of a table, into st, which was all NULL. Whatever it returns: sqlite_close(). */
int sqlite_prepare_all(sqlite3 *db, const char *const *texts, sqlite3_stmt **st,
		       size_t n, struct error *e);
/* The statements, then the database. NULLs are fine. */
void sqlite_close(sqlite3 *db, sqlite3_stmt **st, size_t n);
/* Does nothing if no transaction is open. */
void sqlite_rollback(sqlite3 *db);

/* Run a statement that gives no rows, and reset it. */
int sqlite_run(sqlite3_stmt *st, struct error *e);

/* Step to the next row: 0 = there is one, 1 = end. Reset it yourself. */
int sqlite_step(sqlite3_stmt *st, struct error *e);

/* Record the database's last error; returns -ENOSPC or -EIO. */
int sqlite_fail(sqlite3 *db, const char *what, struct error *e);

/* Bind a text or bytes that live until the statement is reset. */
void sqlite_bind_text(sqlite3_stmt *st, int i, const char *text);
void sqlite_bind_bytes(sqlite3_stmt *st, int i, const void *data, size_t n);
