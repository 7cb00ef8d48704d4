/*
 * outputs.c - a row per line, and one per output that says how far it is.
 */
#include "base/error.h"
#include "base/strv.h"
#include "controller/logplex/outputs.h"
#include "controller/state/sqlite.h"

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS output ("
	" release TEXT PRIMARY KEY, size INTEGER NOT NULL, number INTEGER NOT NULL,"
	" is_full INTEGER NOT NULL, ended INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS line ("
	" release TEXT NOT NULL, at INTEGER NOT NULL, text BLOB NOT NULL,"
	" PRIMARY KEY (release, at)) WITHOUT ROWID;";

static const char full_line[] =
	"[more was written: the rest is in the log only]";

enum statement { STATE, NOTE, ADD, READ, LIST, FORGET, FORGET_LINES, STATEMENTS };

static const char *const statements[STATEMENTS] = {
	[STATE] = ("SELECT size, number, is_full, ended FROM output"
		  " WHERE release = ?1"),
	[NOTE] = "INSERT OR REPLACE INTO output VALUES (?1, ?2, ?3, ?4, ?5)",
	[ADD] = "INSERT INTO line VALUES (?1, ?2, ?3)",
	/* From the line on that holds the place. */
	[READ] = ("SELECT at, text FROM line WHERE release = ?1 AND at >= ifnull("
		 "(SELECT max(at) FROM line WHERE release = ?1 AND at <= ?2), 0)"
		 " ORDER BY at LIMIT ?3"),
	[LIST] = "SELECT release FROM output",
	[FORGET] = "DELETE FROM output WHERE release = ?1",
	[FORGET_LINES] = "DELETE FROM line WHERE release = ?1",
};

struct outputs {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
};

int outputs_open(struct outputs **ret, const char *path, struct error *e)
{
	auto_(outputs_free_p) struct outputs *o = xcalloc(1, sizeof(*o));
	int r = sqlite_open(&o->db, path, "NORMAL", schema, e);

	if (r == 0)
		r = sqlite_prepare_all(o->db, statements, o->st, STATEMENTS, e);
	if (r == 0)
		*ret = take_ptr(o);
	return r;
}

struct outputs *outputs_free(struct outputs *o)
{
	if (!o)
		return NULL;
	sqlite_close(o->db, o->st, STATEMENTS);
	free(o);
	return NULL;
}

int outputs_state(struct outputs *o, const char *release,
		  struct outputs_state *ret, struct error *e)
{
	sqlite3_stmt *st = o->st[STATE];
	int r;

	*ret = (struct outputs_state){ .size = 0 };
	sqlite_bind_text(st, 1, release);
	r = sqlite_step(st, e);
	if (r == 0)
		*ret = (struct outputs_state){
			.size = (uint64_t)sqlite3_column_int64(st, 0),
			.number = (uint64_t)sqlite3_column_int64(st, 1),
			.full = sqlite3_column_int(st, 2),
			.ended = sqlite3_column_int(st, 3),
		};
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

int outputs_begin(struct outputs *o, struct error *e)
{
	return sqlite_exec(o->db, "BEGIN IMMEDIATE", e);
}

int outputs_commit(struct outputs *o, struct error *e)
{
	return sqlite_commit(o->db, e);
}

void outputs_rollback(struct outputs *o)
{
	sqlite_rollback(o->db);
}

int outputs_note(struct outputs *o, const char *release,
		 const struct outputs_state *state, struct error *e)
{
	sqlite3_stmt *st = o->st[NOTE];

	sqlite_bind_text(st, 1, release);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)state->size);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)state->number);
	sqlite3_bind_int(st, 4, state->full);
	sqlite3_bind_int(st, 5, state->ended);
	return sqlite_run(st, e);
}

int outputs_add(struct outputs *o, const char *release, uint64_t number,
		const char *line, size_t n, struct outputs_state *state,
		struct error *e)
{
	auto_free char *text = NULL;
	int r;

	state->number = number;
	if (state->full)
		return 0;
	if (state->size + n + sizeof(full_line) + 1 > OUTPUTS_BYTES_MAX) {
		state->full = true;
		line = full_line;
		n = sizeof(full_line) - 1;
	}
	text = xmalloc(n + 1);
	memcpy(text, line, n);
	text[n] = '\n';
	sqlite_bind_text(o->st[ADD], 1, release);
	sqlite3_bind_int64(o->st[ADD], 2, (sqlite3_int64)state->size);
	sqlite_bind_bytes(o->st[ADD], 3, text, n + 1);
	r = sqlite_run(o->st[ADD], e);
	state->size += n + 1;
	return r;
}

int outputs_read(struct outputs *o, const char *release, uint64_t at, size_t max,
		 outputs_fn fn, void *userdata, struct error *e)
{
	sqlite3_stmt *st = o->st[READ];
	int r;

	sqlite_bind_text(st, 1, release);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)at);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)max);
	while ((r = sqlite_step(st, e)) == 0) {
		uint64_t first = (uint64_t)sqlite3_column_int64(st, 0);
		const char *text = sqlite3_column_blob(st, 1);
		size_t n = (size_t)sqlite3_column_bytes(st, 1);
		size_t skip = at > first ? at - first : 0;

		if (skip < n)
			r = fn(first + skip, text + skip, n - skip, userdata);
		if (r < 0)
			break;
	}
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

int outputs_forget(struct outputs *o, const char *release, struct error *e)
{
	int r = outputs_begin(o, e);

	sqlite_bind_text(o->st[FORGET], 1, release);
	sqlite_bind_text(o->st[FORGET_LINES], 1, release);
	if (r == 0)
		r = sqlite_run(o->st[FORGET], e);
	if (r == 0)
		r = sqlite_run(o->st[FORGET_LINES], e);
	if (r == 0)
		r = outputs_commit(o, e);
	outputs_rollback(o);
	return r;
}

int outputs_collect(struct outputs *o,
		    bool (*keep)(const char *release, void *userdata),
		    void *userdata, struct error *e)
{
	auto_strv gone = STRV_INIT;
	sqlite3_stmt *st = o->st[LIST];
	int r;

	while ((r = sqlite_step(st, e)) == 0) {
		const char *release = (const char *)sqlite3_column_text(st, 0);

		if (!keep(release, userdata))
			strv_add(&gone, release);
	}
	sqlite3_reset(st);
	for (size_t i = 0; r >= 0 && i < gone.n; i++)
		r = outputs_forget(o, gone.v[i], e);
	return r < 0 ? r : 0;
}
