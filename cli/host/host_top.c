/*
 * host_top.c - a table that is drawn again every two seconds.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/host/host.h"
#include "cli/host/host_top.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#define HOST_TOP_INTERVAL_SEC 2
#define HOST_TOP_HEAD_ROWS 3
#define HOST_TOP_CLEAR "\033[H\033[2J"

static const char *host_top_str(const json_t *d, const char *key)
{
	const char *s = json_str(d, key);

	return s ? s : "-";
}

/* ---- order ---- */

static double host_top_number(const json_t *d, const char *member)
{
	return json_number_value(json_object_get(d, member));
}

static int host_top_most(const json_t *a, const json_t *b, const char *member)
{
	double x = host_top_number(a, member), y = host_top_number(b, member);

	return x > y ? -1 : x < y;
}

static int host_top_least(const json_t *a, const json_t *b, const char *member)
{
	return strverscmp(host_top_str(a, member), host_top_str(b, member));
}

struct host_top_key {
	const char *name, *member;
	int (*compare)(const json_t *a, const json_t *b, const char *member);
};

/* The times of the API are in the order of the alphabet. */
static const struct host_top_key keys[] = {
	{ "cpu", "cpu_percent", host_top_most },
	{ "memory", "memory", host_top_most },
	{ "pids", "pids", host_top_most },
	{ "restarts", "restarts", host_top_most },
	{ "age", "started", host_top_least },
	{ "name", "name", host_top_least },
	{ "state", "state", host_top_least },
};

const struct host_top_key *host_top_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_eq(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static int host_top_order(const void *a, const void *b, void *userdata)
{
	const struct host_top_key *key = userdata;
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int r = key->compare(x, y, key->member);

	if (r == 0)
		r = host_top_least(x, y, "app");
	return r ? r : host_top_least(x, y, "name");
}

json_t *host_top_sort(const json_t *dynos, const struct host_top_key *key)
{
	size_t n = json_array_size(dynos);
	auto_free json_t **v = xcalloc(n + 1, sizeof(json_t *));
	json_t *sorted = json_array();

	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(dynos, i);
	qsort_r(v, n, sizeof(json_t *), host_top_order, (void *)(uintptr_t)key);
	for (size_t i = 0; i < n; i++)
		json_array_append(sorted, v[i]);
	return sorted;
}

/* ---- table ---- */

static void host_top_age(char out[16], const json_t *d, uint64_t now_usec)
{
	uint64_t started, s;

	snprintf(out, 16, "-");
	if (!json_is_integer(json_object_get(d, "pid")))
		return;
	if (!json_str(d, "started") || !clock_parse(json_str(d, "started"), &started))
		return;
	s = now_usec > started ? (now_usec - started) / USEC_PER_SEC : 0;
	if (s < 3600)
		snprintf(out, 16, "%um%02us", (unsigned)(s / 60) % 60, (unsigned)(s % 60));
	else
		snprintf(out, 16, "%uh%02um", (unsigned)(s / 3600) % 1000000,
			 (unsigned)(s / 60 % 60));
}

static void host_top_line(struct buf *out, const json_t *d, uint64_t now_usec)
{
	double memory = host_top_number(d, "memory") / (1 << 20);
	double quota = host_top_number(d, "memory_quota") / (1 << 20);
	char age[16];

	host_top_age(age, d, now_usec);
	buf_addf(out, "%-20.20s %-16.16s %-9s ", host_top_str(d, "app"),
		 host_top_str(d, "name"), host_top_str(d, "state"));
	if (json_is_number(json_object_get(d, "cpu_percent")))
		buf_addf(out, "%6.1f ", host_top_number(d, "cpu_percent"));
	else
		buf_addf(out, "%6s ", "-");
	if (json_is_number(json_object_get(d, "memory")))
		buf_addf(out, "%7.0fM/%.0fM %3.0f%% %5.0f ", memory, quota,
			 quota > 0 ? 100 * memory / quota : 0,
			 host_top_number(d, "pids"));
	else
		buf_addf(out, "%7s/%.0fM %4s %5s ", "-", quota, "-", "-");
	buf_addf(out, "%8.0f %9s\n", host_top_number(d, "restarts"), age);
}

void host_top_layout(struct buf *out, const json_t *sorted, size_t rows,
		     uint64_t now_usec)
{
	double cpu = 0, memory = 0;
	size_t i, up = 0;
	json_t *d;

	json_array_foreach((json_t *)(uintptr_t)sorted, i, d) {
		cpu += host_top_number(d, "cpu_percent");
		memory += host_top_number(d, "memory") / (1 << 20);
		up += str_eq(host_top_str(d, "state"), "up");
	}
	buf_addf(out, "%zu dynos, %zu up, %.1f%% of a processor, %.0f MiB\n", i, up, cpu,
		 memory);
	buf_addf(out, "%-20s %-16s %-9s %6s %13s %4s %5s %8s %9s\n", "APP", "NAME",
		 "STATE", "CPU%", "MEMORY", "", "PIDS", "RESTARTS", "AGE");
	json_array_foreach((json_t *)(uintptr_t)sorted, i, d) {
		if (rows && i >= rows)
			break;
		host_top_line(out, d, now_usec);
	}
}

/* ---- the verb ---- */

static int host_top_ask(struct cli *cli, const struct host_top_key *key, json_t **ret,
			struct error *e)
{
	auto_json *dynos = NULL;
	int r = host_call(cli, "GET", "/dynos?watch=1", NULL, &dynos, e);

	if (r < 0)
		return r;
	json_decref(*ret);
	*ret = host_top_sort(dynos, key);
	return 0;
}

static void host_top_sleep(unsigned sec)
{
	nanosleep(&(struct timespec){ .tv_sec = (time_t)sec }, NULL);
}

static size_t host_top_rows(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_row == 0)
		return 0;
	return w.ws_row > HOST_TOP_HEAD_ROWS ? w.ws_row - HOST_TOP_HEAD_ROWS : 1;
}

