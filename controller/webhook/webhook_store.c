/*
 * webhook_store.c - four tables, and a statement for each thing that is done to them.
 */
#include "base/error.h"
#include "base/strv.h"
#include "controller/state/sqlite.h"
#include "controller/webhook/webhook_store.h"

#define STRING_OF_(x) #x
#define STRING_OF(x) STRING_OF_(x)
#define NEWEST_EVENTS "SELECT n FROM event WHERE app = ?1 ORDER BY n DESC" \
	" LIMIT " STRING_OF(WEBHOOK_STORE_EVENTS)

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS part ("
	" app TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
	" view TEXT NOT NULL, PRIMARY KEY (app, kind, id)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS event ("
	" n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, app TEXT NOT NULL,"
	" body TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS event_app ON event (app);"
	"CREATE TABLE IF NOT EXISTS delivery ("
	" n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, app TEXT NOT NULL,"
	" hook TEXT NOT NULL, event TEXT NOT NULL, state INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, created INTEGER NOT NULL,"
	" updated INTEGER NOT NULL, next INTEGER NOT NULL, last TEXT);"
	"CREATE INDEX IF NOT EXISTS delivery_app ON delivery (app);"
	"CREATE INDEX IF NOT EXISTS delivery_hook ON delivery (hook);"
	"CREATE TABLE IF NOT EXISTS dropped ("
	" hook TEXT PRIMARY KEY, app TEXT NOT NULL, n INTEGER NOT NULL)"
	" WITHOUT ROWID;";

enum statement {
	PART, NO_PART, PARTS, EVENT, TRIM, EVENTS, PUT, DELETE, DROP, DROPPED,
	DELIVERIES, NO_HOOK, NO_HOOK_COUNT, NO_PARTS, NO_EVENTS, NO_DELIVERIES,
	NO_COUNTS, APPS, HOOKS, STATEMENTS
};

static const char *const statements[STATEMENTS] = {
	[PART] = "INSERT OR REPLACE INTO part VALUES (?1, ?2, ?3, ?4)",
	[NO_PART] = "DELETE FROM part WHERE app = ?1 AND kind = ?2 AND id = ?3",
	[PARTS] = "SELECT kind, id, view FROM part WHERE app = ?1",
	[EVENT] = "INSERT INTO event (app, id, body) VALUES (?1, ?2, ?3)",
	[TRIM] = ("DELETE FROM event WHERE app = ?1 AND n NOT IN (" NEWEST_EVENTS ")"
		  " AND id NOT IN (SELECT event FROM delivery WHERE app = ?1)"),
	[EVENTS] = ("SELECT body FROM event WHERE n IN (" NEWEST_EVENTS ")"
		    " ORDER BY n"),
	[PUT] = ("INSERT INTO delivery (id, app, hook, event, state, attempts,"
		 " created, updated, next, last)"
		 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
		 " ON CONFLICT (id) DO UPDATE SET state = ?5, attempts = ?6,"
		 " updated = ?8, next = ?9, last = ?10"),
	[DELETE] = "DELETE FROM delivery WHERE id = ?1",
	[DROP] = ("INSERT INTO dropped VALUES (?1, ?2, 1)"
		  " ON CONFLICT (hook) DO UPDATE SET n = n + 1"),
	[DROPPED] = "SELECT n FROM dropped WHERE hook = ?1",
	[DELIVERIES] = ("SELECT d.id, d.app, d.hook, d.event, d.state, d.attempts,"
			" d.created, d.updated, d.next, d.last, event.body"
			" FROM delivery d JOIN event ON event.id = d.event"
			" WHERE d.app = ?1 ORDER BY d.n"),
	[NO_HOOK] = "DELETE FROM delivery WHERE hook = ?1",
	[NO_HOOK_COUNT] = "DELETE FROM dropped WHERE hook = ?1",
	[NO_PARTS] = "DELETE FROM part WHERE app = ?1",
	[NO_EVENTS] = "DELETE FROM event WHERE app = ?1",
	[NO_DELIVERIES] = "DELETE FROM delivery WHERE app = ?1",
	[NO_COUNTS] = "DELETE FROM dropped WHERE app = ?1",
	[APPS] = ("SELECT app FROM part UNION SELECT app FROM event"
		  " UNION SELECT app FROM delivery UNION SELECT app FROM dropped"),
	[HOOKS] = ("SELECT hook FROM delivery WHERE app = ?1"
		   " UNION SELECT hook FROM dropped WHERE app = ?1"),
};

struct webhook_store {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
};

int webhook_store_open(struct webhook_store **ret, const char *path,
		       struct error *e)
{
	auto_(webhook_store_free_p) struct webhook_store *s = xcalloc(1, sizeof(*s));
	int r = sqlite_open(&s->db, path, "NORMAL", schema, e);

	if (r == 0)
		r = sqlite_prepare_all(s->db, statements, s->st, STATEMENTS, e);
	if (r == 0)
		*ret = take_ptr(s);
	return r;
}

struct webhook_store *webhook_store_free(struct webhook_store *s)
{
	if (!s)
		return NULL;
	sqlite_close(s->db, s->st, STATEMENTS);
	free(s);
	return NULL;
}

int webhook_store_begin(struct webhook_store *s, struct error *e)
{
	return sqlite_exec(s->db, "BEGIN IMMEDIATE", e);
}

int webhook_store_commit(struct webhook_store *s, struct error *e)
{
	return sqlite_commit(s->db, e);
}

void webhook_store_rollback(struct webhook_store *s)
{
	sqlite_rollback(s->db);
}

/* A statement whose one parameter is an id. */
static int webhook_store_run(struct webhook_store *s, enum statement i,
			     const char *id, struct error *e)
{
	sqlite_bind_text(s->st[i], 1, id);
	return sqlite_run(s->st[i], e);
}

static const char *webhook_store_text(sqlite3_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st, column);
}

