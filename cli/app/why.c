/*
 * why.c - how the processes of a dyno ended, and why.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/show/when.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <inttypes.h>
#include <stdio.h>

#define WHY_MAX 1000

static const char *why_str(const json_t *d, const char *key)
{
	const char *s = json_str(d, key);

	return s ? s : "";
}

static double why_seconds(const json_t *d)
{
	uint64_t started, ended;

	if (!clock_parse(why_str(d, "started_at"), &started) ||
	    !clock_parse(why_str(d, "ended_at"), &ended) || ended < started)
		return 0;
	return (double)(ended - started) / USEC_PER_SEC;
}

/* What of its start took longest. */
static void why_start(struct buf *out, const json_t *trace)
{
	const char *stage, *slowest = NULL;
	int64_t total = 0, most = 0;
	json_t *usec;

	json_object_foreach((json_t *)(uintptr_t)trace, stage, usec) {
		int64_t n = json_integer_value(usec);

		if (str_after(stage, "child "))
			continue;
		total += n;
		if (n > most) {
			most = n;
			slowest = stage;
		}
	}
	if (slowest)
		buf_addf(out, "  Start:    %.1f ms, of it %.1f ms %s\n",
			 (double)total / 1000, (double)most / 1000, slowest);
}

static void why_memory(struct buf *out, const json_t *d)
{
	double peak = (double)json_int(d, "memory_peak", 0) / (1 << 20);
	double quota = (double)json_int(d, "memory_quota", 0) / (1 << 20);
	int64_t kills = json_int(d, "oom_kills", 0);

	buf_addf(out, "  Memory:   at most %.0f MiB of %.0f MiB (%.0f%%)", peak,
		 quota, quota > 0 ? 100 * peak / quota : 0);
	if (kills)
		buf_addf(out, ", %" PRId64 " killed by the kernel", kills);
	buf_adds(out, "\n");
	if (json_is_integer(json_object_get(d, "pressure_usec")))
		buf_addf(out, "  Pressure: waited %.2f s for memory\n",
			 (double)json_int(d, "pressure_usec", 0) / USEC_PER_SEC);
	else if (json_object_get(d, "pressure_usec"))
		buf_adds(out, "  Pressure: not measured on this host\n");
}

static void why_layout(struct buf *out, const json_t *d, uint64_t now_usec)
{
	json_t *lines = json_object_get(d, "lines"), *line;
	char when[WHEN_TEXT_MAX];
	size_t i;

	buf_addf(out, "%s ended %s: %s\n", why_str(d, "name"),
		 when_ago(when, json_str(d, "ended_at"), now_usec),
		 why_str(d, "sentence"));
	buf_addf(out, "  Cause:    %s, by the %s; status %" PRId64 "\n",
		 why_str(d, "cause"), why_str(d, "by"), json_int(d, "status", 0));
	buf_addf(out, "  Ran:      %.1f s, v%" PRId64 ", %s, on %s\n",
		 why_seconds(d), json_int(d, "release", 0), why_str(d, "size"),
		 why_str(d, "host"));
	why_memory(out, d);
	buf_addf(out, "  CPU:      %.2f s\n",
		 (double)json_int(d, "cpu_usec", 0) / USEC_PER_SEC);
	why_start(out, json_object_get(d, "trace"));
	if (json_array_size(lines))
		buf_adds(out, "  Last lines:\n");
	json_array_foreach(lines, i, line)
		buf_addf(out, "    %s\n", json_string_value(line));
}

int why_run(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL, *name = NULL;
	auto_json *list = NULL;
	auto_buf out = BUF_INIT;
	const char *app;
	long max = 1;
	struct error e;
	size_t i;
	json_t *d;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "n:", NULL)) != -1) {
		if (c != 'n')
			return cli->status;
		if (!cli_number(optarg, 1, WHY_MAX, &max))
			return cli_usage("-n wants a number from 1 to %d", WHY_MAX);
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	if (optind < argc)
		name = http_path_escape(argv[optind]);
	path = name ? api_path(app, "/dynos/%s/deaths", name)
		    : api_path(app, "/deaths");
	if (api_list(cli, path, NULL, &list, &e) < 0)
		return cli_fail(&e);
	while (json_array_size(list) > (size_t)max)
		json_array_remove(list, (size_t)max);
	if (cli->json) {
		api_print(list);
		return 0;
	}
	if (json_array_size(list) == 0)
		printf("No process of %s has ended.\n",
		       name ? argv[optind] : app);
	json_array_foreach(list, i, d) {
		if (i > 0)
			buf_adds(&out, "\n");
		why_layout(&out, d, clock_real_usec());
	}
	fputs(buf_str(&out), stdout);
	return 0;
}
