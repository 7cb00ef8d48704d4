/*
 * dyno_fsm.c - the tables of the three kinds of life.
 *
 * What states of all kinds have in common is a macro; the kinds differ in how
 * a life begins and ends. An empty cell: the event means nothing there.
 */
#include "base/base.h"
#include "manager/model/dyno_fsm.h"

#define DO(x) DYNO_DO_##x
#define ON(event) [DYNO_EV_##event]
#define GO(next, effects) { true, DYNO_##next, (effects) }

/* Every change is stored and told. */
#define TELL	(DO(SAVE) | DO(REPORT))
#define TERM	(TELL | DO(DISARM) | DO(LOG_TERM) | DO(TERM) | DO(ARM))
/* Too much memory: the kill's exit does the transition. */
#define VAST	(DO(LOG_R15) | DO(KILL) | DO(SAVE))
/* The process is gone. */
#define GONE	(TELL | DO(DISARM) | DO(LOG_EXIT) | DO(REMOVE))
#define CRASH	(TELL | DO(DISARM) | DO(LOG_STATE) | DO(ARM))
#define RETIRE	(TELL | DO(DISARM) | DO(CANCEL) | DO(RETIRE))
#define FINISH	(RETIRE | DO(LOG_STATE) | DO(END_CLIENT))

/* From SIGTERM to the end, for all kinds; "end" is the final state. */
#define LAST_STATES(end, effects)						\
	[DYNO_STOPPING] = {							\
		ON(QUOTA)   = GO(STOPPING, VAST),				\
		ON(TIMEOUT) = GO(KILLING, TELL | DO(LOG_R12) | DO(KILL) | DO(ARM)), \
		ON(EXIT)    = GO(end, GONE | (effects)),			\
	},									\
	[DYNO_KILLING] = {							\
		ON(TIMEOUT) = GO(KILLING, DO(KILL) | DO(ARM)),			\
		ON(EXIT)    = GO(end, GONE | (effects)),			\
	},									\
	/* dynod is still busy starting what nobody wants any more. */		\
	[DYNO_ABORTING] = {							\
		ON(STARTED)     = GO(STOPPING, TERM | DO(LOG_COMMAND) | DO(SERVE)), \
		ON(NOT_STARTED) = GO(end, (effects)),				\
	}