/* A column of JSON that we have written ourselves. */
static int webhook_store_json(sqlite3_stmt *st, int column, json_t **ret,
			      struct error *e)
{
	const char *text = webhook_store_text(st, column);

	return json_parse(text ? text : "", text ? strlen(text) : 0, ret, e);
}

/* ---- how an app was ---- */

int webhook_store_part(struct webhook_store *s, const char *app, const char *kind,
		       const char *id, const json_t *view, struct error *e)
{
	sqlite3_stmt *st = s->st[view ? PART : NO_PART];
	auto_free char *text = view ? json_text(view) : NULL;

	sqlite_bind_text(st, 1, app);
	sqlite_bind_text(st, 2, kind);
	sqlite_bind_text(st, 3, id);
	if (view)
		sqlite_bind_text(st, 4, text);
	return sqlite_run(st, e);
}

int webhook_store_snapshot(struct webhook_store *s, const char *app, json_t **ret,
			   struct error *e)
{
	sqlite3_stmt *st = s->st[PARTS];
	auto_json *out = json_object();
	int r;

	sqlite_bind_text(st, 1, app);
	while ((r = sqlite_step(st, e)) == 0) {
		const char *name = webhook_store_text(st, 0);
		json_t *kind = json_object_get(out, name), *view;

		r = webhook_store_json(st, 2, &view, e);
		if (r < 0)
			break;
		if (!kind) {
			kind = json_object();
			json_object_set_new(out, name, kind);
		}
		json_object_set_new(kind, webhook_store_text(st, 1), view);
	}
	sqlite3_reset(st);
	if (r > 0)
		*ret = json_object_size(out) > 0 ? take_ptr(out) : NULL;
	return r < 0 ? r : 0;
}

/* ---- events ---- */

int webhook_store_event(struct webhook_store *s, const char *app,
			const json_t *event, struct error *e)
{
	auto_free char *text = json_text(event);
	sqlite3_stmt *st = s->st[EVENT];
	int r;

	sqlite_bind_text(st, 1, app);
	sqlite_bind_text(st, 2, json_str(event, "id"));
	sqlite_bind_text(st, 3, text);
	r = sqlite_run(st, e);
	return r == 0 ? webhook_store_run(s, TRIM, app, e) : r;
}

int webhook_store_events(struct webhook_store *s, const char *app, json_t **ret,
			 struct error *e)
{
	sqlite3_stmt *st = s->st[EVENTS];
	auto_json *out = json_array();
	int r;

	sqlite_bind_text(st, 1, app);
	while ((r = sqlite_step(st, e)) == 0) {
		json_t *event;

		r = webhook_store_json(st, 0, &event, e);
		if (r < 0)
			break;
		json_array_append_new(out, event);
	}
	sqlite3_reset(st);
	if (r > 0)
		*ret = take_ptr(out);
	return r < 0 ? r : 0;
}

/* ---- deliveries ---- */

