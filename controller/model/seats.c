/*
 * seats.c - a row per dyno and host, with the times at which it left.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/map.h"
#include "base/strv.h"
#include "controller/model/seats.h"
#include "controller/state/doc.h"
#include "controller/state/sqlite.h"

static const char prefix[] = "/host-dynos/";

/* gone: when the host was known to have it no longer. Times are real microseconds. */
static const char schema[] =
	"CREATE TABLE IF NOT EXISTS seat ("
	" host TEXT NOT NULL, id TEXT NOT NULL, app TEXT NOT NULL,"
	" name TEXT NOT NULL, left INTEGER NOT NULL, gone INTEGER NOT NULL,"
	" PRIMARY KEY (host, id)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS seat_name ON seat (host, app, name);"
	"CREATE INDEX IF NOT EXISTS seat_id ON seat (id);"
	"CREATE INDEX IF NOT EXISTS seat_left ON seat (left) WHERE left > 0;";

enum statement { TAKE, LEAVE, HAS, HAS_ID, KNOWN, HELD, LEFT, GONE, EXPIRE, STATEMENTS };

static const char *const statements[STATEMENTS] = {
	[TAKE] = ("INSERT INTO seat VALUES (?1, ?2, ?3, ?4, 0, 0)"
		  " ON CONFLICT (host, id) DO UPDATE SET left = 0, gone = 0"),
	[LEAVE] = "UPDATE seat SET left = ?3 WHERE host = ?1 AND id = ?2 AND left = 0",
	[HAS] = "SELECT 1 FROM seat WHERE host = ?1 AND app = ?2 AND name = ?3",
	[HAS_ID] = "SELECT 1 FROM seat WHERE host = ?1 AND id = ?2",
	[KNOWN] = "SELECT 1 FROM seat WHERE id = ?1",
	[HELD] = "SELECT host, id FROM seat WHERE left = 0",
	[LEFT] = "SELECT id FROM seat WHERE host = ?1 AND left > 0 AND gone = 0",
	[GONE] = "UPDATE seat SET gone = ?3 WHERE host = ?1 AND id = ?2",
	[EXPIRE] = ("DELETE FROM seat WHERE left > 0 AND"
		    " (left < ?1 OR (gone > 0 AND gone < ?2))"),
};

struct seats {
	struct state *state;		/* borrowed */
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
	struct map refused;		/* host -> uint64_t */
};

/* ---- following the state ---- */

/* Of a dyno that is there: its name. */
static int seats_take(struct seats *s, const char *host, const char *id,
		      const char *app, struct error *e)
{
	sqlite3_stmt *st = s->st[TAKE];
	auto_doc dyno = DOC_INIT;
	int r = doc_get(s->state, &dyno, e, "/apps/%s/dynos/%s", app, id);
	const char *name = r == 0 ? json_str(dyno.j, "name") : NULL;

	if (!name)
		return r < 0 ? r : 0;
	sqlite_bind_text(st, 1, host);
	sqlite_bind_text(st, 2, id);
	sqlite_bind_text(st, 3, app);
	sqlite_bind_text(st, 4, name);
	return sqlite_run(st, e);
}

/* LEAVE and GONE. */
static int seats_mark(struct seats *s, enum statement i, const char *host,
		      const char *id, uint64_t now, struct error *e)
{
	sqlite_bind_text(s->st[i], 1, host);
	sqlite_bind_text(s->st[i], 2, id);
	sqlite3_bind_int64(s->st[i], 3, (sqlite3_int64)now);
	return sqlite_run(s->st[i], e);
}

/* value: of the key "/host-dynos/HOST/ID", NULL if it has gone. */
static int seats_follow(struct seats *s, const char *key, const char *value,
			struct error *e)
{
	const char *host = key + sizeof(prefix) - 1, *slash = strchr(host, '/');
	auto_free char *name = slash ? xstrndup(host, (size_t)(slash - host)) : NULL;
	auto_json *index = NULL;
	int r;

	if (!slash)
		return 0;
	if (!value)
		return seats_mark(s, LEAVE, name, slash + 1, clock_real_usec(), e);
	r = json_parse(value, strlen(value), &index, e);
	if (r == 0 && json_str(index, "app"))
		r = seats_take(s, name, slash + 1, json_str(index, "app"), e);
	return r;
}

static void on_seats_changed(const char *key, const char *value, uint64_t revision,
			     void *userdata)
{
	struct error e;

	if (seats_follow(userdata, key, value, &e) < 0)
		log_err("note who runs %s: %s, ignoring", key, e.msg);
}

/* Seats of the file that the state does not have. */
static int seats_leave_lost(struct seats *s, const struct state_items *items,
			    struct error *e)
{
	sqlite3_stmt *st = s->st[HELD];
	struct map there = MAP_INIT;
	auto_strv lost = STRV_INIT;
	int r;

	for (size_t i = 0; i < items->n; i++)
		map_set(&there, items->v[i].key, s);
	while ((r = sqlite_step(st, e)) == 0) {
		auto_free char *key = xasprintf("%s%s/%s", prefix,
						sqlite3_column_text(st, 0),
						sqlite3_column_text(st, 1));

		if (!map_get(&there, key))
			strv_add(&lost, key);
	}
	sqlite3_reset(st);
	map_deinit(&there);
	for (size_t i = 0; r >= 0 && i < lost.n; i++)
		r = seats_follow(s, lost.v[i], NULL, e);
	return r < 0 ? r : 0;
}

