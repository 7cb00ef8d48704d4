#pragma once

/*
 * change.h - one change of the state: built up piece by piece, then committed
 * as a whole together with what follows from it: the revision of every host
 * whose assignments it touches, and the lines for the app's log.
 *
 *   auto_change c = change_begin(g);
 *
 *   change_expect(&c, &app);
 *   change_put(&c, app.j, "%s", app.key);
 *   return change_commit(&c, e);
 */
#include "base/clock.h"
#include "base/strv.h"
#include "controller/state/doc.h"
#include "controller/model/placement.h"

struct engine;

struct change {
	struct engine *g;
	struct state_txn txn;
	char now[CLOCK_TEXT_MAX];
	struct strv hosts;		/* whose assignments change */
	struct strv lines;		/* app, line, app, line, ... */
	struct placement placement;
	bool placement_read;
	uint64_t awake;			/* > 0: only hosts that are heard at this time */
};

#define auto_change auto_(change_deinit) struct change

/* By value, so that no early return can meet one that was not begun. */
struct change change_begin(struct engine *g);
void change_deinit(struct change *c);

/* Only if nobody has changed it since it was read. */
void change_expect(struct change *c, const struct doc *d);
/* Only if the printed key is absent. */
void change_expect_absent(struct change *c, const char *fmt, ...) PRINTF(2, 3);

void change_put(struct change *c, const json_t *j, const char *fmt, ...) PRINTF(3, 4);
/* The same with one member sealed (vault_open_json() opens it). */
void change_put_sealed(struct change *c, const json_t *j, const char *member,
		       const char *fmt, ...) PRINTF(4, 5);
void change_delete(struct change *c, const char *fmt, ...) PRINTF(2, 3);

/* Put the app's doc with a new updated_at, on condition of its revision: what
 * serialises all changes of one app. */
void change_app(struct change *c, const struct doc *app);

void change_touch_host(struct change *c, const char *host);

/* A line for the app's log, said when the change is done. Control characters become
 * blanks: it stays one line. */
void change_say(struct change *c, const char *app_id, const char *fmt, ...) PRINTF(3, 4);

/* The host for a new dyno, "" if there is none that takes one. */
int change_place(struct change *c, const char **ret_host, struct error *e);

/* 0; OUTCOME_RACE: somebody else was quicker. A line that cannot be
 * stored does not undo the change: it is logged and dropped. */
int change_commit(struct change *c, struct error *e);
