/*
 * audit.c - the table in SQLite, in a file of its own: it is written for every
 * change, and nothing of the state depends on it.
 */
#include "base/clock.h"
#include "base/error.h"
#include "controller/access/audit.h"
#include "controller/state/sqlite.h"

#define TRIM_EVERY 256
#define DAY_USEC (24 * 3600 * USEC_PER_SEC)

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS audit ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, usec INTEGER NOT NULL,"
	" account TEXT NOT NULL, email TEXT NOT NULL, token TEXT NOT NULL,"
	" scope TEXT NOT NULL, source TEXT NOT NULL, method TEXT NOT NULL,"
	" route TEXT NOT NULL, app TEXT NOT NULL, app_name TEXT NOT NULL,"
	" target TEXT NOT NULL, status INTEGER NOT NULL,"
	" request TEXT NOT NULL);"
	"CREATE TRIGGER IF NOT EXISTS audit_fixed BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'records are not changed'); END;";

struct audit {
	sqlite3 *db;
	sqlite3_stmt *add, *trim_count, *trim_age, *list;
	uint64_t max, days;
	unsigned since_trim;
};

struct audit *audit_free(struct audit *a)
{
	if (!a)
		return NULL;
	sqlite3_finalize(a->add);
	sqlite3_finalize(a->trim_count);
	sqlite3_finalize(a->trim_age);
	sqlite3_finalize(a->list);
	sqlite3_close(a->db);
	free(a);
	return NULL;
}

static int audit_prepare(struct audit *a, struct error *e)
{
	int r = sqlite_prepare(a->db, "INSERT INTO audit (usec, account, email,"
		" token, scope, source, method, route, app, app_name, target,"
		" status, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&a->add, e);

	if (r == 0)
		r = sqlite_prepare(a->db, "DELETE FROM audit WHERE id <="
			" (SELECT MAX(id) FROM audit) - ?", &a->trim_count, e);
	/* Times rise with the ids, but for a clock that was set. */
	if (r == 0)
		r = sqlite_prepare(a->db, "DELETE FROM audit WHERE id <"
			" (SELECT MIN(id) FROM audit WHERE usec >= ?1) OR"
			" NOT EXISTS (SELECT 1 FROM audit WHERE usec >= ?1)",
			&a->trim_age, e);
	if (r == 0)
		r = sqlite_prepare(a->db, "SELECT id, usec, account, email, token,"
			" scope, source, method, route, app, app_name, target,"
			" status, request FROM audit WHERE (?1 = 0 OR id < ?1)"
			" AND (?2 = '' OR app = ?2 OR app_name = ?2)"
			" AND usec >= ?3 ORDER BY id DESC LIMIT ?4", &a->list, e);
	return r;
}

static uint64_t audit_horizon(const struct audit *a, uint64_t now)
{
	return now > a->days * DAY_USEC ? now - a->days * DAY_USEC : 0;
}

static int audit_trim(struct audit *a, uint64_t now, struct error *e)
{
	int r;

	a->since_trim = 0;
	sqlite3_bind_int64(a->trim_count, 1, (sqlite3_int64)a->max);
	r = sqlite_run(a->trim_count, e);
	sqlite3_bind_int64(a->trim_age, 1, (sqlite3_int64)audit_horizon(a, now));
	return r < 0 ? r : sqlite_run(a->trim_age, e);
}

int audit_open(struct audit **ret, const char *path, uint64_t max, uint64_t days,
	       struct error *e)
{
	auto_(audit_free_p) struct audit *a = xcalloc(1, sizeof(*a));
	int r;

	a->max = max;
	a->days = days;
	/* What a loss of power may take is the last moment; not the file. */
	r = sqlite_open(&a->db, path, "NORMAL", schema, e);
	if (r == 0)
		r = audit_prepare(a, e);
	if (r == 0)
		r = audit_trim(a, clock_real_usec(), e);
	if (r < 0)
		return r;
	*ret = take_ptr(a);
	return 0;
}

int audit_add(struct audit *a, const struct audit_record *rec, uint64_t now,
	      struct error *e)
{
	const char *const texts[] = {
		rec->who->id, rec->who->email, rec->who->token,
		principal_scope_name(rec->who->scope), rec->from, rec->method,
		rec->route, rec->app, rec->app_name, rec->target,
	};
	int r;

	sqlite3_bind_int64(a->add, 1, (sqlite3_int64)now);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sqlite_bind_text(a->add, (int)i + 2, texts[i]);
	sqlite3_bind_int(a->add, 12, rec->status);
	sqlite_bind_text(a->add, 13, rec->request);
	r = sqlite_run(a->add, e);
	if (r == 0 && ++a->since_trim >= TRIM_EVERY)
		r = audit_trim(a, now, e);
	return r;
}

/* ---- read ---- */

static const char *audit_text(sqlite3_stmt *st, int i)
{
	const char *s = (const char *)sqlite3_column_text(st, i);

	return s ? s : "";
}

static json_t *audit_ref(const char *id, const char *name)
{
	if (!*id && !*name)
		return json_null();
	return json_pack("{s:o, s:o}",
			 "id", *id ? json_string(id) : json_null(),
			 "name", *name ? json_string(name) : json_null());
}

static json_t *audit_row(sqlite3_stmt *st)
{
	const char *token = audit_text(st, 4), *target = audit_text(st, 11);
	char when[CLOCK_TEXT_MAX];

	clock_log_text(when, (uint64_t)sqlite3_column_int64(st, 1));
	return json_pack("{s:I, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:s, s:o,"
			 " s:o, s:i, s:s}",
		"id", (json_int_t)sqlite3_column_int64(st, 0),
		"created_at", when,
		"user", "id", audit_text(st, 2), "email", audit_text(st, 3),
		"token", *token ? json_pack("{s:s}", "id", token) : json_null(),
		"scope", audit_text(st, 5), "from", audit_text(st, 6),
		"method", audit_text(st, 7), "route", audit_text(st, 8),
		"app", audit_ref(audit_text(st, 9), audit_text(st, 10)),
		"target", *target ? json_string(target) : json_null(),
		"status", sqlite3_column_int(st, 12),
		"request_id", audit_text(st, 13));
}

int audit_list(struct audit *a, const struct audit_query *q, uint64_t now,
	       json_t **ret, struct error *e)
{
	auto_json *out = json_array();
	int r;

	sqlite3_bind_int64(a->list, 1, (sqlite3_int64)q->before);
	sqlite_bind_text(a->list, 2, q->app ? q->app : "");
	sqlite3_bind_int64(a->list, 3, (sqlite3_int64)audit_horizon(a, now));
	sqlite3_bind_int64(a->list, 4, (sqlite3_int64)q->max);
	while ((r = sqlite_step(a->list, e)) == 0)
		json_array_append_new(out, audit_row(a->list));
	sqlite3_reset(a->list);
	if (r < 0)
		return r;
	*ret = take_ptr(out);
	return 0;
}
