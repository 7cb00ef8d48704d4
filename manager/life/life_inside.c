/*
 * life_inside.c - the life of a command inside of another dyno: it has a client, a
 * beginning and an end as an attached one-off has, but no instance that dynod would
 * know of. What is left of it when this process dies hangs up by itself.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "manager/life/inside.h"
#include "manager/life/life.h"
#include "manager/model/boot.h"

#include <signal.h>

static struct life *life_inside_target(const struct life *l)
{
	struct life *t;

	list_for_each(t, &l->s->lives, link)
		if (str_eq(t->id, l->a->inside))
			return t;
	return NULL;
}

/* To the app it is the dyno in which it runs. */
void life_inside_env(const struct life *l, struct strv *env)
{
	const struct life *t = life_inside_target(l);
	auto_free char *port = xasprintf("%u", t ? (unsigned)t->st.port : 0);

	if (!t)
		return;
	strv_setenv(env, "DYNO", t->a->name);
	strv_setenv(env, "PORT", port);
}

static void on_life_inside_started(int fds[DYNO_FD_COUNT], void *userdata)
{
	struct life *l = userdata;
	struct host_dyno d = {
		.uuid = l->st.instance, .alive = true, .started_usec = clock_real_usec(),
		.stdio = l->a->tty ? DYNO_STDIO_PTY : DYNO_STDIO_PIPES, .trace = "",
	};

	memcpy(d.fds, fds, sizeof(d.fds));
	life_started(0, "", &d, l);
	memcpy(fds, d.fds, sizeof(d.fds));
}

static void on_life_inside_failed(const char *why, void *userdata)
{
	struct life *l = userdata;

	l->inside = inside_free(l->inside);
	life_started(-ECANCELED, why, NULL, l);
}

static void on_life_inside_ended(int status, void *userdata)
{
	struct life *l = userdata;
	const struct dyno_exit how = {
		.status = status, .signal = status > 128 ? status - 128 : 0,
	};

	l->inside = inside_free(l->inside);
	life_exited(l, &how);
}

static void on_life_entered(int r, const char *message, int *session, void *userdata)
{
	static const struct inside_ops ops = {
		.on_started = on_life_inside_started,
		.on_failed = on_life_inside_failed,
		.on_ended = on_life_inside_ended,
	};
	struct life *l = userdata;
	struct error e;

	if (r < 0) {
		life_started(r, message, NULL, l);
		return;
	}
	r = inside_new(&l->inside, l->s->event, *session,
		       l->a->tty ? DYNO_STDIO_PTY : DYNO_STDIO_PIPES, &ops, l, &e);
	if (r < 0)
		life_started(r, e.msg, NULL, l);
	else
		*session = -1;
}

int life_inside_request(struct life *l, struct dyno_spec *spec, struct error *e)
{
	const struct life *t = life_inside_target(l);

	if (!t || !t->st.instance || !t->pid || !dyno_fsm_is_running(t->st.state))
		return error_set(e, ESRCH, "the dyno does not run");
	spec->uuid = t->st.instance;
	return host_client_inside(l->s->host, spec, on_life_entered, l, e);
}

void life_inside_signal(struct life *l, int sig)
{
	struct error e;

	if (l->inside && inside_signal(l->inside, sig, &e) < 0)
		log_warn("%s: %s, ignoring", l->a->name, e.msg);
}

void life_inside_resume(struct life *l)
{
	static const struct dyno_exit hung_up = { .status = 128 + SIGHUP,
						  .signal = SIGHUP };

	/* What the client has got, and has said, it knows alone by now. */
	l->adopted = true;
	life_serve(l);
	if (l->st.state != DYNO_LAUNCHING && l->st.state != DYNO_ABORTING) {
		life_exited(l, &hung_up);
		return;
	}
	life_set_error(l, "the supervisor was restarted");
	life_event(l, DYNO_EV_NOT_STARTED);
}
