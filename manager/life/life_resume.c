/*
 * life_resume.c - a life goes on in another process: what the files say and
 * what dynod says are put together.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "manager/life/life.h"

#include <signal.h>

static void life_resume_running(struct life *l)
{
	/* dynod has nothing on record: it must have been removed behind our
	 * back, together with how it ended. */
	static const struct dyno_exit unknown = { .status = 128 + SIGKILL,
						  .signal = SIGKILL };

	if (!l->adopted) {
		life_exited(l, &unknown);
		return;
	}
	life_serve(l);
	if (!l->adopted_alive) {
		struct dyno_exit how = l->exit;

		life_exited(l, &how);
		return;
	}
	if (l->st.state == DYNO_BOOTING)
		life_watch_port(l);
	/* Nobody knows whether the signal went out before the kill. */
	if (l->st.state == DYNO_STOPPING || l->st.state == DYNO_IDLE_STOPPING)
		life_signal(l, SIGTERM);
	if (l->st.state == DYNO_KILLING || l->st.state == DYNO_IDLE_KILLING)
		life_kill(l);
	life_arm(l);
}

/* dynod had been asked, or not even that. */
static void life_resume_launch(struct life *l)
{
	struct dyno_exit how = l->exit;

	if (!l->adopted && l->st.state == DYNO_ABORTING) {
		life_event(l, DYNO_EV_NOT_STARTED);
	} else if (!l->adopted) {
		l->st.state = DYNO_FETCHING;
		if (l->st.instance)
			map_remove(&l->s->instances, l->st.instance);
		free(take_ptr(l->st.instance));
		life_fetch(l);
	} else {
		life_event(l, DYNO_EV_STARTED);
		if (!l->adopted_alive)
			life_exited(l, &how);
	}
}

void life_resume(struct life *l)
{
	struct error e;

	/* It may never have come to be. One-offs never run again. */
	if (l->lost && !l->adopted && l->a->kind == DYNO_FORMATION)
		l->st.state = DYNO_LAUNCHING;
	fault_point("resume %s", dyno_fsm_name(l->st.state));
	if (l->a->inside && dyno_fsm_is_running(l->st.state)) {
		life_inside_resume(l);
		l->dirty = l->hook_dirty = true;
		supervisor_settle(l->s);
		return;
	}
	if (!dyno_fsm_is_final(l->st.state) && !life_lease(l, &e))
		log_debug("%s: %s", l->a->name, e.msg);
	switch (l->st.state) {
	case DYNO_NEW:
		life_event(l, l->st.stopping ? DYNO_EV_STOP : DYNO_EV_START);
		break;
	case DYNO_FETCHING:
		life_fetch(l);
		break;
	case DYNO_AWAITING:
		life_connect(l);
		life_arm(l);
		break;
	case DYNO_LAUNCHING:
	case DYNO_ABORTING:
		life_resume_launch(l);
		break;
	case DYNO_CRASHED:
		life_arm(l);
		break;
	case DYNO_BOOTING:
	case DYNO_UP:
	case DYNO_HANGUP:
	case DYNO_DETACHED:
	case DYNO_LEAVING:
	case DYNO_STOPPING:
	case DYNO_KILLING:
	case DYNO_IDLING:
	case DYNO_IDLE_STOPPING:
	case DYNO_IDLE_KILLING:
		life_resume_running(l);
		break;
	case DYNO_IDLE:
	case DYNO_DOWN:
	case DYNO_COMPLETE:
	case DYNO_STATE_COUNT:
		break;
	}
	l->dirty = l->hook_dirty = true;
	supervisor_settle(l->s);
}
