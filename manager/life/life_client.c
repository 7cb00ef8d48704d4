/*
 * life_client.c - who is at the other end of an instance: the log, or the client of an
 * attached one-off; and how long that may last.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/attach/attach.h"
#include "manager/life/life.h"
#include "manager/life/metering.h"

static void on_life_client(uint16_t rows, uint16_t cols, void *userdata)
{
	struct life *l = userdata;

	l->rows = rows;
	l->cols = cols;
	life_event(l, DYNO_EV_CLIENT);
}

static void on_life_client_lost(void *userdata)
{
	struct life *l = userdata;

	l->client_lost = true;
	life_event(l, DYNO_EV_CLIENT_LOST);
}

static void on_life_client_signal(int sig, void *userdata)
{
	struct life *l = userdata;

	if (dyno_fsm_is_running(l->st.state))
		life_signal(l, sig);
}

static void on_life_client_done(void *userdata)
{
	struct life *l = userdata;

	supervisor_settle(l->s);
}

void life_connect(struct life *l)
{
	static const struct attach_ops ops = {
		.on_client = on_life_client,
		.on_lost = on_life_client_lost,
		.on_signal = on_life_client_signal,
		.on_drained = life_output_end,
		.on_done = on_life_client_done,
	};
	auto_free char *path = xasprintf("/upstream/v1/hosts/%s/attach/%s",
					 l->s->conf.host, l->id);
	struct attach_spec spec = {
		.upstream = &l->s->conf.client, .path = path,
		.idle_usec = l->s->conf.attach_idle * USEC_PER_SEC,
		.lost = l->st.state == DYNO_HANGUP || l->st.state == DYNO_DETACHED,
		.ops = &ops, .userdata = l,
	};
	struct error e;

	if (attach_new(&l->attach, l->s->event, &spec, &e) < 0) {
		log_err("%s: %s", l->a->name, e.msg);
		life_event(l, DYNO_EV_CLIENT_LOST);
	}
}

static void life_attach(struct life *l)
{
	struct error e;

	if (!l->attach)
		life_connect(l);
	if (l->attach && attach_serve(l->attach, l->stdio, l->fds, !l->adopted, &e) < 0)
		log_err("%s: %s", l->a->name, e.msg);
}

void life_end_client(struct life *l)
{
	if (!l->attach)
		return;
	if (l->exited)
		attach_end(l->attach, l->exit.status);
	else if (l->a->inside)
		attach_fail(l->attach, l->st.error ? l->st.error
						   : "the command was not started");
	else
		attach_fail(l->attach, l->st.error ? "the dyno could not be started"
						   : "the dyno was not started");
}

static int on_life_ttl(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct life *l = userdata;

	l->ttl_timer = loop_unref(l->ttl_timer);
	l->st.stopping = l->expired = true;
	life_event(l, DYNO_EV_STOP);
	return 0;
}

static void life_arm_ttl(struct life *l)
{
	uint64_t end = (uint64_t)l->st.started +
		       (uint64_t)l->a->time_to_live * USEC_PER_SEC;
	uint64_t now = clock_real_usec();
	struct error e;

	if (l->a->time_to_live &&
	    loop_timer(l->s->event, &l->ttl_timer, end > now ? end - now : 0,
		       on_life_ttl, l, "time to live", &e) < 0)
		log_err("%s: %s", l->a->name, e.msg);
}

void life_serve(struct life *l)
{
	if (l->a->kind == DYNO_ATTACHED)
		life_attach(l);
	else
		life_capture(l);
	life_arm_ttl(l);
	/* It is metered along with the dyno. */
	if (!l->a->inside)
		metering_start(l);
}
