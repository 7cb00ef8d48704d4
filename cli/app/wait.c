/*
 * wait.c - "dynoctl wait": return when what was deployed runs, or say why not.
 */
#include "cli/app/wait.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/app/logs.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>
#include <time.h>

#define WAIT_DEFAULT_SEC 300
#define WAIT_POLL_NSEC (200 * 1000 * 1000)
#define WAIT_REASON_LINES 30
#define WAIT_WORDS_MAX 3

static bool wait_str_is(const json_t *object, const char *key, const char *value)
{
	const char *s = json_str(object, key);

	return s && str_eq(s, value);
}

static void wait_look_dyno(const json_t *dyno, int release,
			   struct wait_state *ret)
{
	const json_t *r = json_object_get(dyno, "release");

	if (json_int(r, "version", 0) < release)
		return;		/* of an older one: on its way out */
	if (wait_str_is(dyno, "state", "up"))
		ret->up++;
	if (wait_str_is(dyno, "state", "crashed"))
		ret->crashed = json_str(dyno, "name");
}

void wait_look(const json_t *formation, const json_t *dynos, const char *type,
	       int release, struct wait_state *ret)
{
	json_t *f, *dyno;
	size_t i, k;

	*ret = (struct wait_state){ 0 };
	json_array_foreach((json_t *)formation, i, f) {
		const char *t = json_str(f, "type");
		int64_t n = json_int(f, "quantity", 0);

		if (!t || n <= 0 || (type && !str_eq(t, type)))
			continue;
		ret->wanted += (size_t)n;
		json_array_foreach((json_t *)dynos, k, dyno)
			if (wait_str_is(dyno, "type", t))
				wait_look_dyno(dyno, release, ret);
	}
}

void wait_words(struct buf *out, const json_t *dynos, const char *type, int release)
{
	size_t i, n = 0;
	json_t *dyno;

	json_array_foreach((json_t *)dynos, i, dyno) {
		int version = (int)json_int(json_object_get(dyno, "release"), "version", 0);
		const char *t = json_str(dyno, "type"), *state = json_str(dyno, "state");
		bool up = wait_str_is(dyno, "state", "up");

		if (!t || !state || str_eq(t, "run") || (type && !str_eq(t, type)) ||
		    (up && version >= release) || n++ >= WAIT_WORDS_MAX)
			continue;
		buf_addf(out, "%s%s is %s", n > 1 ? ", " : "", json_str(dyno, "name"),
			 state);
		if (version < release)
			buf_addf(out, " with v%d", version);
	}
	if (n > WAIT_WORDS_MAX)
		buf_addf(out, " and %zu more", n - WAIT_WORDS_MAX);
	if (n == 0)
		buf_adds(out, "no host has them yet");
}

struct wait {
	struct cli *cli;
	const char *app, *type;
	bool fail_fast;
	bool failing;			/* the last call has failed */
	long sec;
	json_t *formation, *dynos;
	int version;
	struct wait_state state;
};

static void wait_deinit(struct wait *w)
{
	json_decref(w->formation);
	json_decref(w->dynos);
}

/* The newest release that runs, or still may. */
static int wait_version(const json_t *releases)
{
	json_t *release;
	size_t i;

	json_array_foreach((json_t *)releases, i, release)
		if (!wait_str_is(release, "status", "failed"))
			return (int)json_int(release, "version", 0);
	return 0;
}

static bool wait_has_type(const json_t *formation, const char *type)
{
	json_t *f;
	size_t i;

	json_array_foreach((json_t *)formation, i, f)
		if (wait_str_is(f, "type", type))
			return true;
	return false;
}

static int wait_ask(struct wait *w, struct error *e)
{
	auto_free char *releases_path = api_path(w->app, "/releases");
	auto_free char *formation_path = api_path(w->app, "/formation");
	auto_free char *dynos_path = api_path(w->app, "/dynos");
	auto_json *releases = NULL;
	int r;

	wait_deinit(w);
	w->formation = w->dynos = NULL;
	r = api_list(w->cli, releases_path, "version ..; order=desc,max=100",
		     &releases, e);
	if (r == 0)
		r = api_list(w->cli, formation_path, NULL, &w->formation, e);
	if (r == 0)
		r = api_list(w->cli, dynos_path, NULL, &w->dynos, e);
	if (r == 0 && w->type && !wait_has_type(w->formation, w->type))
		r = error_set(e, ENOENT, "Couldn't find that process type (%s).",
			      w->type);
	if (r < 0)
		return r;
	w->version = wait_version(releases);
	wait_look(w->formation, w->dynos, w->type, w->version, &w->state);
	return 0;
}