static const struct {
	bool valid;
	enum dyno_state next;
	unsigned effects;
} rules[DYNO_KIND_COUNT][DYNO_STATE_COUNT][DYNO_EVENT_COUNT] = {

[DYNO_FORMATION] = {
	[DYNO_NEW] = {
		ON(START)       = GO(FETCHING, TELL | DO(LOG_STATE) | DO(FETCH)),
		ON(SLEEP)       = GO(IDLE, TELL),
		ON(STOP)        = GO(DOWN, RETIRE),
	},
	[DYNO_FETCHING] = {
		ON(SLUG)        = GO(LAUNCHING, DO(LAUNCH)),
		ON(NO_SLUG)     = GO(CRASHED, CRASH | DO(LOG_ERROR)),
		ON(BAD_SLUG)    = GO(CRASHED, CRASH | DO(LOG_R17)),
		ON(STOP)        = GO(DOWN, RETIRE | DO(LOG_LEAVE)),
	},
	[DYNO_LAUNCHING] = {
		ON(STARTED)     = GO(BOOTING, TELL | DO(LOG_COMMAND) | DO(SERVE) |
				     DO(ARM) | DO(WATCH_PORT)),
		ON(NOT_STARTED) = GO(CRASHED, CRASH | DO(LOG_ERROR)),
		ON(STOP)        = GO(ABORTING, TELL | DO(LOG_LEAVE)),
	},
	[DYNO_BOOTING] = {
		ON(BOUND)       = GO(UP, TELL | DO(DISARM) | DO(LOG_STATE) | DO(ARM)),
		/* Its exit does the transition. */
		ON(TIMEOUT)     = GO(BOOTING, DO(DISARM) | DO(LOG_R10) | DO(KILL) |
				     DO(SAVE)),
		ON(QUOTA)       = GO(BOOTING, DO(DISARM) | VAST),
		ON(EXIT)        = GO(CRASHED, GONE | CRASH),
		ON(STOP)        = GO(STOPPING, TERM | DO(LOG_LEAVE)),
	},
	[DYNO_UP] = {
		ON(TIMEOUT)     = GO(UP, DO(FORGIVE) | DO(SAVE)),
		ON(QUOTA)       = GO(UP, VAST),
		ON(EXIT)        = GO(CRASHED, GONE | CRASH),
		ON(STOP)        = GO(LEAVING, TELL | DO(DISARM) | DO(LOG_LEAVE) | DO(ARM)),
		ON(SLEEP)       = GO(IDLING, TELL | DO(DISARM) | DO(LOG_LEAVE) | DO(ARM)),
	},
	[DYNO_LEAVING] = {
		ON(WITHDRAWN)   = GO(STOPPING, TERM),
		ON(QUOTA)       = GO(LEAVING, VAST),
		ON(TIMEOUT)     = GO(STOPPING, TERM),
		ON(EXIT)        = GO(DOWN, GONE | RETIRE),
	},
	[DYNO_CRASHED] = {
		ON(TIMEOUT)     = GO(FETCHING, TELL | DO(LOG_STATE) | DO(FETCH)),
		ON(SLEEP)       = GO(IDLE, TELL | DO(DISARM)),
		ON(STOP)        = GO(DOWN, RETIRE | DO(LOG_LEAVE)),
	},
	/* Once it is on its way to sleep it gets there, whoever wakes it meanwhile;
	 * one that is to go is only another one's end. */
	[DYNO_IDLING] = {
		ON(WITHDRAWN)   = GO(IDLE_STOPPING, TERM),
		ON(QUOTA)       = GO(IDLING, VAST),
		ON(TIMEOUT)     = GO(IDLE_STOPPING, TERM),
		ON(EXIT)        = GO(IDLE, GONE),
		ON(STOP)        = GO(LEAVING, TELL),
	},
	[DYNO_IDLE_STOPPING] = {
		ON(QUOTA)       = GO(IDLE_STOPPING, VAST),
		ON(TIMEOUT)     = GO(IDLE_KILLING, TELL | DO(LOG_R12) | DO(KILL) | DO(ARM)),
		ON(EXIT)        = GO(IDLE, GONE),
		ON(STOP)        = GO(STOPPING, TELL),
	},
	[DYNO_IDLE_KILLING] = {
		ON(TIMEOUT)     = GO(IDLE_KILLING, DO(KILL) | DO(ARM)),
		ON(EXIT)        = GO(IDLE, GONE),
		ON(STOP)        = GO(KILLING, TELL),
	},
	[DYNO_IDLE] = {
		ON(WAKE)        = GO(FETCHING, TELL | DO(LOG_STATE) | DO(FETCH)),
		ON(STOP)        = GO(DOWN, RETIRE | DO(LOG_LEAVE)),
	},
	LAST_STATES(DOWN, RETIRE),
},

[DYNO_ONEOFF] = {
	[DYNO_NEW] = {
		ON(START)       = GO(FETCHING, TELL | DO(FETCH)),
		ON(STOP)        = GO(COMPLETE, RETIRE),
	},
	[DYNO_FETCHING] = {
		ON(SLUG)        = GO(LAUNCHING, DO(LAUNCH)),
		ON(NO_SLUG)     = GO(COMPLETE, FINISH | DO(LOG_ERROR)),
		ON(BAD_SLUG)    = GO(COMPLETE, FINISH | DO(LOG_R17)),
		ON(STOP)        = GO(COMPLETE, FINISH),
	},
	[DYNO_LAUNCHING] = {
		ON(STARTED)     = GO(UP, TELL | DO(LOG_COMMAND) | DO(LOG_STATE) | DO(SERVE)),
		ON(NOT_STARTED) = GO(COMPLETE, FINISH | DO(LOG_ERROR)),
		ON(STOP)        = GO(ABORTING, TELL),
	},
	[DYNO_UP] = {
		ON(QUOTA)       = GO(UP, VAST),
		ON(EXIT)        = GO(COMPLETE, GONE | FINISH),
		ON(STOP)        = GO(STOPPING, TERM),
	},
	LAST_STATES(COMPLETE, FINISH),
},

[DYNO_ATTACHED] = {
	[DYNO_NEW] = {
		ON(START)       = GO(FETCHING, TELL | DO(FETCH)),
		ON(STOP)        = GO(COMPLETE, RETIRE),
	},
	[DYNO_FETCHING] = {
		ON(SLUG)        = GO(AWAITING, TELL | DO(LOG_AWAIT) | DO(CONNECT) | DO(ARM)),
		ON(NO_SLUG)     = GO(COMPLETE, FINISH | DO(LOG_ERROR)),
		ON(BAD_SLUG)    = GO(COMPLETE, FINISH | DO(LOG_R17)),
		ON(STOP)        = GO(COMPLETE, FINISH),
	},
	[DYNO_AWAITING] = {
		ON(CLIENT)      = GO(LAUNCHING, DO(DISARM) | DO(LAUNCH)),
		ON(TIMEOUT)     = GO(COMPLETE, FINISH | DO(LOG_R13)),
		ON(CLIENT_LOST) = GO(COMPLETE, FINISH | DO(LOG_R13)),
		ON(STOP)        = GO(COMPLETE, FINISH),
	},
	[DYNO_LAUNCHING] = {
		ON(STARTED)     = GO(UP, TELL | DO(LOG_COMMAND) | DO(LOG_STATE) | DO(SERVE)),
		ON(NOT_STARTED) = GO(COMPLETE, FINISH | DO(LOG_ERROR)),
		ON(STOP)        = GO(ABORTING, TELL),
	},
	[DYNO_UP] = {
		ON(CLIENT_LOST) = GO(HANGUP, TELL | DO(LOG_HUP) | DO(HUP) | DO(ARM)),
		ON(QUOTA)       = GO(UP, VAST),
		ON(EXIT)        = GO(COMPLETE, GONE | FINISH),
		ON(STOP)        = GO(STOPPING, TERM),
	},
	[DYNO_HANGUP] = {
		ON(TIMEOUT)     = GO(HANGUP, DO(LOG_HUP) | DO(HUP) | DO(ARM) | DO(SAVE)),
		ON(GIVE_UP)     = GO(DETACHED, TELL | DO(DISARM) | DO(LOG_R16)),
		ON(QUOTA)       = GO(HANGUP, VAST),
		ON(EXIT)        = GO(COMPLETE, GONE | FINISH),
		ON(STOP)        = GO(STOPPING, TERM),
	},
	[DYNO_DETACHED] = {
		ON(QUOTA)       = GO(DETACHED, VAST),
		ON(EXIT)        = GO(COMPLETE, GONE | FINISH),
		ON(STOP)        = GO(STOPPING, TERM),
	},
	LAST_STATES(COMPLETE, FINISH),
},
};

