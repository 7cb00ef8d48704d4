/*
 * host_drain.c - take this host out of service, and into it again.
 */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/host/host.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define HOST_DRAIN_TIMEOUT_SEC 300
#define HOST_DRAIN_SEC_MAX (30 * 86400)
#define HOST_DRAIN_POLL_NSEC (200 * 1000 * 1000)

struct host_drain {
	struct cli *cli;
	long deadline, timeout;		/* seconds, < 0: not said */
	bool wait;
};

static int host_drain_print(const struct cli *cli, const json_t *drain)
{
	const char *deadline = json_str(drain, "deadline");
	int64_t left = json_int(drain, "left", 0);

	if (cli->json) {
		api_print(drain);
		return 0;
	}
	printf("%s", json_str(drain, "mode") ? json_str(drain, "mode") : "-");
	if (deadline)
		printf(" until %s", deadline);
	printf(", %" PRId64 " %s left\n", left, left == 1 ? "dyno" : "dynos");
	return 0;
}

static int host_drain_ask(struct cli *cli, json_t **drain, struct error *e)
{
	auto_json *info = NULL;
	int r = host_call(cli, "GET", "/", NULL, &info, e);

	if (r < 0)
		return r;
	json_decref(*drain);
	*drain = json_incref(json_object_get(info, "drain"));
	return 0;
}

/* Until nothing is left. That somebody opens the host again ends it too. */
static int host_drain_wait(const struct host_drain *h, json_t **drain)
{
	uint64_t end = clock_mono_usec() + (uint64_t)h->timeout * USEC_PER_SEC;
	auto_progress progress = PROGRESS_INIT;
	int64_t shown = -1, left;
	struct error e;

	for (;;) {
		left = json_int(*drain, "left", 0);
		if (left != shown)
			progress_begin(&progress, "%" PRId64 " %s left", left,
				       left == 1 ? "dyno" : "dynos");
		shown = left;
		if (left == 0) {
			progress_end(&progress, "done");
			return 0;
		}
		if (str_eq(json_str(*drain, "mode"), "open")) {
			error_set(&e, ECANCELED, "somebody has opened the host again");
			break;
		}
		if (clock_mono_usec() > end) {
			error_set(&e, ETIMEDOUT, "%" PRId64 " %s left after the "
				  "time-out", left, left == 1 ? "dyno is" : "dynos are");
			break;
		}
		nanosleep(&(struct timespec){ .tv_nsec = HOST_DRAIN_POLL_NSEC }, NULL);
		if (host_drain_ask(h->cli, drain, &e) < 0)
			break;
	}
	progress_deinit(&progress);
	return cli_fail(&e);
}

static int host_drain_do(const struct host_drain *h, const char *method,
			 const char *path, json_t *body)
{
	auto_json *drain = NULL;
	struct error e;
	int status;

	if (host_call(h->cli, method, path, body, &drain, &e) < 0)
		return cli_fail(&e);
	status = h->wait ? host_drain_wait(h, &drain) : 0;
	return status ? status : host_drain_print(h->cli, drain);
}

/* true: go on. Else the status is in the cli. */
static bool host_drain_options(struct host_drain *h, int argc, char **argv,
			       const struct option *longs)
{
	int c;

	while ((c = cli_getopt(h->cli, argc, argv, "", longs)) != -1) {
		if (c == 'w' || c == 'n') {
			h->wait = c == 'w';
			continue;
		}
		if (c != 'd' && c != 't')
			return false;
		if (!cli_number(optarg, 0, HOST_DRAIN_SEC_MAX,
				c == 'd' ? &h->deadline : &h->timeout)) {
			h->cli->status = cli_usage("--%s wants a number of seconds",
						   c == 'd' ? "deadline" : "timeout");
			return false;
		}
	}
	if (h->timeout < 0)
		h->timeout = HOST_DRAIN_TIMEOUT_SEC +
			     (h->deadline > 0 ? h->deadline : 0);
	return true;
}

int host_drain(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "deadline", required_argument, NULL, 'd' },
		{ "timeout", required_argument, NULL, 't' },
		{ "wait", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	struct host_drain h = { .cli = userdata, .deadline = -1, .timeout = -1 };

	if (!host_drain_options(&h, argc, argv, options))
		return h.cli->status;
	return host_drain_do(&h, "PUT", "/drain", h.deadline < 0 ? json_object() :
			     json_pack("{s:I}", "deadline", (json_int_t)h.deadline));
}

int host_undrain(int argc, char **argv, void *userdata)
{
	struct host_drain h = { .cli = userdata };

	if (!cli_arguments(h.cli, argc, argv))
		return h.cli->status;
	return host_drain_do(&h, "DELETE", "/drain", NULL);
}

int host_stop(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "no-wait", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct host_drain h = { .cli = userdata, .deadline = -1, .timeout = -1,
				.wait = true };

	if (!host_drain_options(&h, argc, argv, options))
		return h.cli->status;
	return host_drain_do(&h, "PUT", "/stop", NULL);
}
