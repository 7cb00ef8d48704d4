/* life.c - events in, effects out. */
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/life/life.h"
#include "manager/model/backoff.h"
#include "manager/supervisor/cycling.h"
#include "manager/supervisor/strays.h"

#include <arpa/inet.h>
#include <signal.h>

#define FAILURE_MAX_USEC (60 * USEC_PER_SEC)

/* ---- storing and telling ---- */

void life_save(struct life *l)
{
	struct error e;

	if (state_save(l->dir, &l->st, &e) < 0)
		log_err("%s: %s, ignoring", l->a->name, e.msg);
}

const char *life_shown(const struct life *l)
{
	return dyno_fsm_shown(l->a->kind, l->st.state);
}

void life_set_error(struct life *l, const char *message)
{
	free(l->st.error);
	l->st.error = xstrdup(message);
}

json_t *life_trace(const struct life *l)
{
	auto_free char *text = xstrdup(l->st.trace ? l->st.trace : "");
	char *next = text;
	json_t *j;

	if (!*text)
		return json_null();
	j = json_object();
	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		char *value = strrchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		json_object_set_new(j, line, json_integer(strtol(value, NULL, 10)));
	}
	return j;
}

json_t *life_json(const struct life *l)
{
	bool running = l->pid && dyno_fsm_is_running(l->st.state);
	char since[CLOCK_TEXT_MAX], address[INET_ADDRSTRLEN] = "";

	clock_api_text(since, (uint64_t)l->st.since);
	if (running)
		inet_ntop(AF_INET, &l->address, address, sizeof(address));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o*,"
			 " s:s*}",
		"id", l->id, "name", l->a->name, "state", life_shown(l),
		"since", since,
		"pid", running ? json_integer(l->pid) : json_null(),
		"address", running ? json_string(address) : json_null(),
		"port", running && l->st.port ? json_integer(l->st.port) : json_null(),
		"exit_status", l->st.exit_status >= 0 ?
			json_integer(l->st.exit_status) : json_null(),
		"error", l->st.error ? json_bytes(l->st.error, strlen(l->st.error))
				     : json_null(),
		"trace", life_trace(l),
		"stopped", l->st.stopping ? json_true() : NULL,
		"replaces", str_eq(l->st.slot, l->id) ? NULL : l->st.slot);
}

/* ---- the timer of the state ---- */

static uint64_t life_timer_usec(const struct life *l)
{
	const struct supervisor_conf *c = &l->s->conf;
	bool web = assignment_is_web(l->a);

	switch (l->st.state) {
	case DYNO_AWAITING:
		return c->attach_timeout * USEC_PER_SEC;
	case DYNO_BOOTING:
		return web ? c->boot_timeout * USEC_PER_SEC : UINT64_MAX;
	case DYNO_UP:
		return c->stable_after * USEC_PER_SEC;
	case DYNO_HANGUP:
		return c->hup_interval * USEC_PER_SEC;
	case DYNO_LEAVING:
	case DYNO_IDLING:
		return web ? c->withdraw_timeout * USEC_PER_SEC : 0;
	case DYNO_STOPPING:
	case DYNO_IDLE_STOPPING:
		return c->stop_grace * USEC_PER_SEC;
	case DYNO_KILLING:
	case DYNO_IDLE_KILLING:
		return c->kill_retry * USEC_PER_SEC;
	case DYNO_CRASHED:
		return l->st.failures ?
			backoff_retry((unsigned)l->st.failures, FAILURE_MAX_USEC) :
			backoff_delay(&c->backoff, (unsigned)l->st.crashes);
	case DYNO_NEW:
	case DYNO_FETCHING:
	case DYNO_LAUNCHING:
	case DYNO_ABORTING:
	case DYNO_DETACHED:
	case DYNO_IDLE:
	case DYNO_DOWN:
	case DYNO_COMPLETE:
	case DYNO_STATE_COUNT:
		break;
	}
	return UINT64_MAX;
}

static int on_life_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct life *l = userdata;

	l->timer = loop_unref(l->timer);
	if (l->st.state == DYNO_HANGUP && (uint64_t)l->st.hups >= l->s->conf.hup_count)
		life_event(l, DYNO_EV_GIVE_UP);
	else
		life_event(l, DYNO_EV_TIMEOUT);
	return 0;
}

/* Counted from when the state began, also if that was another process. */
void life_arm(struct life *l)
{
	uint64_t usec = life_timer_usec(l), now = clock_real_usec();
	uint64_t past = now > (uint64_t)l->st.changed ?
		now - (uint64_t)l->st.changed : 0;
	struct error e;

	if (usec == UINT64_MAX)
		return;
	if (loop_timer(l->s->event, &l->timer, past < usec ? usec - past : 0,
		       on_life_timer, l, "dyno", &e) < 0)
		log_err("%s: %s", l->a->name, e.msg);
}

/* ---- effects ---- */

static void life_do_disarm(struct life *l)
{
	l->timer = loop_unref(l->timer);
	life_unwatch_port(l);
}

static void life_do_cancel(struct life *l)
{
	slug_jobs_cancel(&l->slug_wait);
}

static void life_do_forgive(struct life *l)
{
	l->st.crashes = 0;
}

static void life_do_report(struct life *l)
{
	l->dirty = l->hook_dirty = true;
	l->told = false;
}

