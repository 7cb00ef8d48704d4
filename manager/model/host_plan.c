/* host_plan.c - one sentence per state, by table. */
#include "manager/model/host_plan.h"

static const char *host_plan_error(const struct host_plan_dyno *d)
{
	return d->error ? d->error : "nobody knows why";
}

static char *host_plan_new(const struct host_plan_dyno *d)
{
	return xstrdup("it has only just been made");
}

static char *host_plan_fetching(const struct host_plan_dyno *d)
{
	switch (d->slug) {
	case HOST_PLAN_SLUG_QUEUED:
		return xstrdup("its slug waits until another one has been fetched");
	case HOST_PLAN_SLUG_PAUSED:
		return xasprintf("its slug cannot be had now (%s), will retry",
				 host_plan_error(d));
	case HOST_PLAN_SLUG_FETCHING:
		break;
	}
	if (d->error)
		return xasprintf("its slug is being fetched again (%s)", d->error);
	return xstrdup("its slug is being fetched");
}

static char *host_plan_awaiting(const struct host_plan_dyno *d)
{
	return xstrdup("its client has not come yet");
}

static char *host_plan_launching(const struct host_plan_dyno *d)
{
	if (d->ahead == 0)
		return xstrdup("dynod is starting it");
	return xasprintf("%zu %s before it, of which %zu are made at a time", d->ahead,
			 d->ahead == 1 ? "start is" : "starts are", d->starts_max);
}

static char *host_plan_aborting(const struct host_plan_dyno *d)
{
	return xstrdup("dynod is starting it, and it will be stopped then");
}

static char *host_plan_booting(const struct host_plan_dyno *d)
{
	if (!d->web)
		return xstrdup("it has only just been started");
	return xasprintf("it does not listen on its port %lld yet",
			 (long long)d->port);
}

static char *host_plan_up(const struct host_plan_dyno *d)
{
	if (d->overlaps)
		return xstrdup("its time is up, and it stays until its successor is up");
	return xstrdup("it is as wanted");
}

static char *host_plan_hangup(const struct host_plan_dyno *d)
{
	return xasprintf("its client is gone, SIGHUP has been sent %lld of %lld times",
			 (long long)d->hups, (long long)d->hups_max);
}

static char *host_plan_leaving(const struct host_plan_dyno *d)
{
	return xstrdup("its route is being withdrawn, then comes SIGTERM");
}

static char *host_plan_stopping(const struct host_plan_dyno *d)
{
	return xstrdup("it got SIGTERM, then comes SIGKILL");
}

static char *host_plan_killing(const struct host_plan_dyno *d)
{
	return xstrdup("it got SIGKILL and has not ended, the kernel holds it; then "
		       "comes SIGKILL again");
}

static char *host_plan_crashed(const struct host_plan_dyno *d)
{
	if (d->failures)
		return xasprintf("it could not be started, %lld times in a row (%s)",
				 (long long)d->failures, host_plan_error(d));
	return xasprintf("it has crashed %lld %s in a row", (long long)d->crashes,
			 d->crashes == 1 ? "time" : "times");
}

static char *host_plan_idling(const struct host_plan_dyno *d)
{
	return xstrdup("it is put to sleep: its route is withdrawn, then comes SIGTERM");
}

static char *host_plan_idle(const struct host_plan_dyno *d)
{
	return xstrdup("it sleeps until its app gets a request");
}

static char *host_plan_final(const struct host_plan_dyno *d)
{
	return xstrdup(d->told ? "it has ended and is kept while it is read or wanted" :
		       "it has ended and upstream has not been told yet");
}

static const struct {
	const char *waits_for;
	char *(*why)(const struct host_plan_dyno *d);
} states[DYNO_STATE_COUNT] = {
	[DYNO_NEW]       = { "start", host_plan_new },
	[DYNO_FETCHING]  = { "slug", host_plan_fetching },
	[DYNO_AWAITING]  = { "client", host_plan_awaiting },
	[DYNO_LAUNCHING] = { "start", host_plan_launching },
	[DYNO_ABORTING]  = { "start", host_plan_aborting },
	[DYNO_BOOTING]   = { "port", host_plan_booting },
	[DYNO_UP]        = { NULL, host_plan_up },
	[DYNO_HANGUP]    = { "exit", host_plan_hangup },
	[DYNO_DETACHED]  = { NULL, host_plan_up },
	[DYNO_LEAVING]   = { "route", host_plan_leaving },
	[DYNO_STOPPING]  = { "exit", host_plan_stopping },
	[DYNO_KILLING]   = { "exit", host_plan_killing },
	[DYNO_IDLING]    = { "route", host_plan_idling },
	[DYNO_IDLE_STOPPING] = { "exit", host_plan_stopping },
	[DYNO_IDLE_KILLING] = { "exit", host_plan_killing },
	[DYNO_IDLE]      = { NULL, host_plan_idle },
	[DYNO_CRASHED]   = { "back-off", host_plan_crashed },
	[DYNO_DOWN]      = { "upstream", host_plan_final },
	[DYNO_COMPLETE]  = { "upstream", host_plan_final },
};

void host_plan_explain(const struct host_plan_dyno *d, struct host_plan_reason *ret)
{
	assert(d->state < DYNO_STATE_COUNT);
	*ret = (struct host_plan_reason){
		.waits_for = states[d->state].waits_for,
		.why = states[d->state].why(d),
	};
	if (d->state == DYNO_UP && d->overlaps)
		ret->waits_for = "successor";
	/* The timer of a dyno that is up only forgives its crashes. */
	if (ret->waits_for && d->state != DYNO_UP)
		ret->until = d->timer;
}

void host_plan_reason_deinit(struct host_plan_reason *r)
{
	free(r->why);
	*r = (struct host_plan_reason){ NULL, NULL, 0 };
}