/* No answer, or one that says nothing of what was asked. */
static bool wait_may_ask_again(const struct cli *cli)
{
	return cli->http_status == 0 || cli->http_status == 429 ||
	       cli->http_status >= 500;
}

/* A controller that is restarted is no reason to give up: said once, until it has
 * answered. Returns < 0 when it is over. */
static int wait_ask_again(struct wait *w, struct progress *progress,
			  uint64_t deadline_usec, struct error *e)
{
	int r = wait_ask(w, e);

	if (r < 0 && (!wait_may_ask_again(w->cli) ||
		      clock_mono_usec() > deadline_usec))
		return r;
	if (r < 0 && !w->failing) {
		progress_deinit(progress);
		fprintf(stderr, "dynoctl: %s, will retry\n", e->msg);
	}
	w->failing = r < 0;
	return 0;
}

static void wait_pause(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = WAIT_POLL_NSEC }, NULL);
}

/* What the dyno and the platform said last is the reason. */
static void wait_show_reason(struct wait *w)
{
	struct logs_query query = {
		.lines = WAIT_REASON_LINES, .dyno = w->state.crashed,
	};
	struct error e;

	fflush(stdout);
	if (w->state.crashed &&
	    logs_print(w->cli, w->app, &query, STDERR_FILENO, &e) < 0)
		cli_fail(&e);
}

/* false: it is over, and e says why. */
static bool wait_goes_on(struct wait *w, const char *words, uint64_t deadline_usec,
			 struct error *e)
{
	if (w->fail_fast && w->state.crashed)
		error_set(e, ECHILD, "%s has crashed; its last log lines are above",
			  w->state.crashed);
	else if (clock_mono_usec() > deadline_usec)
		error_set(e, ETIMEDOUT, "%zu of %zu dynos of %s are up after %ld seconds: "
			  "%s%s", w->state.up, w->state.wanted, w->app, w->sec, words,
			  w->state.crashed ? "; the log is above" : "");
	else
		return true;
	return false;
}

/* A line of progress for each change of what is waited for. */
static void wait_tell(struct wait *w, struct progress *progress, struct buf *shown,
		      const struct buf *words)
{
	if (str_eq(buf_str(shown), buf_str(words)))
		return;
	buf_clear(shown);
	buf_adds(shown, buf_str(words));
	progress_begin(progress, "Waiting for %s: %zu of %zu up, %s", w->app, w->state.up,
		       w->state.wanted, buf_str(words));
}

/* A crashed dyno is started again, later and later: that is waited for, too. */
static int wait_loop(struct wait *w, uint64_t deadline_usec)
{
	auto_progress progress = PROGRESS_INIT;
	auto_buf shown = BUF_INIT;
	struct error e;

	for (; wait_ask_again(w, &progress, deadline_usec, &e) == 0; wait_pause()) {
		auto_buf words = BUF_INIT;

		if (w->failing)
			continue;
		if (w->state.up >= w->state.wanted) {
			progress_end(&progress, "done");
			return 0;
		}
		wait_words(&words, w->dynos, w->type, w->version);
		wait_tell(w, &progress, &shown, &words);
		if (!wait_goes_on(w, buf_str(&words), deadline_usec, &e)) {
			progress_deinit(&progress);
			wait_show_reason(w);
			break;
		}
	}
	progress_deinit(&progress);
	return cli_fail(&e);
}

int wait_run(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "fail-fast", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_(wait_deinit) struct wait w = { .cli = cli, .sec = WAIT_DEFAULT_SEC };
	int c;

	while ((c = cli_getopt(cli, argc, argv, "t:", options)) != -1) {
		if (c == 'f')
			w.fail_fast = true;
		else if (c != 't')
			return cli->status;
		else if (!cli_number(optarg, 0, 86400, &w.sec))
			return cli_usage("--timeout %s is not a number of "
					 "seconds", optarg);
	}
	w.app = cli_app(cli);
	if (!w.app)
		return EXIT_USAGE;
	w.type = optind < argc ? argv[optind] : NULL;
	return wait_loop(&w, clock_mono_usec() + (uint64_t)w.sec * USEC_PER_SEC);
}
