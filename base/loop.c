#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/loop.h"

#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define LOOP_TIMER_ACCURACY_USEC 1000

static int on_loop_signal(sd_event_source *src,
			  const struct signalfd_siginfo *si, void *userdata)
{
	sd_event *event = userdata;

	log_info("received %s, stopping", strsignal((int)si->ssi_signo));
	return sd_event_exit(event, 0);
}

/* Dynos, clients and streams cost descriptors, and no daemon uses select(). */
static void loop_raise_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur == rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		log_warn("raise the number of open files: %m, ignoring");
}

int loop_new(sd_event **ret, struct error *e)
{
	static const int stops[] = { SIGTERM, SIGINT };
	sd_event *event = NULL;
	sigset_t set;
	int r;

	signal(SIGPIPE, SIG_IGN);
	loop_raise_files();
	r = sd_event_new(&event);
	if (r < 0)
		return error_ret(e, r, "create the event loop");
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		sigemptyset(&set);
		sigaddset(&set, stops[i]);
		sigprocmask(SIG_BLOCK, &set, NULL);
		r = sd_event_add_signal(event, NULL, stops[i], on_loop_signal,
					event);
		if (r < 0) {
			sd_event_unref(event);
			return error_ret(e, r, "watch signals");
		}
	}
	r = sd_event_set_watchdog(event, true);
	if (r < 0)
		log_warn("feed the watchdog: %s, ignoring", strerror(-r));
	*ret = event;
	return 0;
}

void loop_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
	log_info("%s", status);
}

int loop_run(sd_event *event, struct error *e)
{
	int r = sd_event_loop(event);

	if (r < 0)
		return error_ret(e, r, "run the event loop");
	return r;
}

int loop_deadline(sd_event *event, sd_event_source **source, uint64_t in_usec,
		  sd_event_time_handler_t fn, void *userdata, const char *what,
		  struct error *e)
{
	int r;

	*source = loop_unref(*source);
	r = sd_event_add_time_relative(event, source, CLOCK_MONOTONIC, in_usec,
				       LOOP_TIMER_ACCURACY_USEC, fn, userdata);
	if (r < 0)
		return error_ret(e, r, "arm a timer");
	sd_event_source_set_description(*source, what);
	return 0;
}

uint64_t loop_timer_due(sd_event_source *source)
{
	uint64_t due, mono = clock_mono_usec();
	int enabled;

	if (!source || sd_event_source_get_enabled(source, &enabled) < 0 ||
	    enabled == SD_EVENT_OFF || sd_event_source_get_time(source, &due) < 0)
		return 0;
	due = fault_clock(due, false);
	return clock_real_usec() + (due > mono ? due - mono : 0);
}

int loop_timer(sd_event *event, sd_event_source **source, uint64_t in_usec,
	       sd_event_time_handler_t fn, void *userdata, const char *what,
	       struct error *e)
{
	return loop_deadline(event, source, fault_wait(in_usec), fn, userdata,
			     what, e);
}

sd_event_source *loop_unref(sd_event_source *source)
{
	return sd_event_source_disable_unref(source);
}