int webhook_store_put(struct webhook_store *s,
		      const struct webhook_store_delivery *d, struct error *e)
{
	sqlite3_stmt *st = s->st[PUT];

	sqlite_bind_text(st, 1, d->id);
	sqlite_bind_text(st, 2, d->app);
	sqlite_bind_text(st, 3, d->hook);
	sqlite_bind_text(st, 4, d->event);
	sqlite3_bind_int(st, 5, d->state);
	sqlite3_bind_int(st, 6, d->attempts);
	sqlite3_bind_int64(st, 7, (sqlite3_int64)d->created);
	sqlite3_bind_int64(st, 8, (sqlite3_int64)d->updated);
	sqlite3_bind_int64(st, 9, (sqlite3_int64)d->next);
	if (d->last)
		sqlite_bind_text(st, 10, d->last);
	else
		sqlite3_bind_null(st, 10);
	return sqlite_run(st, e);
}

int webhook_store_delete(struct webhook_store *s, const char *id, struct error *e)
{
	return webhook_store_run(s, DELETE, id, e);
}

int webhook_store_drop(struct webhook_store *s, const char *app, const char *hook,
		       struct error *e)
{
	sqlite_bind_text(s->st[DROP], 2, app);
	return webhook_store_run(s, DROP, hook, e);
}

int webhook_store_dropped(struct webhook_store *s, const char *hook, uint64_t *ret,
			  struct error *e)
{
	sqlite3_stmt *st = s->st[DROPPED];
	int r;

	sqlite_bind_text(st, 1, hook);
	r = sqlite_step(st, e);
	if (r >= 0)
		*ret = r == 0 ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

static int webhook_store_tell(sqlite3_stmt *st, webhook_store_fn fn, void *userdata,
			      struct error *e)
{
	struct webhook_store_delivery d = {
		.id = webhook_store_text(st, 0), .app = webhook_store_text(st, 1),
		.hook = webhook_store_text(st, 2), .event = webhook_store_text(st, 3),
		.state = sqlite3_column_int(st, 4),
		.attempts = sqlite3_column_int(st, 5),
		.created = (uint64_t)sqlite3_column_int64(st, 6),
		.updated = (uint64_t)sqlite3_column_int64(st, 7),
		.next = (uint64_t)sqlite3_column_int64(st, 8),
		.last = webhook_store_text(st, 9),
	};
	auto_json *event = NULL;
	int r = webhook_store_json(st, 10, &event, e);

	if (r == 0)
		fn(&d, event, userdata);
	return r;
}

int webhook_store_deliveries(struct webhook_store *s, const char *app,
			     webhook_store_fn fn, void *userdata, struct error *e)
{
	sqlite3_stmt *st = s->st[DELIVERIES];
	int r;

	sqlite_bind_text(st, 1, app);
	while ((r = sqlite_step(st, e)) == 0) {
		r = webhook_store_tell(st, fn, userdata, e);
		if (r < 0)
			break;
	}
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

/* ---- the end ---- */

static int webhook_store_run_all(struct webhook_store *s, const enum statement *list,
				 size_t n, const char *id, struct error *e)
{
	int r = webhook_store_begin(s, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = webhook_store_run(s, list[i], id, e);
	if (r == 0)
		r = webhook_store_commit(s, e);
	webhook_store_rollback(s);
	return r;
}

int webhook_store_forget_hook(struct webhook_store *s, const char *hook,
			      struct error *e)
{
	static const enum statement list[] = { NO_HOOK, NO_HOOK_COUNT };

	return webhook_store_run_all(s, list, ARRAY_SIZE(list), hook, e);
}

int webhook_store_forget(struct webhook_store *s, const char *app, struct error *e)
{
	static const enum statement list[] = {
		NO_PARTS, NO_EVENTS, NO_DELIVERIES, NO_COUNTS,
	};

	return webhook_store_run_all(s, list, ARRAY_SIZE(list), app, e);
}

static int webhook_store_ids(sqlite3_stmt *st, struct strv *ret, struct error *e)
{
	int r;

	while ((r = sqlite_step(st, e)) == 0)
		strv_add(ret, webhook_store_text(st, 0));
	sqlite3_reset(st);
	return r < 0 ? r : 0;
}

int webhook_store_apps(struct webhook_store *s, struct strv *ret, struct error *e)
{
	return webhook_store_ids(s->st[APPS], ret, e);
}

int webhook_store_hooks(struct webhook_store *s, const char *app, struct strv *ret,
			struct error *e)
{
	sqlite_bind_text(s->st[HOOKS], 1, app);
	return webhook_store_ids(s->st[HOOKS], ret, e);
}
