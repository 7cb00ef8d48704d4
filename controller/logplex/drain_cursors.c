/*
 * drain_cursors.c - a window is a row of numbers.
 */
#include "base/error.h"
#include "base/strv.h"
#include "controller/logplex/drain_cursors.h"
#include "controller/state/sqlite.h"

#define NUMBERS 11

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS windows ("
	" id TEXT PRIMARY KEY,"
	" start INTEGER NOT NULL, next INTEGER NOT NULL,"
	" delivered INTEGER NOT NULL, dropped INTEGER NOT NULL,"
	" first INTEGER NOT NULL, last INTEGER NOT NULL, made INTEGER NOT NULL,"
	" told INTEGER NOT NULL, told_since INTEGER NOT NULL,"
	" loss INTEGER NOT NULL, loss_since INTEGER NOT NULL) WITHOUT ROWID";

struct drain_cursors {
	sqlite3 *db;
	sqlite3_stmt *load, *save, *forget, *list;
};

int drain_cursors_open(struct drain_cursors **ret, const char *path,
		       struct error *e)
{
	auto_(drain_cursors_free_p) struct drain_cursors *c = xcalloc(1, sizeof(*c));
	int r = sqlite_open(&c->db, path, "NORMAL", schema, e);

	if (r == 0)
		r = sqlite_prepare(c->db, "SELECT * FROM windows WHERE id = ?",
				   &c->load, e);
	if (r == 0)
		r = sqlite_prepare(c->db, "INSERT OR REPLACE INTO windows VALUES"
				   " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				   &c->save, e);
	if (r == 0)
		r = sqlite_prepare(c->db, "DELETE FROM windows WHERE id = ?",
				   &c->forget, e);
	if (r == 0)
		r = sqlite_prepare(c->db, "SELECT id FROM windows", &c->list, e);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

struct drain_cursors *drain_cursors_free(struct drain_cursors *c)
{
	if (!c)
		return NULL;
	sqlite3_finalize(c->load);
	sqlite3_finalize(c->save);
	sqlite3_finalize(c->forget);
	sqlite3_finalize(c->list);
	sqlite3_close(c->db);
	free(c);
	return NULL;
}

/* The members in the order of the columns. */
static void drain_cursors_members(struct drain_window *w, uint64_t *out[NUMBERS])
{
	uint64_t *members[NUMBERS] = {
		&w->start, &w->next, &w->delivered, &w->dropped, &w->first, &w->last,
		&w->made, &w->told.n, &w->told.since, &w->loss.n, &w->loss.since,
	};

	memcpy(out, members, sizeof(members));
}

int drain_cursors_load(struct drain_cursors *c, const char *id,
		       struct drain_window *ret, struct error *e)
{
	struct drain_window w;
	uint64_t *members[NUMBERS];
	int r;

	drain_cursors_members(&w, members);
	sqlite_bind_text(c->load, 1, id);
	r = sqlite_step(c->load, e);
	for (int i = 0; r == 0 && i < NUMBERS; i++)
		*members[i] = (uint64_t)sqlite3_column_int64(c->load, i + 1);
	sqlite3_reset(c->load);
	if (r == 0)
		*ret = w;
	return r > 0 ? DRAIN_CURSORS_NONE : r;
}

int drain_cursors_save(struct drain_cursors *c, const char *id,
		       const struct drain_window *w, struct error *e)
{
	struct drain_window copy = *w;
	uint64_t *members[NUMBERS];

	drain_cursors_members(&copy, members);
	sqlite_bind_text(c->save, 1, id);
	for (int i = 0; i < NUMBERS; i++)
		sqlite3_bind_int64(c->save, i + 2, (sqlite3_int64)*members[i]);
	return sqlite_run(c->save, e);
}

int drain_cursors_forget(struct drain_cursors *c, const char *id, struct error *e)
{
	sqlite_bind_text(c->forget, 1, id);
	return sqlite_run(c->forget, e);
}

int drain_cursors_collect(struct drain_cursors *c,
			  bool (*keep)(const char *id, void *userdata),
			  void *userdata, struct error *e)
{
	auto_strv gone = STRV_INIT;
	int r;

	while ((r = sqlite_step(c->list, e)) == 0) {
		const char *id = (const char *)sqlite3_column_text(c->list, 0);

		if (!keep(id, userdata))
			strv_add(&gone, id);
	}
	sqlite3_reset(c->list);
	for (size_t i = 0; r >= 0 && i < gone.n; i++)
		r = drain_cursors_forget(c, gone.v[i], e);
	return r < 0 ? r : 0;
}

int drain_cursors_begin(struct drain_cursors *c, struct error *e)
{
	return sqlite_exec(c->db, "BEGIN IMMEDIATE", e);
}

int drain_cursors_commit(struct drain_cursors *c, struct error *e)
{
	return sqlite_commit(c->db, e);
}

void drain_cursors_rollback(struct drain_cursors *c)
{
	sqlite_rollback(c->db);
}
