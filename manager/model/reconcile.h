#pragma once

/*
 * reconcile.h - wanted assignments x present dynos -> actions. Pure.
 *
 * Level-triggered: called again after every change, with everything; the same
 * input gives the same actions, and when nothing is to be done there are none.
 */
#include "base/base.h"
#include "manager/model/dyno_fsm.h"

/* Names are unique within an app only. */
struct reconcile_want {
	const char *id;
	const char *name;
	const char *app_id;
	bool idle;		/* not at the moment: it is to sleep */
};

struct reconcile_have {
	const char *id;
	const char *slot;	/* the assignment it was made for: its own id, or
				 * that of the dyno it succeeded in a cycle of
				 * which upstream does not know yet */
	const char *name;
	const char *app_id;
	enum dyno_state state;
	bool stopping;		/* it has been told to stop */
	bool formation;		/* if it is wanted all the same, another one takes
				 * its place; a one-off never runs again */
	bool told;		/* upstream knows its final state */
	bool for_good;		/* stopping, and no dyno was to take its place */
};

enum reconcile_verb {
	RECONCILE_CREATE,	/* want: make this dyno and start it */
	RECONCILE_STOP,		/* have: it is no longer wanted */
	RECONCILE_FORGET,	/* have: it has ended and nobody asks any more */
	RECONCILE_SLEEP,	/* have: it is up (or has crashed) and is to sleep, */
	RECONCILE_WAKE,		/* and the other way round */
};

struct reconcile_action {
	enum reconcile_verb verb;
	size_t index;		/* into want (CREATE) or have (all others) */
	bool replaces;		/* CREATE: it takes the place of a dyno that leaves;
				 * STOP: a new dyno of this name is wanted */
	bool renewed;		/* CREATE: the wanted id is that of a dyno which
				 * is leaving: the new one needs another */
};

/*
 * A dyno covers an assignment by its id or its slot, unless it is of the formation
 * and leaving: to be cycled, or since it was not wanted for a while. Fills
 * actions[], which has room for n_want + n_have; returns how many. Stops come
 * before creations. A new dyno waits until the old one of its name has been
 * signalled.
 */
size_t reconcile(const struct reconcile_want *want, size_t n_want,
		 const struct reconcile_have *have, size_t n_have,
		 struct reconcile_action *actions);