bool dyno_fsm_step(enum dyno_kind kind, enum dyno_state *state,
		   enum dyno_event event, unsigned *effects)
{
	assert(kind < DYNO_KIND_COUNT && *state < DYNO_STATE_COUNT &&
	       event < DYNO_EVENT_COUNT);

	if (!rules[kind][*state][event].valid)
		return false;
	*effects = rules[kind][*state][event].effects;
	*state = rules[kind][*state][event].next;
	return true;
}

/* "shown" is what the API and the log call it (but see life_log.c for "idle"). A dyno
 * on its way out has no route any more, so it is not "up"; one on its way to sleep
 * can be waited for from now on. */
static const struct {
	const char *name;
	const char *shown;
	bool running, signalled, final;
} states[DYNO_STATE_COUNT] = {
	[DYNO_NEW]       = { "new",       "starting", false, true,  false },
	[DYNO_FETCHING]  = { "fetching",  "starting", false, true,  false },
	[DYNO_AWAITING]  = { "awaiting",  "starting", false, true,  false },
	[DYNO_LAUNCHING] = { "launching", "starting", true,  false, false },
	[DYNO_ABORTING]  = { "aborting",  "starting", true,  false, false },
	[DYNO_BOOTING]   = { "booting",   "starting", true,  false, false },
	[DYNO_UP]        = { "up",        "up",       true,  false, false },
	[DYNO_HANGUP]    = { "hangup",    "up",       true,  false, false },
	[DYNO_DETACHED]  = { "detached",  "up",       true,  false, false },
	[DYNO_LEAVING]   = { "leaving",   "down",     true,  false, false },
	[DYNO_STOPPING]  = { "stopping",  "down",     true,  true,  false },
	[DYNO_KILLING]   = { "killing",   "down",     true,  true,  false },
	[DYNO_IDLING]    = { "idling",    "idle",     true,  false, false },
	[DYNO_IDLE_STOPPING] = { "idle-stopping", "idle", true, true, false },
	[DYNO_IDLE_KILLING] = { "idle-killing", "idle", true, true, false },
	[DYNO_IDLE]      = { "idle",      "idle",     false, true,  false },
	[DYNO_CRASHED]   = { "crashed",   "crashed",  false, true,  false },
	[DYNO_DOWN]      = { "down",      "down",     false, true,  true },
	[DYNO_COMPLETE]  = { "complete",  "complete", false, true,  true },
};