static int host_top_watch(struct cli *cli, const struct host_top_key *key)
{
	auto_json *sorted = NULL;
	struct error e;

	for (;;) {
		auto_buf out = BUF_INIT;

		if (host_top_ask(cli, key, &sorted, &e) < 0)
			return cli_fail(&e);
		buf_adds(&out, HOST_TOP_CLEAR);
		host_top_layout(&out, sorted, host_top_rows(), clock_real_usec());
		fputs(buf_str(&out), stdout);
		if (fflush(stdout) == EOF)
			return EXIT_FAILURE;
		host_top_sleep(HOST_TOP_INTERVAL_SEC);
	}
}

/* The processor's share is between two samples: the third answer has the sample
 * that the second one asked for, a second after that of the first. */
static int host_top_once(struct cli *cli, const struct host_top_key *key)
{
	auto_json *sorted = NULL;
	auto_buf out = BUF_INIT;
	struct error e;

	for (int i = 0; i < 3; i++) {
		if (i > 0)
			host_top_sleep(1);
		if (host_top_ask(cli, key, &sorted, &e) < 0)
			return cli_fail(&e);
	}
	if (cli->json) {
		api_print(sorted);
		return 0;
	}
	host_top_layout(&out, sorted, 0, clock_real_usec());
	fputs(buf_str(&out), stdout);
	return 0;
}

int host_top(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "sort", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	const struct host_top_key *key = &keys[0];
	struct cli *cli = userdata;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "s:", options)) != -1) {
		if (c != 's')
			return cli->status;
		key = host_top_key(optarg);
		if (!key)
			return cli_usage("--sort wants cpu, memory, pids, restarts, age, "
					 "name or state");
	}
	if (cli->json || !isatty(STDOUT_FILENO))
		return host_top_once(cli, key);
	return host_top_watch(cli, key);
}
