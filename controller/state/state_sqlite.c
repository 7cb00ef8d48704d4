/*
 * state_sqlite.c - the state in one SQLite file.
 *
 * A commit is one BEGIN IMMEDIATE ... COMMIT in WAL mode with synchronous=FULL:
 * when it returns, the change survives a power cut. Two processes may open the
 * file (an operator's sqlite3 beside the daemon); only one at a time writes.
 */
#include "base/error.h"
#include "controller/state/sqlite.h"
#include "controller/state/state_driver.h"

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS kv ("
	" key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS counter ("
	" one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);"
	"INSERT OR IGNORE INTO counter VALUES (1, 0);";

enum statement { GET, LIST, REVISION, SET_REVISION, PUT, DELETE, STATEMENTS };

static const char *const statements[STATEMENTS] = {
	[GET] = "SELECT value, revision FROM kv WHERE key = ?",
	[LIST] = ("SELECT key, value, revision FROM kv"
		 " WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1"
		 " AND key < ?2 ORDER BY key"),
	[REVISION] = "SELECT revision FROM counter",
	[SET_REVISION] = "UPDATE counter SET revision = ?",
	[PUT] = ("INSERT INTO kv VALUES (?1, ?2, ?3) ON CONFLICT (key)"
		" DO UPDATE SET value = ?2, revision = ?3"),
	[DELETE] = "DELETE FROM kv WHERE key = ?",
};

struct state_sqlite {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
};

static int state_sqlite_get(void *d, const char *key, char **ret_value,
			    uint64_t *ret_revision, struct error *e)
{
	struct state_sqlite *s = d;
	sqlite3_stmt *st = s->st[GET];
	int r;

	sqlite_bind_text(st, 1, key);
	r = sqlite_step(st, e);
	if (r == 0) {
		if (ret_value)
			*ret_value = xstrdup((const char *)
					     sqlite3_column_text(st, 0));
		if (ret_revision)
			*ret_revision = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return r == 1 ? STATE_ABSENT : r;
}

static int state_sqlite_list(void *d, const char *prefix,
			     struct state_items *ret, struct error *e)
{
	struct state_sqlite *s = d;
	sqlite3_stmt *st = s->st[LIST];
	/* U+10FFFF sorts behind every character: the end of the prefix. */
	auto_free char *end = xasprintf("%s\xf4\x8f\xbf\xbf", prefix);
	int r;

	sqlite_bind_text(st, 1, prefix);
	sqlite_bind_text(st, 2, end);
	while ((r = sqlite_step(st, e)) == 0)
		state_items_add(ret,
			xstrdup((const char *)sqlite3_column_text(st, 0)),
			xstrdup((const char *)sqlite3_column_text(st, 1)),
			(uint64_t)sqlite3_column_int64(st, 2));
	sqlite3_reset(st);
	if (r < 0)
		state_items_deinit(ret);
	return r < 0 ? r : 0;
}

static int state_sqlite_revision(void *d, uint64_t *ret, struct error *e)
{
	struct state_sqlite *s = d;
	int r = sqlite_step(s->st[REVISION], e);

	if (r == 0)
		*ret = (uint64_t)sqlite3_column_int64(s->st[REVISION], 0);
	sqlite3_reset(s->st[REVISION]);
	return r == 1 ? error_set(e, EIO, "the revision counter is missing") : r;
}

static int state_sqlite_check(struct state_sqlite *s,
			      const struct state_txn *txn, struct error *e)
{
	for (size_t i = 0; i < txn->n_expects; i++) {
		uint64_t revision = 0;
		int r = state_sqlite_get(s, txn->expects[i].key, NULL,
					 &revision, e);

		if (r < 0)
			return r;
		if (revision != txn->expects[i].revision)
			return STATE_CONFLICT;
	}
	return 0;
}

static int state_sqlite_write(struct state_sqlite *s, const struct state_op *op,
			      uint64_t revision, struct error *e)
{
	sqlite3_stmt *st = s->st[op->value ? PUT : DELETE];

	sqlite_bind_text(st, 1, op->key);
	if (op->value) {
		sqlite_bind_text(st, 2, op->value);
		sqlite3_bind_int64(st, 3, (sqlite3_int64)revision);
	}
	return sqlite_run(st, e);
}

static int state_sqlite_apply(struct state_sqlite *s,
			      const struct state_txn *txn,
			      uint64_t *ret_revision, struct error *e)
{
	uint64_t revision;
	int r = state_sqlite_check(s, txn, e);

	if (r == 0)
		r = state_sqlite_revision(s, &revision, e);
	if (r != 0)
		return r;
	revision++;
	sqlite3_bind_int64(s->st[SET_REVISION], 1, (sqlite3_int64)revision);
	r = sqlite_run(s->st[SET_REVISION], e);
	for (size_t i = 0; r == 0 && i < txn->n_ops; i++)
		r = state_sqlite_write(s, &txn->ops[i], revision, e);
	*ret_revision = revision;
	return r;
}

static int state_sqlite_commit(void *d, const struct state_txn *txn,
			       uint64_t *ret_revision, struct error *e)
{
	struct state_sqlite *s = d;
	int r = sqlite_exec(s->db, "BEGIN IMMEDIATE", e);

	if (r < 0)
		return r;
	r = state_sqlite_apply(s, txn, ret_revision, e);
	if (r == 0)
		r = sqlite_commit(s->db, e);
	if (r != 0)
		sqlite_rollback(s->db);
	return r;
}

static void state_sqlite_close(void *d)
{
	struct state_sqlite *s = d;

	sqlite_close(s->db, s->st, STATEMENTS);
	free(s);
}

static const struct state_driver driver = {
	.get = state_sqlite_get,
	.list = state_sqlite_list,
	.revision = state_sqlite_revision,
	.commit = state_sqlite_commit,
	.close = state_sqlite_close,
};

int state_sqlite_open(struct state **ret, const char *path, struct error *e)
{
	struct state_sqlite *s = xcalloc(1, sizeof(*s));
	int r = sqlite_open(&s->db, path, "FULL", schema, e);

	/* What is overwritten or deleted is gone: there may have been secrets. */
	if (r == 0)
		r = sqlite_exec(s->db, "PRAGMA secure_delete=ON", e);
	if (r == 0)
		r = sqlite_prepare_all(s->db, statements, s->st, STATEMENTS, e);
	if (r < 0) {
		state_sqlite_close(s);
		return r;
	}
	*ret = state_new(&driver, s);
	return 0;
}
