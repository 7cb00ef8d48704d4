#pragma once

/*
 * dyno_fsm.h - the life of one dyno, as a table. Pure: no I/O, no clock.
 *
 * There are three kinds of life: a formation dyno crashes and is tried again;
 * a one-off ends once; an attached one-off waits for its client first and is
 * hung up when the client goes. Each kind has a table of its own; a kind that
 * never enters a state has no row for it.
 */
#include <stdbool.h>

enum dyno_kind {
	DYNO_FORMATION,
	DYNO_ONEOFF,
	DYNO_ATTACHED,		/* a one-off with a client */
	DYNO_KIND_COUNT
};

enum dyno_state {
	DYNO_NEW,		/* wanted, nothing done yet */
	DYNO_FETCHING,		/* waits for its slug */
	DYNO_AWAITING,		/* attached: waits for its client */
	DYNO_LAUNCHING,		/* dynod has been, or will be, asked to start it */
	DYNO_ABORTING,		/* the same, but it is no longer wanted */
	DYNO_BOOTING,		/* runs; $PORT is not bound yet */
	DYNO_UP,
	DYNO_HANGUP,		/* attached: the client is gone, SIGHUPs are sent */
	DYNO_DETACHED,		/* attached: it did not care */
	DYNO_LEAVING,		/* the route is being withdrawn */
	DYNO_STOPPING,		/* SIGTERM sent, grace period runs */
	DYNO_KILLING,		/* SIGKILL sent */
	DYNO_IDLING,		/* LEAVING, STOPPING and KILLING of a dyno that is */
	DYNO_IDLE_STOPPING,	/* to sleep, not to go */
	DYNO_IDLE_KILLING,
	DYNO_IDLE,		/* sleeps until it is woken */
	DYNO_CRASHED,		/* formation: waits for its next try */
	DYNO_DOWN,		/* end: stopped as wanted */
	DYNO_COMPLETE,		/* end of a one-off */
	DYNO_STATE_COUNT
};

enum dyno_event {
	DYNO_EV_START,		/* begin */
	DYNO_EV_SLUG,		/* the slug is unpacked and leased */
	DYNO_EV_NO_SLUG,	/* it could not be had */
	DYNO_EV_BAD_SLUG,	/* what came is not what its checksum says */
	DYNO_EV_CLIENT,		/* the client of an attached one-off has come */
	DYNO_EV_CLIENT_LOST,
	DYNO_EV_STARTED,	/* dynod has started it */
	DYNO_EV_NOT_STARTED,	/* dynod could not */
	DYNO_EV_BOUND,		/* $PORT is listened on; or it needs no port */
	DYNO_EV_TIMEOUT,	/* the timer of this state */
	DYNO_EV_GIVE_UP,	/* SIGHUP has been repeated often enough */
	DYNO_EV_WITHDRAWN,	/* upstream knows that it is leaving */
	DYNO_EV_STOP,		/* no longer wanted, or out of time */
	DYNO_EV_SLEEP,		/* wanted, but not at the moment */
	DYNO_EV_WAKE,
	DYNO_EV_QUOTA,		/* its memory is at the limit */
	DYNO_EV_EXIT,		/* it has ended and its output has been read */
	DYNO_EVENT_COUNT
};

/* What the shell has to do, carried out in the order of the bits: lines first,
 * then the new state is stored, then what cannot be taken back is done. */
enum dyno_effect {
	DYNO_DO_DISARM      = 1 << 0,	/* timer and port watch */
	DYNO_DO_CANCEL      = 1 << 1,	/* no longer wait for slug or client */
	DYNO_DO_LOG_EXIT    = 1 << 2,	/* Process exited with status N */
	DYNO_DO_LOG_R10     = 1 << 3,
	DYNO_DO_LOG_R12     = 1 << 4,
	DYNO_DO_LOG_R13     = 1 << 5,
	DYNO_DO_LOG_R15     = 1 << 30,
	DYNO_DO_LOG_R16     = 1 << 6,
	DYNO_DO_LOG_R17     = 1 << 7,
	DYNO_DO_LOG_ERROR   = 1 << 8,	/* Error R99 (Platform error) ... */
	DYNO_DO_LOG_COMMAND = 1 << 9,	/* Starting process with command ... */
	DYNO_DO_LOG_LEAVE   = 1 << 10,	/* Restarting; State changed from up to */
	DYNO_DO_LOG_STATE   = 1 << 11,	/* State changed from ... to ... */
	DYNO_DO_LOG_TERM    = 1 << 12,	/* Stopping all processes with SIGTERM */
	DYNO_DO_LOG_HUP     = 1 << 13,	/* Client connection closed ... */
	DYNO_DO_LOG_AWAIT   = 1 << 14,	/* Awaiting client */
	DYNO_DO_FORGIVE     = 1 << 15,	/* the next crash counts as the first */
	DYNO_DO_SAVE        = 1 << 16,
	DYNO_DO_REPORT      = 1 << 17,
	DYNO_DO_FETCH       = 1 << 18,
	DYNO_DO_CONNECT     = 1 << 19,	/* the stream of an attached one-off */
	DYNO_DO_LAUNCH      = 1 << 20,
	DYNO_DO_SERVE       = 1 << 21,	/* output to the log or the client */
	DYNO_DO_WATCH_PORT  = 1 << 22,
	DYNO_DO_HUP         = 1 << 23,
	DYNO_DO_TERM        = 1 << 24,
	DYNO_DO_KILL        = 1 << 25,
	DYNO_DO_ARM         = 1 << 26,	/* the timer that belongs to the state */
	DYNO_DO_REMOVE      = 1 << 27,	/* what dynod has of the dead instance */
	DYNO_DO_END_CLIENT  = 1 << 28,	/* tell the client how it ended */
	DYNO_DO_RETIRE      = 1 << 29,	/* release the slug */
};

/*
 * Advance *state by one event; stores the effects to carry out. Returns false
 * and changes nothing if the event means nothing in this state.
 */
bool dyno_fsm_step(enum dyno_kind kind, enum dyno_state *state,
		   enum dyno_event event, unsigned *effects);

/* The state's own name, in files and debug lines. */
const char *dyno_fsm_name(enum dyno_state state);
bool dyno_fsm_parse(const char *name, enum dyno_state *ret);
const char *dyno_fsm_event_name(enum dyno_event event);

/* What the outside calls it: starting, up, crashed, idle, down or complete. */
const char *dyno_fsm_shown(enum dyno_kind kind, enum dyno_state state);

/* A process exists, as far as this state knows. */
bool dyno_fsm_is_running(enum dyno_state state);

/* An old dyno that has been signalled, or has no process: its replacement may
 * start. */
bool dyno_fsm_is_signalled(enum dyno_state state);

/* DOWN and COMPLETE. */
bool dyno_fsm_is_final(enum dyno_state state);
