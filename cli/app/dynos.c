/*
 * dynos.c - list, restart and stop dynos.
 */
#include "cli/app/dynos.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/show/progress.h"
#include "cli/show/when.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <stdio.h>

struct dynos_row {
	const json_t *dyno;
	char *group;
	size_t group_order;		/* position of the group's first dyno */
	long number;
};

static const char *dynos_str(const json_t *dyno, const char *key)
{
	const char *s = json_str(dyno, key);

	return s ? s : "";
}

static bool dynos_one_off(const json_t *dyno)
{
	return str_eq(dynos_str(dyno, "type"), "run");
}

static char *dynos_group(const json_t *dyno)
{
	if (dynos_one_off(dyno))
		return xstrdup("run: one-off processes");
	return xasprintf("%s (%s): %s", dynos_str(dyno, "type"),
			 dynos_str(dyno, "size"), dynos_str(dyno, "command"));
}

static int dynos_compare(const void *a, const void *b)
{
	const struct dynos_row *x = a, *y = b;

	if (x->group_order != y->group_order)
		return x->group_order < y->group_order ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void dynos_fill(struct dynos_row *rows, const json_t *list)
{
	const char *dot;
	json_t *dyno;
	size_t i;

	json_array_foreach((json_t *)list, i, dyno) {
		struct dynos_row *row = &rows[i];

		*row = (struct dynos_row){
			.dyno = dyno, .group = dynos_group(dyno),
			.group_order = i,
		};
		for (size_t k = 0; k < i; k++)
			if (str_eq(rows[k].group, row->group)) {
				row->group_order = rows[k].group_order;
				break;
			}
		dot = strchr(dynos_str(dyno, "name"), '.');
		row->number = dot ? strtol(dot + 1, NULL, 10) : 0;
	}
}

static void dynos_line(struct buf *out, const json_t *dyno, uint64_t now_usec)
{
	char when[WHEN_TEXT_MAX];

	when_ago(when, json_str(dyno, "updated_at"), now_usec);
	if (dynos_one_off(dyno))
		buf_addf(out, "%s (%s): %s %s: %s\n", dynos_str(dyno, "name"),
			 dynos_str(dyno, "size"), dynos_str(dyno, "state"), when,
			 dynos_str(dyno, "command"));
	else
		buf_addf(out, "%s: %s %s\n", dynos_str(dyno, "name"),
			 dynos_str(dyno, "state"), when);
}

static size_t dynos_group_size(const struct dynos_row *rows, size_t n, size_t at)
{
	size_t i = at;

	while (i < n && rows[i].group_order == rows[at].group_order)
		i++;
	return i - at;
}

void dynos_layout(struct buf *out, const char *app, const json_t *list,
		  uint64_t now_usec)
{
	size_t n = json_array_size(list);
	auto_free struct dynos_row *rows = xcalloc(n + 1, sizeof(*rows));

	if (n == 0)
		buf_addf(out, "No dynos on %s\n", app);
	dynos_fill(rows, list);
	qsort(rows, n, sizeof(*rows), dynos_compare);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || rows[i].group_order != rows[i - 1].group_order)
			buf_addf(out, "=== %s (%zu)\n\n", rows[i].group,
				 dynos_group_size(rows, n, i));
		dynos_line(out, rows[i].dyno, now_usec);
		if (i + 1 == n || rows[i].group_order != rows[i + 1].group_order)
			buf_adds(out, "\n");
	}
	for (size_t i = 0; i < n; i++)
		free(rows[i].group);
}

/* Only the dynos of these types (or with these names). false: none is left. */
static bool dynos_filter(json_t *list, char **wanted, int n)
{
	for (size_t i = json_array_size(list); n > 0 && i-- > 0; ) {
		const json_t *dyno = json_array_get(list, i);
		bool keep = false;

		for (int k = 0; k < n; k++)
			keep |= str_eq(dynos_str(dyno, "type"), wanted[k]) ||
				str_eq(dynos_str(dyno, "name"), wanted[k]);
		if (!keep)
			json_array_remove(list, i);
	}
	return n == 0 || json_array_size(list) > 0;
}

/* Those of the child run beside the parent's from the clone on. */
static void dynos_trace(struct buf *out, const json_t *dyno)
{
	json_t *trace = json_object_get(dyno, "trace"), *usec;
	json_int_t total = 0;
	const char *stage;

	if (!json_is_object(trace))
		return;
	json_object_foreach(trace, stage, usec)
		if (!str_after(stage, "child "))
			total += json_integer_value(usec);
	buf_addf(out, "%s: %.2f ms from request to exec\n", dynos_str(dyno, "name"),
		 (double)total / 1000);
	json_object_foreach(trace, stage, usec)
		buf_addf(out, "  %-16s %7.2f ms\n", stage,
			 (double)json_integer_value(usec) / 1000);
	buf_adds(out, "\n");
}

int dynos_list(int argc, char **argv, void *userdata)
{
	static const struct option longs[] = {
		{ "trace", no_argument, NULL, 't' }, { NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	bool trace = false;
	auto_free char *path = NULL;
	auto_json *list = NULL;
	auto_buf out = BUF_INIT;
	const char *app;
	struct error e;
	json_t *dyno;
	size_t i;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "", longs)) != -1) {
		if (c != 't')
			return cli->status;
		trace = true;
	}
	app = cli_app(cli);
	if (!app)
		return EXIT_USAGE;
	path = api_path(app, "/dynos");
	if (api_list(cli, path, NULL, &list, &e) < 0)
		return cli_fail(&e);
	if (!dynos_filter(list, argv + optind, argc - optind)) {
		error_set(&e, ENOENT, "no %s dynos on %s", argv[optind], app);
		return cli_fail(&e);
	}
	if (cli->json) {
		api_print(list);
		return 0;
	}
	dynos_layout(&out, app, list, clock_real_usec());
	json_array_foreach(list, i, dyno)
		if (trace)
			dynos_trace(&out, dyno);
	fputs(buf_str(&out), stdout);
	return 0;
}

/* "web.1" is a dyno, "web" all dynos of a type. */
static char *dynos_path(const char *app, const char *what, const char *suffix)
{
	auto_free char *name = http_path_escape(what);

	return api_path(app, "/%s/%s%s", strchr(what, '.') ? "dynos"
			: "formations", name, suffix);
}

int dynos_restart(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_progress progress = PROGRESS_INIT;
	auto_free char *path = NULL;
	const char *app, *what;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	what = optind < argc ? argv[optind] : NULL;
	path = what ? dynos_path(app, what, "") : api_path(app, "/dynos");
	progress_begin(&progress, "Restarting %s on %s",
		       what ? what : "all dynos", app);
	if (api_send(cli, "DELETE", path, NULL, NULL, &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	progress_end(&progress, "done");
	return 0;
}

int dynos_stop(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_progress progress = PROGRESS_INIT;
	auto_free char *path = NULL;
	const char *app;
	struct error e;

	app = cli_app_arguments(cli, argc, argv);
	if (!app)
		return cli->status;
	path = dynos_path(app, argv[optind], "/actions/stop");
	progress_begin(&progress, "Stopping %s on %s", argv[optind], app);
	if (api_send(cli, "POST", path, NULL, NULL, &e) < 0)
		return progress_deinit(&progress), cli_fail(&e);
	progress_end(&progress, "done");
	return 0;
}
