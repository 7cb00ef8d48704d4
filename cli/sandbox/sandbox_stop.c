/*
 * sandbox_stop.c - end an instance and prove that nothing of it is left.
 *
 * Each step works on what is there, so it can be repeated, and it works after
 * everything was killed. Records of kernel objects (DIR/run) go only after
 * "dynod --wipe" has used them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/host/census.h"
#include "cli/sandbox/sandbox.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"

#include <fcntl.h>
#include <stdio.h>

#define SANDBOX_STOP_TERM_USEC (5 * USEC_PER_SEC)

static int sandbox_stop_processes(const struct sandbox *s, struct error *e)
{
	int r = 0;

	for (int role = 0; r == 0 && role < CENSUS_ROLE_COUNT; role++)
		r = census_end(s->root.dir, (enum census_role)role,
			       SANDBOX_STOP_TERM_USEC, e);
	return r;
}

static int sandbox_stop_wipe(const struct sandbox *s, struct error *e)
{
	auto_free char *path = process_sibling("dynod");
	char *argv[] = { path, (char *)"--wipe", (char *)"--root", s->root.dir,
			 NULL };
	auto_free char *log = xasprintf("%s/log/dynod.log", s->root.dir);
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int log_fd = -1, pidfd = -1;
	int r, status;
	pid_t pid;

	if (access(s->root.run, F_OK) < 0 && !s->prefix)
		return 0;
	log_fd = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
	spec.path = path;
	spec.argv = argv;
	spec.stdout_fd = spec.stderr_fd = log_fd;
	spec.cwd = "/";
	r = process_spawn(&spec, &pid, &pidfd, e);
	if (r == 0)
		r = process_wait(pidfd, &status, e);
	if (r == 0 && status != 0)
		return error_set(e, EBUSY, "\"%s --wipe --root %s\" ended with "
				 "status %d; see %s", path, s->root.dir, status,
				 log);
	return r;
}

static int sandbox_stop_remove(const struct sandbox *s, bool keep,
			       struct error *e)
{
	static const struct { const char *path; bool data; } things[] = {
		{ "run/dyno", false }, { "env", false },
		{ "var/lib/dyno", true }, { "etc/dyno", true }, { "log", true },
	};
	static const char *const parents[] = { "run", "var/lib", "var", "etc" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(things); i++)
		if (!things[i].data || !keep)
			r = file_remove_tree(s->dir_fd, things[i].path, e);
	/* Only those that are empty: others may have things there too. */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parents); i++)
		unlinkat(s->dir_fd, parents[i], AT_REMOVEDIR);
	return r;
}

int sandbox_stop_all(struct sandbox *s, bool keep, struct strv *left,
		     struct error *e)
{
	char *prefix = census_prefix(s->root.dir);
	int r;

	if (prefix) {
		free(s->prefix);
		s->prefix = prefix;
	}
	r = sandbox_stop_processes(s, e);
	if (r == 0)
		r = sandbox_stop_wipe(s, e);
	if (r == 0)
		r = sandbox_stop_remove(s, keep, e);
	census_leftovers(s->root.dir, s->prefix, left);
	if (r < 0 || left->n > 0 || keep)
		return r;
	/* The mark goes last: until then "stop" can be repeated. */
	r = file_remove_tree(s->dir_fd, "sandbox", e);
	if (r == 0 && s->made_dir)
		rmdir(s->root.dir);
	return r;
}

static int sandbox_stop_run(struct sandbox *s, bool keep, struct error *e)
{
	auto_progress progress = PROGRESS_INIT;
	auto_strv left = STRV_INIT;
	int r;

	progress_begin(&progress, "Stopping the sandbox below %s", s->root.dir);
	r = sandbox_stop_all(s, keep, &left, e);
	if (r == 0 && left.n == 0)
		progress_end(&progress, "done");
	progress_deinit(&progress);
	for (size_t i = 0; i < left.n; i++)
		fprintf(stderr, "dynoctl: left over: %s\n", left.v[i]);
	if (r == 0 && left.n > 0)
		r = error_set(e, EBUSY, "the sandbox is not gone entirely");
	return r;
}

int sandbox_stop(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "keep", no_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	auto_(sandbox_deinit) struct sandbox s = SANDBOX_INIT;
	auto_(census_deinit) struct census c = CENSUS_INIT;
	struct cli *cli = userdata;
	bool keep = false;
	struct error e;
	int r, opt;

	while ((opt = cli_getopt(cli, argc, argv, "k", options)) != -1) {
		if (opt != 'k')
			return cli->status;
		keep = true;
	}
	if (!cli->root)
		return cli_usage("which sandbox? Say --root DIR");
	if (geteuid() != 0) {
		error_set(&e, EPERM, "a sandbox has to be stopped by root");
		return cli_fail(&e);
	}
	r = sandbox_open(&s, cli->root, &e);
	if (r == 0 && !s.marked) {
		/* Nothing of a sandbox, unless somebody removed the mark. */
		r = census_take(&c, s.root.dir, &e);
		if (r == 0 && c.n == 0)
			r = SANDBOX_ABSENT;
	}
	if (r == 0)
		r = sandbox_stop_run(&s, keep, &e);
	return r < 0 ? cli_fail(&e) : 0;
}
