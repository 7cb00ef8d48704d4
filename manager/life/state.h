#pragma once

/*
 * state.h - the supervisor's own files, from which another one goes on.
 *
 *   assignments.json	the last list from upstream: desired state
 *   dynos/<id>/assignment.json	what this dyno was made from
 *   dynos/<id>/state.json	where its life is
 *   dynos/<id>/instance	what of that dynod cannot tell, if state.json is lost
 *   dynos/<id>/log, cursor	its output (capture.h)
 *   journal/			lines on their way upstream (journal.h)
 *   upstream-header		the token, for slug jobs
 *
 * Modes keep others out: config vars are in these files. Replaced as a whole,
 * without fsync: after a power cut there are no dynos that they could be about.
 */
#include "base/base.h"
#include "manager/model/assignment.h"
#include "manager/model/dyno_fsm.h"

struct error;
struct strv;

enum state_cycling {
	STATE_STAYS,
	STATE_CYCLES,			/* its successor starts when it is signalled */
	STATE_OVERLAPS,			/* it goes when its successor is up */
};

struct state {
	enum dyno_state state;
	char *instance;			/* UUID of the running instance, or NULL */
	char *slot;			/* id of the assignment it was made for */
	int64_t cycling;		/* enum state_cycling */
	int64_t cycle_at;		/* real usec: time for its daily restart */
	bool stopping, replaced;
	bool vast, late;		/* R15, R10 have been said of this instance */
	int64_t since;			/* real usec: shown state, */
	int64_t changed;		/* and own state */
	int64_t started;
	int64_t starts;			/* of processes, in this life */
	int64_t port, crashes, failures, hups;
	int64_t exit_status;		/* -1 = none */
	char *error;
	char *trace;			/* of the start: lines "stage usec" */
};

void state_deinit(struct state *st);

int state_save(const char *dir, const struct state *st, struct error *e);
int state_load(const char *dir, struct state *ret, struct error *e);

/* Instance, port and slot; of state_recall()'s *ret all else is as in a new life. */
int state_save_instance(const char *dir, const struct state *st, struct error *e);
int state_recall(const char *dir, struct state *ret, struct error *e);

int state_save_assignment(const char *dir, const struct assignment *a,
			  struct error *e);
int state_load_assignment(const char *dir, struct assignment **ret,
			  struct error *e);

int state_save_list(const char *dir, const struct assignment_list *l,
		    struct error *e);
void state_forget_list(const char *dir);
/* No such file: an empty list of revision 0. */
int state_load_list(const char *dir, struct assignment_list *ret,
		    void (*tell)(const char *what, void *userdata), void *userdata,
		    struct error *e);
