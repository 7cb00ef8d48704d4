/*
 * child_hook.c - hooks that run in the container's namespaces: a process of the
 * child's own, with the state on its standard input and an end in sight.
 *
 * A hook of the container's own files (startContainer) is no more to be trusted
 * than the program: its process gives up everything that the program will.
 */
#include "runtime/child_op.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define CHILD_P_PIDFD 3
#define CHILD_HOOK_FAILED 127
#define CHILD_HOOK_SEC_MAX 3600

static _Noreturn void child_hook_exec(struct child *c, const struct plan_op *op)
{
	int fd = c->fds.state;

	syscall(SYS_umask, PLAN_UMASK_MODE);
	/* The state is read from its beginning by every hook. */
	if (child_unblock_signals() == 0 &&
	    (fd < 0 || (syscall(SYS_lseek, fd, 0, 0) == 0 &&
			syscall(SYS_dup3, fd, 0, 0) == 0)) &&
	    (!op->num[PLAN_CONFINED] || child_confine(c, op) == 0))
		syscall(SYS_execve, op->from, op->argv, op->envp);
	for (;;)
		syscall(SYS_exit_group, CHILD_HOOK_FAILED);
}

static int child_hook_wait(struct child *c, int pid_fd, uint64_t sec)
{
	struct timespec left = {
		.tv_sec = (time_t)(sec ? sec : CHILD_HOOK_SEC_MAX),
	};
	struct pollfd p = { .fd = pid_fd, .events = POLLIN };
	siginfo_t si = { .si_pid = 0 };
	long n = syscall(SYS_ppoll, &p, 1, &left, NULL, 0);

	if (n <= 0)
		syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0);
	if (syscall(SYS_waitid, CHILD_P_PIDFD, pid_fd, &si, WEXITED, NULL) < 0)
		return -1;
	if (n > 0 && si.si_code == CLD_EXITED && si.si_status == 0)
		return 0;
	if (n > 0)
		c->hook_status = si.si_code == CLD_EXITED ? si.si_status : -si.si_status;
	errno = n <= 0 ? ETIMEDOUT : ECHILD;
	return -1;
}

int child_do_hook(struct child *c, const struct plan_op *op)
{
	int pid_fd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pid_fd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		child_hook_exec(c, op);
	if (pid < 0)
		return -1;
	return child_close(pid_fd, child_hook_wait(c, pid_fd, op->num[0]));
}
