/*
 * dynorun_ps.c - the processes of a container: those in its cgroup.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/process.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/oci/container.h"
#include "runtime/dynorun/dynorun_format.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <sys/types.h>

#define PS_OUTPUT_MAX (64 * 1024 * 1024)

static const struct dynorun_option ps_options[] = {
	DYNORUN_FORMAT_OPTION("table, by ps(1), or json: the numbers"),
	DYNORUN_FORMAT_JSON_OPTION,
};

static bool ps_has(const pid_t *pids, size_t n, long pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* ---- the table: ps shows all, we what is ours ---- */

static int ps_spawn(char **args, int n_args, int *ret_fd, int *ret_pidfd,
		    struct error *e)
{
	auto_strv argv = STRV_INIT;
	auto_close int out_w = -1;
	struct process_spec spec = PROCESS_SPEC_INIT;
	pid_t pid;
	int p[2], r;

	strv_add(&argv, "ps");
	for (int i = 0; i < n_args; i++)
		strv_add(&argv, args[i]);
	if (n_args == 0)
		strv_add(&argv, "-ef");
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	out_w = p[1];
	spec.path = access("/bin/ps", X_OK) == 0 ? "/bin/ps" : "/usr/bin/ps";
	spec.argv = strv_argv(&argv);
	spec.stdout_fd = out_w;
	spec.die_with_parent = true;
	r = process_spawn(&spec, &pid, ret_pidfd, e);
	if (r < 0)
		fd_close(p[0]);
	else
		*ret_fd = p[0];
	return r;
}

static int ps_output(char **args, int n_args, struct buf *ret, struct error *e)
{
	auto_close int fd = -1, pid_fd = -1;
	int status, r = ps_spawn(args, n_args, &fd, &pid_fd, e);
	ssize_t n = 1;

	if (r < 0)
		return r;
	while (n > 0 && ret->len < PS_OUTPUT_MAX) {
		buf_reserve(ret, 65536);
		n = read(fd, ret->data + ret->len, 65536);
		if (n > 0)
			ret->len += (size_t)n;
	}
	buf_add(ret, "", 0);
	fd = fd_close(fd);
	r = process_wait(pid_fd, &status, e);
	if (r == 0 && status != 0)
		r = error_set(e, EIO, "ps: exit status %d", status);
	return r;
}

/* Which word of a line is the number; -1: ps was asked for something else. */
static int ps_column(const char *line, size_t len)
{
	int column = 0;

	for (size_t i = 0; i < len; column++) {
		size_t word;

		i += strspn(line + i, " \t");
		word = strcspn(line + i, " \t\n");
		if (word == 3 && strncmp(line + i, "PID", 3) == 0)
			return column;
		if (word == 0)
			break;
		i += word;
	}
	return -1;
}

static long ps_number(const char *line, int column)
{
	for (; column > 0; column--) {
		line += strspn(line, " \t");
		line += strcspn(line, " \t\n");
	}
	return strtol(line, NULL, 10);
}

static int ps_table(char **args, int n_args, const pid_t *pids, size_t n,
		    struct error *e)
{
	auto_buf text = BUF_INIT;
	const char *line;
	int column = 0, r = ps_output(args, n_args, &text, e);
	size_t len;

	if (r < 0)
		return r;
	for (line = buf_str(&text); *line; line += len) {
		bool head = line == text.data;

		len = strcspn(line, "\n");
		if (head)
			column = ps_column(line, len);
		if (column < 0)
			return error_set(e, EINVAL, "ps shows no PID with these "
					 "options");
		if (head || ps_has(pids, n, ps_number(line, column)))
			printf("%.*s\n", (int)len, line);
		len += line[len] == '\n';
	}
	return EXIT_SUCCESS;
}

static void ps_json(const pid_t *pids, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_integer(pids[i]));
	dynorun_format_print(all);
	json_decref(all);
}

static int ps_run(struct dynorun *d, void *options, int argc, char **argv,
		  struct error *e)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	bool json;
	int r = dynorun_format_check(options, &json, e);

	if (r == 0)
		r = container_read(&c, d->root, argv[0], e);
	if (r == 0 && !c.cgroup)
		r = error_set(e, ENOTSUP, "container %s has no cgroup", c.id);
	if (r == 0)
		r = cgroup_group_open(&g, c.cgroup, e);
	if (r == 0)
		r = cgroup_group_pids(g, &pids, &n, e);
	if (r < 0)
		return r;
	if (!json)
		return ps_table(argv + 1, argc - 1, pids, n, e);
	ps_json(pids, n);
	return EXIT_SUCCESS;
}

const struct dynorun_verb dynorun_verb_ps = {
	.name = "ps", .args = "ID [PS-OPTION...]", .min_args = 1, .max_args = -1,
	.doc = "show the processes of a container",
	.options = ps_options, .n_options = ARRAY_SIZE(ps_options),
	.size = sizeof(struct dynorun_format), .stop_at_arg = true,
	.fn = ps_run,
};