static const char *const events[DYNO_EVENT_COUNT] = {
	ON(START)       = "start",
	ON(SLUG)        = "slug",
	ON(NO_SLUG)     = "no slug",
	ON(BAD_SLUG)    = "bad slug",
	ON(CLIENT)      = "client",
	ON(CLIENT_LOST) = "client lost",
	ON(STARTED)     = "started",
	ON(NOT_STARTED) = "not started",
	ON(BOUND)       = "bound",
	ON(TIMEOUT)     = "timeout",
	ON(GIVE_UP)     = "give up",
	ON(WITHDRAWN)   = "withdrawn",
	ON(STOP)        = "stop",
	ON(SLEEP)       = "sleep",
	ON(WAKE)        = "wake",
	ON(QUOTA)       = "quota",
	ON(EXIT)        = "exit",
};

const char *dyno_fsm_name(enum dyno_state state)
{
	assert(state < DYNO_STATE_COUNT);
	return states[state].name;
}

bool dyno_fsm_parse(const char *name, enum dyno_state *ret)
{
	for (enum dyno_state s = 0; s < DYNO_STATE_COUNT; s++) {
		if (!str_eq(states[s].name, name))
			continue;
		*ret = s;
		return true;
	}
	return false;
}

const char *dyno_fsm_event_name(enum dyno_event event)
{
	assert(event < DYNO_EVENT_COUNT);
	return events[event];
}

const char *dyno_fsm_shown(enum dyno_kind kind, enum dyno_state state)
{
	assert(state < DYNO_STATE_COUNT);
	/* A one-off has no route; until it has ended it is "up". */
	if (kind != DYNO_FORMATION && str_eq(states[state].shown, "down"))
		return "up";
	return states[state].shown;
}

bool dyno_fsm_is_running(enum dyno_state state)
{
	assert(state < DYNO_STATE_COUNT);
	return states[state].running;
}

bool dyno_fsm_is_signalled(enum dyno_state state)
{
	assert(state < DYNO_STATE_COUNT);
	return states[state].signalled;
}

bool dyno_fsm_is_final(enum dyno_state state)
{
	assert(state < DYNO_STATE_COUNT);
	return states[state].final;
}
