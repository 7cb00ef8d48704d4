/*
 * wait.c - "dynoctl wait": return when what was deployed runs, or say why not.
 */
#include "cli/wait.h"

#include "base/clock.h"
#include "base/error.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/logs.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>
#include <time.h>

#define WAIT_DEFAULT_SEC 300
#define WAIT_POLL_NSEC (200 * 1000 * 1000)
#define WAIT_REASON_LINES 30

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

struct wait {
	struct cli *cli;
	const char *app, *type;
	json_t *formation, *dynos;
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

static int wait_ask(struct wait *w, struct error *e)
{
	auto_free char *releases_path = api_path(w->app, "/releases");
	auto_free char *formation_path = api_path(w->app, "/formation");
	auto_free char *dynos_path = api_path(w->app, "/dynos");
	auto_json *releases = NULL;
	int r, version;

	wait_deinit(w);
	w->formation = w->dynos = NULL;
	r = api_list(w->cli, releases_path, "version ..; order=desc,max=100",
		     &releases, e);
	if (r == 0)
		r = api_list(w->cli, formation_path, NULL, &w->formation, e);
	if (r == 0)
		r = api_list(w->cli, dynos_path, NULL, &w->dynos, e);
	if (r < 0)
		return r;
	version = wait_version(releases);
	wait_look(w->formation, w->dynos, w->type, version, &w->state);
	return 0;
}

/* What the dyno and the platform said last is the reason. */
static int wait_crashed(struct wait *w)
{
	struct logs_query query = {
		.lines = WAIT_REASON_LINES, .dyno = w->state.crashed,
	};
	struct error e;

	fflush(stdout);
	if (logs_print(w->cli, w->app, &query, STDERR_FILENO, &e) < 0)
		cli_fail(&e);
	error_set(&e, ECHILD, "%s has crashed; its last log lines are above",
		  w->state.crashed);
	return cli_fail(&e);
}

static int wait_loop(struct wait *w, uint64_t deadline_usec)
{
	auto_progress progress = PROGRESS_INIT;
	size_t shown = SIZE_MAX;
	struct error e;

	for (;;) {
		if (wait_ask(w, &e) < 0)
			break;
		if (w->state.crashed)
			return progress_deinit(&progress), wait_crashed(w);
		if (shown != w->state.up) {
			shown = w->state.up;
			progress_begin(&progress, "Waiting for %s: %zu of %zu up",
				       w->app, shown, w->state.wanted);
		}
		if (w->state.up >= w->state.wanted) {
			progress_end(&progress, "done");
			return 0;
		}
		if (clock_mono_usec() > deadline_usec) {
			error_set(&e, ETIMEDOUT, "%zu of %zu dynos of %s are up "
				  "after the time-out", w->state.up,
				  w->state.wanted, w->app);
			break;
		}
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_POLL_NSEC }, NULL);
	}
	progress_deinit(&progress);
	return cli_fail(&e);
}

int wait_run(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_(wait_deinit) struct wait w = { .cli = cli };
	long sec = WAIT_DEFAULT_SEC;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "t:", options)) != -1) {
		if (c != 't')
			return cli->status;
		if (!cli_number(optarg, 0, 86400, &sec))
			return cli_usage("--timeout %s is not a number of "
					 "seconds", optarg);
	}
	w.app = cli_app(cli);
	if (!w.app)
		return EXIT_USAGE;
	w.type = optind < argc ? argv[optind] : NULL;
	return wait_loop(&w, clock_mono_usec() + (uint64_t)sec * USEC_PER_SEC);
}
