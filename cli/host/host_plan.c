/*
 * host_plan.c - what comes next on this host, and why it has not come yet.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/host/host.h"
#include "cli/host/host_plan.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>

static const char *host_plan_str(const json_t *j, const char *key)
{
	const char *s = json_str(j, key);

	return s ? s : "-";
}

/* " (in 12 s)", "" if nobody knows when. */
static void host_plan_until(struct buf *out, const json_t *j, uint64_t now_usec)
{
	uint64_t when;

	if (json_str(j, "until") && clock_parse(json_str(j, "until"), &when))
		buf_addf(out, " (in %.0f s)", when > now_usec ?
			 (double)(when - now_usec) / USEC_PER_SEC : 0);
}

static void host_plan_dyno(struct buf *out, const json_t *d, uint64_t now_usec)
{
	const char *action = host_plan_str(d, "action");

	buf_addf(out, "%-20s %-12s %-9s ", host_plan_str(d, "app"),
		 host_plan_str(d, "name"), host_plan_str(d, "phase"));
	if (str_eq(action, "stop") || str_eq(action, "forget") ||
	    str_eq(action, "start"))
		buf_addf(out, "%s next: ", action);
	buf_adds(out, host_plan_str(d, "why"));
	host_plan_until(out, d, now_usec);
	buf_adds(out, "\n");
}

static bool host_plan_is_calm(const json_t *d)
{
	return !json_str(d, "waits_for") && str_eq(host_plan_str(d, "action"), "none");
}

void host_plan_layout(struct buf *out, const json_t *plan, bool all, uint64_t now_usec)
{
	const json_t *dynos = json_object_get(plan, "dynos");
	const json_t *strays = json_object_get(plan, "strays");
	const json_t *waiting = json_object_get(plan, "waiting");
	size_t i, calm = 0;
	json_t *it;

	if (!str_eq(host_plan_str(plan, "mode"), "open"))
		buf_addf(out, "This host is %s.\n", host_plan_str(plan, "mode"));
	json_array_foreach((json_t *)(uintptr_t)waiting, i, it)
		buf_addf(out, "All wait: %s.\n", json_string_value(it));
	json_array_foreach((json_t *)(uintptr_t)dynos, i, it) {
		calm += host_plan_is_calm(it);
		if (all || !host_plan_is_calm(it))
			host_plan_dyno(out, it, now_usec);
	}
	json_array_foreach((json_t *)(uintptr_t)strays, i, it) {
		buf_addf(out, "quarantined: %s: %s", host_plan_str(it, "instance"),
			 host_plan_str(it, "why"));
		host_plan_until(out, it, now_usec);
		buf_adds(out, "\n");
	}
	buf_addf(out, "%zu of %zu dynos are as wanted.\n", calm,
		 json_array_size(dynos));
}

int host_plan(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'A' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_json *plan = NULL;
	auto_buf out = BUF_INIT;
	bool all = false;
	struct error e;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "", options)) != -1) {
		if (c != 'A')
			return cli->status;
		all = true;
	}
	if (host_call(cli, "GET", "/plan", NULL, &plan, &e) < 0)
		return cli_fail(&e);
	if (cli->json) {
		api_print(plan);
		return 0;
	}
	host_plan_layout(&out, plan, all, clock_real_usec());
	fputs(buf_str(&out), stdout);
	return 0;
}
