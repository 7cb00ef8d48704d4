/*
 * dynorun_exec.c - one more process in a container.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/terminal.h"
#include "runtime/oci/container.h"
#include "runtime/dynorun/dynorun_console.h"
#include "runtime/dynorun/dynorun_life.h"
#include "runtime/dynorun/dynorun_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define EXEC_FAILED 255		/* as runc: apart from what a program may return */

struct exec_options {
	struct dynorun_process_changes changes;
	const char *process, *console_socket, *pid_file;
	struct dynorun_list cgroup;
	unsigned preserve_fds;
	bool detach, ignore_paused;
};

#define OPTION(name, key, type, member, arg, doc) \
	{ name, key, type, offsetof(struct exec_options, member), arg, doc }

static const struct dynorun_option exec_options[] = {
	OPTION("process", 'p', OPTION_TEXT, process, "FILE",
	       "a process object of JSON, in place of all other options about it"),
	OPTION("tty", 't', OPTION_FLAG, changes.tty, NULL, "give it a terminal"),
	OPTION("user", 'u', OPTION_TEXT, changes.user, "UID[:GID]", "whom it runs as"),
	OPTION("cwd", 0, OPTION_TEXT, changes.cwd, "DIR", "its working directory"),
	OPTION("env", 'e', OPTION_LIST, changes.env, "NAME=VALUE",
	       "set a variable; may be repeated"),
	OPTION("additional-gids", 'g', OPTION_LIST, changes.gids, "GID",
	       "add it to a group; may be repeated"),
	OPTION("cap", 'c', OPTION_LIST, changes.caps, "CAPABILITY",
	       "give it a capability; may be repeated"),
	OPTION("no-new-privs", 0, OPTION_FLAG, changes.no_new_privs, NULL,
	       "it cannot gain privileges"),
	OPTION("apparmor", 0, OPTION_TEXT, changes.apparmor, "PROFILE",
	       "its AppArmor profile"),
	OPTION("process-label", 0, OPTION_TEXT, changes.label, "LABEL",
	       "its SELinux label"),
	OPTION("detach", 'd', OPTION_FLAG, detach, NULL, "do not wait for its end"),
	OPTION("pid-file", 0, OPTION_TEXT, pid_file, "FILE",
	       "write its number to this file"),
	OPTION("console-socket", 0, OPTION_TEXT, console_socket, "SOCKET",
	       "send the master of the terminal there"),
	OPTION("preserve-fds", 0, OPTION_NUMBER, preserve_fds, "N",
	       "pass N descriptors, from 3 on"),
	OPTION("cgroup", 0, OPTION_LIST, cgroup, "[CONTROLLERS:]PATH",
	       "a group below the container's; may be repeated"),
	OPTION("ignore-paused", 0, OPTION_FLAG, ignore_paused, NULL,
	       "also in a paused container: it waits until that is resumed"),
};
#undef OPTION

static int exec_check(const struct container *c, const struct exec_options *o,
		      struct error *e)
{
	enum container_status status = container_status(c);

	if (status == CONTAINER_PAUSED && !o->ignore_paused)
		return error_set(e, EBUSY, "cannot exec in a paused container; "
				 "--ignore-paused waits for its resumption");
	if (status == CONTAINER_STOPPED || status == CONTAINER_CREATING)
		return error_set(e, EINVAL, "cannot exec in container %s: "
				 "container not running (it is %s)", c->id,
				 container_status_name(status));
	return 0;
}

static int exec_process(struct dynorun_process *ret, const struct oci *oci,
			struct exec_options *o, int argc, char **argv,
			struct error *e)
{
	if (o->process)
		return dynorun_process_load(ret, o->process, e);
	if (argc < 2)
		return error_set(e, EINVAL, "exec: no program given");
	o->changes.args = argv + 1;
	o->changes.n_args = argc - 1;
	return dynorun_process_change(ret, &oci->process, &o->changes, e);
}

/* One a line; NULL: none. */
static char *exec_cgroup(const struct dynorun_list *list)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < list->n; i++)
		buf_addf(&b, "%s%s", i > 0 ? "\n" : "", list->v[i]);
	return b.data;
}

static int exec_wait(struct dynorun_console *console, pid_t pid, struct error *e)
{
	int status, r = dynorun_console_wait(console, pid, &status, e);

	return r < 0 ? r : status;
}

static int exec_do(struct dynorun *d, struct container *c, const struct oci *oci,
		   const struct oci_process *process, const struct exec_options *o,
		   struct error *e)
{
	auto_(dynorun_console_deinit) struct dynorun_console console =
		DYNORUN_CONSOLE_INIT;
	bool console_here = process->terminal && !o->console_socket;
	auto_free char *cgroup = exec_cgroup(&o->cgroup);
	const struct container_exec x = {
		.oci = oci,
		.process = process,
		.cgroup = cgroup,
		.io = {
			.console_socket = process->terminal ? o->console_socket : NULL,
			.preserve_fds = o->preserve_fds,
			.ret_master = console_here ? &console.master : NULL,
		},
		.ignore_paused = o->ignore_paused,
	};
	pid_t pid;
	int r = 0;

	if (console_here && o->detach)
		return error_set(e, EINVAL, "a terminal that outlives this command: "
				 "use --console-socket");
	if (!o->detach)
		r = dynorun_console_begin(&console, e);
	if (r == 0)
		r = container_exec(c, &x, &pid, e);
	if (r < 0)
		return r;
	dynorun_log_debug(d, "process %d in container %s", (int)pid, c->id);
	dynorun_console_size(&console);
	r = dynorun_life_pid_file(AT_FDCWD, o->pid_file, pid, e);
	if (r < 0) {
		kill(pid, SIGKILL);	/* our child: the number is its own */
		waitpid(pid, NULL, 0);
		return r;
	}
	return o->detach ? 0 : exec_wait(&console, pid, e);
}

/* Ours, from its first instruction on. */
static void exec_size(struct oci_process *p)
{
	uint16_t rows, cols;

	if (!p->terminal || p->rows > 0 || !terminal_size(STDIN_FILENO, &rows, &cols))
		return;
	p->rows = rows;
	p->cols = cols;
}

static int exec_run(struct dynorun *d, void *options, int argc, char **argv,
		    struct error *e)
{
	struct exec_options *o = options;
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(oci_free_p) struct oci *oci = NULL;
	auto_(dynorun_process_deinit) struct dynorun_process p = { 0 };
	int r = container_read(&c, d->root, argv[0], e);

	if (r == 0)
		r = exec_check(&c, o, e);
	if (r == 0)
		r = container_config(&c, &oci, e);
	if (r == 0)
		r = exec_process(&p, oci, o, argc, argv, e);
	if (p.unknown_cap)
		dynorun_log_warn(d, "unknown capability %s, ignoring", p.unknown_cap);
	if (r == 0)
		exec_size(&p.process);
	if (r == 0)
		r = exec_do(d, &c, oci, &p.process, o, e);
	return r;
}

const struct dynorun_verb dynorun_verb_exec = {
	.name = "exec", .args = "ID [PROGRAM [ARGUMENT...]]",
	.min_args = 1, .max_args = -1,
	.doc = "run one more process in a container",
	.options = exec_options, .n_options = ARRAY_SIZE(exec_options),
	.size = sizeof(struct exec_options), .stop_at_arg = true, .protect = true,
	.failure = EXEC_FAILED,
	.fn = exec_run,
};
