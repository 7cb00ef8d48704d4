#pragma once

/*
 * life.h - the life of one dyno: the shell around the machine (dyno_fsm.h).
 *
 * A life has the id of the dyno in the API: that of its assignment, or a new one
 * if it succeeds a dyno that was cycled. It may go through several instances,
 * one after the other, each known to dynod by a UUID of its own.
 * Everything that happens to it becomes an event first; one function changes
 * the state and carries out the effects. What is stored (state.h) is enough
 * for another process to go on.
 */
#include "base/base.h"
#include "base/id.h"
#include "base/list.h"
#include "manager/life/state.h"
#include "manager/model/assignment.h"
#include "manager/model/dyno_fsm.h"
#include "manager/model/meter.h"
#include "manager/protocol/host_client.h"
#include "manager/slug/slug_jobs.h"
#include "manager/supervisor/supervisor.h"

struct attach;
struct capture;
struct error;
struct inside;

#define LIFE_EVENTS_MAX 8

struct life {
	struct list link;		/* in supervisor.lives */
	struct supervisor *s;
	struct assignment *a;		/* a reference */
	char id[UUID_TEXT_MAX];		/* in the API; not always the assignment's */
	char *dir;
	struct state st;
	bool expired;			/* its time to live was over */
	bool replaces;			/* it takes the place of one that leaves */
	bool succeeds;			/* it was made in a cycle */
	bool told;			/* upstream knows the final state */
	bool dirty;			/* something to be reported, */
	bool hook_dirty;		/* and to the webhook */
	bool reporting;			/* a report with it is on its way, */
	enum dyno_state reported;	/* and said this */
	bool known_up;			/* upstream has heard that it is up */

	/* events that came while effects are carried out */
	enum dyno_event events[LIFE_EVENTS_MAX];
	size_t n_events;
	bool stepping;

	/* the instance */
	pid_t pid;			/* 0 = none */
	struct in_addr address;
	enum dyno_stdio stdio;
	int fds[DYNO_FD_COUNT];
	bool adopted;			/* dynod told it at our start, */
	bool adopted_alive;		/* and it lives */
	bool lost;			/* state.json was: see life_load() */
	bool exited;
	struct dyno_exit exit;
	char *dead;			/* UUID of the one that is to be removed */
	struct list start_link;		/* in supervisor.start_queue */

	int lease_fd;
	struct slug_wait slug_wait;
	char wrong_slug[SHA256_HEX_MAX];	/* what came instead: R17 */
	struct capture *capture;
	struct attach *attach;
	struct inside *inside;		/* the session of a command inside of a dyno */
	bool client_lost;
	uint16_t rows, cols;		/* of the client that came; 0 = as assigned */
	int proc_fd;			/* /proc/PID while the port is watched */
	struct dyno_usage usage;	/* newest sample; */
	uint64_t usage_at;		/* monotonic usec, 0 = none */
	uint64_t cpu_before, cpu_before_at;	/* of the sample before it */
	uint64_t peeked_at;		/* metering_peek() */
	double load[METER_LOADS];
	uint64_t over;			/* bytes, when the memory was at its limit */
	sd_event_source *meter_timer;
	sd_event_source *timer, *port_timer, *ttl_timer, *grace_timer;
};

/* A new dyno with this id; refers to the assignment. slot: st.slot. It does nothing
 * before life_event(START). */
int life_new(struct life **ret, struct supervisor *s, struct assignment *a,
	     const char *id, const char *slot, bool replaces, struct error *e);

/* A dyno that an earlier supervisor left in its directory. */
int life_load(struct life **ret, struct supervisor *s, const char *id,
	      struct error *e);
struct life *life_free(struct life *l);
DEFINE_AUTO(struct life, life_free)

void life_event(struct life *l, enum dyno_event event);

/* It is no longer wanted; replaced: a new dyno takes its name. */
void life_stop(struct life *l, bool replaced);

/* dynod tells it at our start; takes descriptors out of d. */
void life_adopt(struct life *l, struct host_dyno *d);

/* After dynod has told all: go on where the earlier process was. */
void life_resume(struct life *l);

/* It has ended and is to be forgotten: removes its directory, frees it. */
void life_forget(struct life *l);

/* Nothing is left to be done, except that upstream may not know yet. */
bool life_is_over(const struct life *l);

/* What the API calls its state now. */
const char *life_shown(const struct life *l);

/* As in a report. New reference. */
json_t *life_json(const struct life *l);

/* What its start took, {"record": 48, ...}; null if nobody has measured. New
 * reference. */
json_t *life_trace(const struct life *l);

void life_save(struct life *l);
/* A sentence for the reports, or NULL: none. */
void life_set_error(struct life *l, const char *message);

/* The timer of the state, counted from when the state began. */
void life_arm(struct life *l);

/* ---- life_host.c: the instance ---- */
void life_launch(struct life *l);
void life_launch_next(struct supervisor *s);
/* The request has been answered: host_started_fn; userdata is the life. */
void life_started(int r, const char *message, struct host_dyno *d, void *userdata);
/* What its processes have. */
void life_env(const struct life *l, struct strv *ret);
void life_watch_port(struct life *l);
void life_unwatch_port(struct life *l);
void life_signal(struct life *l, int sig);
void life_kill(struct life *l);

/* ---- life_output.c ---- */
void life_capture(struct life *l);
void life_output_end(void *life);
void life_exited(struct life *l, const struct dyno_exit *exit);

/* ---- life_client.c ---- */
void life_serve(struct life *l);
void life_connect(struct life *l);
void life_end_client(struct life *l);

/* ---- life_inside.c: of assignments with "inside" ---- */
/* Change what the environment says of the dyno. */
void life_inside_env(const struct life *l, struct strv *env);
/* Ask for the start; answered by life_started(), unless it fails at once. */
int life_inside_request(struct life *l, struct dyno_spec *spec, struct error *e);
void life_inside_signal(struct life *l, int sig);
/* An earlier process had started it, or had begun to: it was hung up. */
void life_inside_resume(struct life *l);

/* ---- life_slug.c ---- */
/* true when there is none or it is leased; else *e says why not. */
bool life_lease(struct life *l, struct error *e);
/* Have the slug and lease it; leads to SLUG, NO_SLUG or BAD_SLUG. */
void life_fetch(struct life *l);

/* ---- life_death.c ---- */
/* Its process has ended, and its output is read: keep how and why. */
void life_tell_death(struct life *l);

/* ---- life_log.c: Heroku's words ---- */
void life_log_line(struct life *l, const char *fmt, ...) PRINTF(2, 3);
void life_log_effects(struct life *l, enum dyno_state from, unsigned effects);