static void life_do_hup(struct life *l)
{
	life_signal(l, SIGHUP);
}

static void life_do_term(struct life *l)
{
	life_signal(l, SIGTERM);
}

static void life_do_remove(struct life *l)
{
	if (l->dead && !l->a->inside)
		strays_add(l->s, l->dead, false);
	free(take_ptr(l->dead));
}

static void life_do_retire(struct life *l)
{
	l->lease_fd = fd_close(l->lease_fd);
	l->ttl_timer = loop_unref(l->ttl_timer);
	l->grace_timer = loop_unref(l->grace_timer);
}

static void life_effects(struct life *l, enum dyno_state from, unsigned effects)
{
	static const struct {
		unsigned effects;
		void (*fn)(struct life *l);
	} before[] = {
		{ DYNO_DO_DISARM, life_do_disarm },
		{ DYNO_DO_CANCEL, life_do_cancel },
	}, after[] = {
		{ DYNO_DO_FORGIVE, life_do_forgive },
		{ DYNO_DO_SAVE, life_save },
		{ DYNO_DO_REPORT, life_do_report },
		{ DYNO_DO_FETCH, life_fetch },
		{ DYNO_DO_CONNECT, life_connect },
		{ DYNO_DO_LAUNCH, life_launch },
		{ DYNO_DO_SERVE, life_serve },
		{ DYNO_DO_WATCH_PORT, life_watch_port },
		{ DYNO_DO_HUP, life_do_hup },
		{ DYNO_DO_TERM, life_do_term },
		{ DYNO_DO_KILL, life_kill },
		{ DYNO_DO_ARM, life_arm },
		{ DYNO_DO_REMOVE, life_do_remove },
		{ DYNO_DO_END_CLIENT, life_end_client },
		{ DYNO_DO_RETIRE, life_do_retire },
	};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (effects & before[i].effects)
			before[i].fn(l);
	life_log_effects(l, from, effects);
	for (size_t i = 0; i < ARRAY_SIZE(after); i++)
		if (effects & after[i].effects) {
			fault_point("effect %zu", i);
			after[i].fn(l);
		}
}

/* ---- events ---- */

/* What is counted along with a change of state. */
static void life_account(struct life *l, enum dyno_state from,
			 enum dyno_event event)
{
	int64_t now = (int64_t)clock_real_usec();

	if (!str_eq(dyno_fsm_shown(l->a->kind, from), life_shown(l)))
		l->st.since = now;
	if (l->st.state != from)
		l->st.changed = now;
	else if (event == DYNO_EV_TIMEOUT)
		l->st.changed = now;	/* the same timer begins anew */
	/* Until the next try a pin keeps the slug. */
	if (event == DYNO_EV_EXIT || event == DYNO_EV_NOT_STARTED)
		l->lease_fd = fd_close(l->lease_fd);
	if (event == DYNO_EV_EXIT) {
		free(l->dead);
		l->dead = take_ptr(l->st.instance);
		if (l->dead)
			map_remove(&l->s->instances, l->dead);
		l->pid = 0;
	}
	if (event == DYNO_EV_STARTED) {
		l->s->tally.starts++;
		l->s->tally.restarts += l->st.starts++ > 0 || l->succeeds;
		l->st.cycle_at = (int64_t)cycling_draw(l);
		l->st.failures = 0;
		l->st.vast = l->st.late = false;
		l->st.exit_status = -1;
		life_set_error(l, NULL);
	}
	if (l->st.state == DYNO_CRASHED && from != DYNO_CRASHED) {
		bool app = event == DYNO_EV_EXIT || event == DYNO_EV_BAD_SLUG;

		if (app)
			l->st.crashes++;
		l->s->tally.crashes += app;
		l->st.failures = app ? 0 : l->st.failures + 1;
	}
}

static void life_step(struct life *l, enum dyno_event event)
{
	enum dyno_state from = l->st.state;
	unsigned effects;

	if (!dyno_fsm_step(l->a->kind, &l->st.state, event, &effects)) {
		log_debug("%s %s: %s means nothing while %s", l->a->app_name,
			  l->a->name, dyno_fsm_event_name(event),
			  dyno_fsm_name(from));
		return;
	}
	if (l->st.state != from)
		log_about(LOG_LEVEL_INFO, &(struct log_dyno){
			  .app = l->a->app_name, .name = l->a->name,
			  .uuid = l->st.instance }, "%s %s: %s -> %s",
			  l->a->app_name ? l->a->app_name : "", l->a->name,
			  dyno_fsm_name(from), dyno_fsm_name(l->st.state));
	life_account(l, from, event);
	fault_point("step %s %s", dyno_fsm_name(from), dyno_fsm_event_name(event));
	life_effects(l, from, effects);
}

void life_event(struct life *l, enum dyno_event event)
{
	assert(l->n_events < LIFE_EVENTS_MAX);
	l->events[l->n_events++] = event;
	if (l->stepping)
		return;
	l->stepping = true;
	while (l->n_events) {
		enum dyno_event next = l->events[0];

		memmove(l->events, l->events + 1, --l->n_events * sizeof(*l->events));
		life_step(l, next);
	}
	l->stepping = false;
	supervisor_settle(l->s);
}

void life_stop(struct life *l, bool replaced)
{
	l->st.stopping = true;
	l->st.replaced = replaced;
	life_event(l, DYNO_EV_STOP);
	life_save(l);
}
