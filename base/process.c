#include "base/error.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* ---- the child: nothing but system calls from clone3() to execve() ---- */

#define PROCESS_FDS_MAX 16

struct process_plan {
	const struct process_spec *spec;
	int fds[3 + PROCESS_FDS_MAX];	/* source of descriptor 0, 1, ... */
	int n_fds;
	int report_fd;
	pid_t parent;
};

static int process_child_fds(struct process_plan *p)
{
	int base = p->n_fds;

	/* First out of the way of the targets, then into place. */
	for (int i = 0; i < p->n_fds; i++) {
		if (p->fds[i] < 0)
			continue;
		p->fds[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC, base);
		if (p->fds[i] < 0)
			return -1;
	}
	p->report_fd = fcntl(p->report_fd, F_DUPFD_CLOEXEC, base);
	if (p->report_fd < 0)
		return -1;
	for (int i = 0; i < p->n_fds; i++)
		if (p->fds[i] >= 0 && dup2(p->fds[i], i) < 0)
			return -1;
	return (int)syscall(SYS_close_range, (unsigned)base, ~0U,
			    CLOSE_RANGE_CLOEXEC);
}

static void process_child_signals(void)
{
	/* The kernel's own struct, all zero: SIG_DFL, no flags, no mask. The C
	 * library would refuse its two signals, which make(1) has us ignore. */
	static const unsigned long sa[8] = { 0 };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, sa, NULL, NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int process_child_ids(const struct process_spec *s)
{
	if (!s->set_ids)
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, s->gid, s->gid, s->gid) < 0 ||
	    syscall(SYS_setresuid, s->uid, s->uid, s->uid) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static _Noreturn void process_child(struct process_plan *p)
{
	const struct process_spec *s = p->spec;
	ssize_t w;

	process_child_signals();
	if (process_child_fds(p) == 0 &&
	    (!s->new_session || setsid() >= 0) &&
	    (!s->cwd || chdir(s->cwd) == 0) &&
	    process_child_ids(s) == 0 &&
	    (!s->die_with_parent || prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)) {
		if (s->die_with_parent && getppid() != p->parent)
			_exit(127);
		execve(s->path, s->argv, s->envp ? s->envp : environ);
	}
	w = write(p->report_fd, &errno, sizeof(errno));
	_exit(w < 0 ? 126 : 127);
}

/* ---- the parent ---- */

int process_spawn(const struct process_spec *spec, pid_t *ret_pid,
		  int *ret_pidfd, struct error *e)
{
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_close int rep_r = -1, rep_w = -1, pid_fd = -1;
	struct process_plan plan = { .spec = spec, .parent = getpid() };
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pid_fd,
		.exit_signal = SIGCHLD,
	};
	int p[2], err = 0;
	sigset_t all, old;
	ssize_t n;
	long pid;

	assert(spec->n_fds <= PROCESS_FDS_MAX);
	if (null_fd < 0)
		return error_sys(e, "open /dev/null");
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	rep_r = p[0], rep_w = p[1];

	plan.fds[0] = spec->stdin_fd >= 0 ? spec->stdin_fd : null_fd;
	plan.fds[1] = spec->stdout_fd >= 0 ? spec->stdout_fd : null_fd;
	plan.fds[2] = spec->stderr_fd >= 0 ? spec->stderr_fd : STDERR_FILENO;
	for (size_t i = 0; i < spec->n_fds; i++)
		plan.fds[3 + i] = spec->fds[i];
	plan.n_fds = (int)(3 + spec->n_fds);
	plan.report_fd = rep_w;

	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		process_child(&plan);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return error_sys(e, "start %s", spec->path);

	rep_w = fd_close(rep_w);
	do
		n = read(rep_r, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	if (n == sizeof(err)) {
		waitpid((pid_t)pid, NULL, 0);
		return error_ret(e, -(err ? err : EIO), "start %s", spec->path);
	}
	*ret_pid = (pid_t)pid;
	*ret_pidfd = take_fd(pid_fd);
	return 0;
}

int process_wait(int pidfd, int *ret_status, struct error *e)
{
	siginfo_t si = { 0 };
	int r;

	do
		r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &si, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_sys(e, "wait for a child");
	*ret_status = si.si_code == CLD_EXITED ? si.si_status
					       : 128 + si.si_status;
	return 0;
}

static char *process_in(const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	return access(path, X_OK) == 0 ? take_ptr(path) : NULL;
}

char *process_sibling(const char *name)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *path = NULL, *slash;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash) {
		*slash = '\0';
		path = process_in(exe, name);
	}
	if (!path)
		path = process_in(PKGLIBEXECDIR, name);
	if (!path)
		path = process_in(BINDIR, name);
	return path ? path : xasprintf("%s/%s", PKGLIBEXECDIR, name);
}

int process_start_time(pid_t pid, uint64_t *ret_ticks, struct error *e)
{
	auto_free char *path = xasprintf("/proc/%d/stat", (int)pid);
	auto_buf text = BUF_INIT;
	unsigned long long ticks;
	const char *p;

	if (file_read(AT_FDCWD, path, 8192, &text, e) < 0)
		return error_set(e, ESRCH, "no process %d", (int)pid);
	/* The command in parentheses may itself hold blanks and parentheses. */
	p = strrchr(buf_str(&text), ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
			 " %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
		return error_set(e, EIO, "%s: unexpected format", path);
	*ret_ticks = ticks;
	return 0;
}