static int seats_compare(struct seats *s, struct error *e)
{
	auto_(state_items_deinit) struct state_items items = STATE_ITEMS_INIT;
	int r = state_list(s->state, prefix, &items, e);

	if (r == 0)
		r = sqlite_exec(s->db, "BEGIN IMMEDIATE", e);
	for (size_t i = 0; r == 0 && i < items.n; i++)
		r = seats_follow(s, items.v[i].key, items.v[i].value, e);
	if (r == 0)
		r = seats_leave_lost(s, &items, e);
	return r == 0 ? sqlite_commit(s->db, e) : r;
}

int seats_open(struct seats **ret, struct state *state, const char *path,
	       struct error *e)
{
	auto_(seats_free_p) struct seats *s = xcalloc(1, sizeof(*s));
	int r;

	s->state = state;
	s->refused = MAP_INIT;
	r = sqlite_open(&s->db, path, "NORMAL", schema, e);
	if (r == 0)
		r = sqlite_prepare_all(s->db, statements, s->st, STATEMENTS, e);
	if (r == 0)
		r = seats_compare(s, e);
	if (r < 0)
		return r;
	state_watch_new(state, prefix, on_seats_changed, s);
	*ret = take_ptr(s);
	return 0;
}

struct seats *seats_free(struct seats *s)
{
	if (!s)
		return NULL;
	sqlite_close(s->db, s->st, STATEMENTS);
	for (struct map_iter it = { 0 }; map_next(&s->refused, &it); )
		free(it.value);
	map_deinit(&s->refused);
	free(s);
	return NULL;
}

/* ---- questions ---- */

static bool seats_found(sqlite3_stmt *st)
{
	struct error e;
	int r = sqlite_step(st, &e);

	sqlite3_reset(st);
	if (r < 0)
		log_err("who runs what: %s, ignoring", e.msg);
	return r <= 0;
}

bool seats_has(struct seats *s, const char *host, const char *app, const char *name)
{
	sqlite_bind_text(s->st[HAS], 1, host);
	sqlite_bind_text(s->st[HAS], 2, app);
	sqlite_bind_text(s->st[HAS], 3, name);
	return seats_found(s->st[HAS]);
}

bool seats_has_id(struct seats *s, const char *host, const char *id)
{
	sqlite3_stmt *st = s->st[host ? HAS_ID : KNOWN];

	sqlite_bind_text(st, 1, host ? host : id);
	if (host)
		sqlite_bind_text(st, 2, id);
	return seats_found(st);
}

/* ---- the end of a seat ---- */

static int seats_left(struct seats *s, const char *host, const json_t *dynos,
		      struct strv *ret, struct error *e)
{
	struct map told = MAP_INIT;
	const json_t *dyno;
	size_t i;
	int r;

	json_array_foreach((json_t *)(uintptr_t)dynos, i, dyno)
		if (json_str(dyno, "id"))
			map_set(&told, json_str(dyno, "id"), s);
	sqlite_bind_text(s->st[LEFT], 1, host);
	while ((r = sqlite_step(s->st[LEFT], e)) == 0) {
		const char *id = (const char *)sqlite3_column_text(s->st[LEFT], 0);

		if (!map_get(&told, id))
			strv_add(ret, id);
	}
	sqlite3_reset(s->st[LEFT]);
	map_deinit(&told);
	return r < 0 ? r : 0;
}

static int seats_expire(struct seats *s, uint64_t now, struct error *e)
{
	sqlite3_stmt *st = s->st[EXPIRE];

	sqlite3_bind_int64(st, 1, (sqlite3_int64)(now - SEATS_AGE_SEC * USEC_PER_SEC));
	sqlite3_bind_int64(st, 2, (sqlite3_int64)(now - SEATS_GRACE_SEC * USEC_PER_SEC));
	return sqlite_run(st, e);
}

void seats_reported(struct seats *s, const char *host, const json_t *dynos,
		    uint64_t now)
{
	auto_strv gone = STRV_INIT;
	struct error e;
	int r = seats_left(s, host, dynos, &gone, &e);

	for (size_t i = 0; r == 0 && i < gone.n; i++)
		r = seats_mark(s, GONE, host, gone.v[i], now, &e);
	if (r == 0)
		r = seats_expire(s, now, &e);
	if (r < 0)
		log_err("note what host %s has left: %s, ignoring", host, e.msg);
}

/* ---- refusals ---- */

/* One line in the journal when there are twice as many as at the last one. */
void seats_refuse(struct seats *s, const char *host, uint64_t n)
{
	uint64_t *count = map_get(&s->refused, host), before;

	if (n == 0)
		return;
	if (!count) {
		count = xcalloc(1, sizeof(*count));
		map_set(&s->refused, host, count);
	}
	before = *count;
	*count += n;
	if (before == 0 || __builtin_clzll(before) != __builtin_clzll(*count))
		log_warn("host %s speaks for dynos that are not its own: refused "
			 "%llu lines and reports", host, (unsigned long long)*count);
}

uint64_t seats_refused(const struct seats *s, const char *host)
{
	const uint64_t *count = map_get(&s->refused, host);

	return count ? *count : 0;
}
