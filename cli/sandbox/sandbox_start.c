/*
 * sandbox_start.c - from an empty directory to an instance that answers.
 *
 * Whatever goes wrong (or Ctrl-C), what was started is ended again, and the
 * last lines of the logs are shown.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/host/census.h"
#include "cli/sandbox/keeper.h"
#include "cli/sandbox/sandbox.h"
#include "cli/sandbox/sandbox_programs.h"
#include "cli/show/progress.h"
#include "cli/verbs.h"
#include "http/client.h"
#include "http/json.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define SANDBOX_START_TIMEOUT_SEC 30
#define SANDBOX_START_POLL_NSEC (30 * 1000 * 1000)
#define SANDBOX_START_CALL_USEC (2 * USEC_PER_SEC)
#define SANDBOX_START_LOG_LINES 8
#define SANDBOX_START_LOG_MAX (64 * 1024 * 1024)

struct sandbox_start {
	struct sandbox *sandbox;
	uid_t uid;			/* the service user */
	gid_t gid;
	bool again;			/* it has data of an earlier start */
	int keeper_pidfd;
	int trial_fd;			/* open = we are watching */
	uint64_t timeout_usec;
};

/* ---- the directory ---- */

/* A number per directory, far from real users and from the dynos' ranges. */
static uint32_t sandbox_start_number(const char *dir)
{
	uint32_t hash = 2166136261u;

	for (const char *p = dir; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return 0x08000000u + hash % 0x07000000u;
}

static void sandbox_start_user(struct sandbox_start *st)
{
	const struct passwd *pw = getpwnam("dyno");

	st->uid = pw ? pw->pw_uid : sandbox_start_number(st->sandbox->root.dir);
	st->gid = pw ? pw->pw_gid : st->uid;
}

static int sandbox_start_config(const struct sandbox_start *st, const char *name,
				const char *keys, struct error *e)
{
	auto_free char *path = xasprintf("%s/%s.conf", st->sandbox->root.etc,
					 name);
	auto_free char *text = NULL;

	/* A second start, after a crash or with --keep: the user's own by now. */
	if (access(path, F_OK) == 0)
		return 0;
	text = xasprintf("# made by \"dynoctl sandbox start\"\nuser = %u:%u\n%s",
			 st->uid, st->gid, keys);
	return file_write_fast(AT_FDCWD, path, text, strlen(text), 0644, e);
}

static int sandbox_start_prepare(struct sandbox_start *st, struct error *e)
{
	const struct root *root = &st->sandbox->root;
	auto_free char *log = xasprintf("%s/log", root->dir);
	int r;

	r = sandbox_check_reachable(root->dir, e);
	if (r == 0)
		r = sandbox_write_mark(st->sandbox, e);
	if (r == 0)
		r = root_prepare(root, st->uid, st->gid, e);
	if (r >= 0)
		r = file_make_dirs(log, 0755, e);
	if (r >= 0)
		r = sandbox_start_config(st, "dynod", "instance = auto\n", e);
	if (r == 0)
		r = sandbox_start_config(st, "controller", "port = 0\n"
					 "https-port = 0\nrendezvous-port = 0\n", e);
	if (r == 0)
		r = sandbox_start_config(st, "router", "port = 0\n", e);
	return r;
}

/* ---- the keeper ---- */

static int sandbox_start_keeper(struct sandbox_start *st, struct error *e)
{
	const struct root *root = &st->sandbox->root;
	auto_free char *log = xasprintf("%s/log/keeper.log", root->dir);
	auto_free char *self = NULL;
	char *argv[] = { NULL, (char *)"sandbox", (char *)"keep",
			 (char *)"--root", root->dir, NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int log_fd = -1, trial_fd = -1;
	int p[2], r;
	pid_t pid;

	r = sandbox_programs(root, &self, e);
	if (r < 0)
		return r;
	argv[0] = self;
	log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd < 0)
		return error_sys(e, "open %s", log);
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	trial_fd = p[0];
	st->trial_fd = p[1];
	spec.path = self;
	spec.argv = argv;
	spec.stdout_fd = spec.stderr_fd = log_fd;
	spec.fds = &trial_fd;
	spec.n_fds = 1;
	spec.new_session = true;
	spec.cwd = "/";
	return process_spawn(&spec, &pid, &st->keeper_pidfd, e);
}

static bool sandbox_start_keeper_ended(const struct sandbox_start *st)
{
	struct pollfd p = { .fd = st->keeper_pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* ---- does it answer? ---- */

/* *ret is the answer of status 200, or NULL. */
static bool sandbox_start_get(const char *socket, const char *path, json_t **ret)
{
	auto_free char *base = xasprintf("unix:%s", socket);
	auto_(http_client_free_p) struct http_client *client = NULL;
	struct http_call_spec spec = {
		.method = "GET", .path = path,
		.timeout_usec = SANDBOX_START_CALL_USEC,
	};
	auto_buf body = BUF_INIT;
	int status = 0;

	*ret = NULL;
	return http_client_new(&client, NULL, &(struct http_client_spec){
				.base = base }, NULL) == 0 &&
	       http_call_wait(client, &spec, &status, &body, NULL) == 0 &&
	       status == 200 &&
	       json_parse(buf_str(&body), body.len, ret, NULL) == 0;
}

/* The supervisor knows its dynos, and the controller knows the host. */
static bool sandbox_start_host_ready(const struct root *root)
{
	auto_free char *socket = xasprintf("%s/host.sock", root->run);
	auto_json *info = NULL;
	const char *upstream;

	if (!sandbox_start_get(socket, "/", &info) ||
	    !json_flag(info, "ready", false))
		return false;
	upstream = json_str(info, "upstream_status");
	return upstream && str_eq(upstream, "registered");
}

/* What is still missing, in words; NULL = all is there. */
static const char *sandbox_start_missing(const struct sandbox_start *st)
{
	const struct root *root = &st->sandbox->root;
	auto_(sandbox_address_deinit) struct sandbox_address a =
		SANDBOX_ADDRESS_INIT;
	auto_json *apps = NULL;

	sandbox_address_find(&a, root);
	if (!a.api_socket || !a.api_url || !a.token || !a.ca_file ||
	    !sandbox_start_get(a.api_socket, "/apps", &apps))
		return "the controller does not answer";
	if (!sandbox_start_host_ready(root))
		return "this host has not registered with the controller";
	if (!a.router_url && !keeper_why_no_router())
		return "the router does not answer";
	return NULL;
}

/* true: SIGINT or SIGTERM came (they are blocked). Else a pause. */
static bool sandbox_start_interrupted(const sigset_t *set)
{
	struct timespec pause = { .tv_nsec = SANDBOX_START_POLL_NSEC };

	return sigtimedwait(set, NULL, &pause) > 0;
}

static int sandbox_start_await(const struct sandbox_start *st,
			       const sigset_t *set, struct error *e)
{
	uint64_t deadline = clock_mono_usec() + st->timeout_usec;
	const char *missing;

	while ((missing = sandbox_start_missing(st))) {
		if (sandbox_start_keeper_ended(st))
			return error_set(e, ECHILD, "the sandbox does not start: "
					 "a daemon ends again and again");
		if (clock_mono_usec() > deadline)
			return error_set(e, ETIMEDOUT, "the sandbox does not "
					 "start: %s after %u s", missing,
					 (unsigned)(st->timeout_usec /
						    USEC_PER_SEC));
		if (sandbox_start_interrupted(set))
			return error_set(e, EINTR, "interrupted");
	}
	return 0;
}

static int sandbox_start_finish(struct sandbox_start *st, struct error *e)
{
	auto_(sandbox_address_deinit) struct sandbox_address a =
		SANDBOX_ADDRESS_INIT;
	int r;

	free(st->sandbox->prefix);
	st->sandbox->prefix = census_prefix(st->sandbox->root.dir);
	r = sandbox_write_mark(st->sandbox, e);
	if (r < 0)
		return r;
	sandbox_address_find(&a, &st->sandbox->root);
	return sandbox_address_write(&a, &st->sandbox->root, e);
}

/* ---- failure: nothing stays but what an earlier start had made ---- */

static void sandbox_start_show_log(const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/log/%s.log", dir, name);
	auto_buf text = BUF_INIT;
	size_t at, lines = 0;

	if (file_read(AT_FDCWD, path, SANDBOX_START_LOG_MAX, &text, NULL) < 0 ||
	    text.len == 0)
		return;
	for (at = text.len - 1; at > 0; at--)
		if (text.data[at - 1] == '\n' &&
		    ++lines == SANDBOX_START_LOG_LINES)
			break;
	fprintf(stderr, "--- %s\n%s", path, text.data + at);
}

static void sandbox_start_undo(struct sandbox_start *st)
{
	static const char *const logs[] = {
		"keeper", "dyno-controller", "dynod", "dyno-router",
	};
	auto_strv left = STRV_INIT;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
		sandbox_start_show_log(st->sandbox->root.dir, logs[i]);
	if (sandbox_stop_all(st->sandbox, st->again, &left, &e) < 0)
		cli_fail(&e);
	for (size_t i = 0; i < left.n; i++)
		fprintf(stderr, "dynoctl: left over: %s\n", left.v[i]);
}

static int sandbox_start_run(struct sandbox_start *st, struct error *e)
{
	auto_progress progress = PROGRESS_INIT;
	sigset_t set, old;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	progress_begin(&progress, "Starting a sandbox below %s",
		       st->sandbox->root.dir);
	r = sandbox_start_prepare(st, e);
	if (r == 0)
		r = sandbox_start_keeper(st, e);
	if (r == 0)
		r = sandbox_start_await(st, &set, e);
	if (r == 0)
		r = sandbox_start_finish(st, e);
	if (r == 0)
		progress_end(&progress, "done");
	progress_deinit(&progress);
	if (r < 0)
		sandbox_start_undo(st);
	st->trial_fd = fd_close(st->trial_fd);
	st->keeper_pidfd = fd_close(st->keeper_pidfd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

/* ---- the verb ---- */

/* "stop" will remove these: they must not be somebody's. */
static int sandbox_start_is_free(const struct sandbox *s, struct error *e)
{
	static const char *const ours[] = { "env", "log", "run/dyno" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (faccessat(s->dir_fd, ours[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return error_set(e, EEXIST, "%s/%s is there already, "
					 "and not a sandbox's: choose another "
					 "directory", s->root.dir, ours[i]);
	return 0;
}

static int sandbox_start_open(struct sandbox *s, const char *dir, struct error *e)
{
	auto_(census_deinit) struct census c = CENSUS_INIT;
	auto_free char *controller = NULL;
	bool made = false;
	int r;

	if (geteuid() != 0)
		return error_set(e, EPERM, "a sandbox has to be started by root: "
				 "it makes namespaces, control groups and a "
				 "network bridge");
	r = sandbox_check_length(dir, e);
	if (r < 0)
		return r;
	if (access(dir, F_OK) < 0) {
		made = true;
		r = file_make_dirs(dir, 0755, e);
		if (r < 0)
			return r;
	}
	r = sandbox_open(s, dir, e);
	if (r == SANDBOX_ABSENT)
		return error_set(e, ENOENT, "%s has gone away", dir);
	if (r < 0)
		return r;
	s->made_dir |= made;
	r = census_take(&c, s->root.dir, e);
	if (r == 0 && c.n > 0)
		return error_set(e, EBUSY, "a sandbox runs below %s already",
				 s->root.dir);
	r = r < 0 || s->marked ? r : sandbox_start_is_free(s, e);
	controller = xasprintf("%s/controller", s->root.lib);
	if (r == 0 && !s->marked && access(controller, F_OK) == 0)
		return error_set(e, EEXIST, "%s holds an instance that is no "
				 "sandbox", s->root.dir);
	return r;
}

static void sandbox_start_tell(struct cli *cli, const struct sandbox *s)
{
	const char *no_router = keeper_why_no_router();

	if (no_router)
		fprintf(stderr, "dynoctl: no router: %s\n", no_router);
	printf("%s/env\n", s->root.dir);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "Read that file with \".\", or say --root %s.\n",
			cli->root);
}

int sandbox_start(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	auto_(sandbox_deinit) struct sandbox s = SANDBOX_INIT;
	struct sandbox_start st = {
		.sandbox = &s, .keeper_pidfd = -1, .trial_fd = -1,
	};
	long sec = SANDBOX_START_TIMEOUT_SEC;
	struct cli *cli = userdata;
	struct error e;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "t:", options)) != -1) {
		if (c != 't')
			return cli->status;
		if (!cli_number(optarg, 1, 3600, &sec))
			return cli_usage("--timeout %s is not a number of "
					 "seconds", optarg);
	}
	if (!cli->root)
		return cli_usage("which directory? Say --root DIR");
	if (sandbox_start_open(&s, cli->root, &e) < 0)
		return cli_fail(&e);
	st.again = s.marked;
	st.timeout_usec = (uint64_t)sec * USEC_PER_SEC;
	sandbox_start_user(&st);
	if (sandbox_start_run(&st, &e) < 0)
		return cli_fail(&e);
	sandbox_start_tell(cli, &s);
	return 0;
}
