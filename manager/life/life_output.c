/*
 * life_output.c - the output of an instance, and its end: when it has exited and all
 * that it said is read.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/attach/attach.h"
#include "manager/life/life.h"
#include "manager/life/metering.h"
#include "manager/output/capture.h"

static void life_output_done(struct life *l)
{
	l->grace_timer = loop_unref(l->grace_timer);
	if (l->capture)
		capture_finish(l->capture);
	fault_point("output done");
	life_tell_death(l);
	fault_point("death told");
	l->capture = capture_free(l->capture);
	l->st.exit_status = l->exit.status;
	life_event(l, DYNO_EV_EXIT);
}

void life_output_end(void *userdata)
{
	struct life *l = userdata;

	if (l->exited)
		life_output_done(l);
}

static int on_life_grace(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct life *l = userdata;

	log_debug("%s: somebody holds its output open", l->a->name);
	life_output_done(l);
	return 0;
}

void life_capture(struct life *l)
{
	struct capture_spec spec = {
		.dir = l->dir, .instance = l->st.instance, .app_id = l->a->app_id,
		.ps = l->a->name, .fd = take_fd(l->fds[DYNO_FD_OUT]),
		.on_end = life_output_end, .userdata = l,
	};
	struct error e;

	l->capture = capture_free(l->capture);
	if (capture_new(&l->capture, l->s->event, l->s->journal, &spec, &e) < 0)
		log_err("%s: its output is lost: %s", l->a->name, e.msg);
}

void life_exited(struct life *l, const struct dyno_exit *how)
{
	struct error e;

	if (l->exited)
		return;
	l->exited = true;
	l->exit = *how;
	life_unwatch_port(l);
	metering_stop(l);
	l->ttl_timer = loop_unref(l->ttl_timer);
	if (loop_deadline(l->s->event, &l->grace_timer,
			  l->s->conf.output_grace * USEC_PER_SEC, on_life_grace, l,
			  "output grace", &e) < 0)
		log_err("%s: %s", l->a->name, e.msg);
	if (l->attach)
		attach_drain(l->attach);
	else if (!l->capture || capture_at_end(l->capture))
		life_output_done(l);
}
