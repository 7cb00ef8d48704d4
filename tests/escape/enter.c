/*
 * enter.c - the ways to the other two identities.
 *
 * Capabilities over a user namespace go to whoever enters it from its parent;
 * nothing of the dyno's own set-up (dropped capabilities, no_new_privs, filter)
 * is inherited by a process that comes from outside.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ENTER_ALL (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
	CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)
#define ENTER_NESTED (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | \
	CLONE_NEWCGROUP)

static _Noreturn void enter_exec(unsigned uid, char **argv)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || chdir("/app") < 0)
		perror("escape: become a user of the dyno");
	else if (execv(argv[0], argv) < 0)
		perror("escape: execute the probes");
	_exit(125);
}

int enter_dyno(int pid, unsigned uid, char **argv)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status;
	pid_t child;

	if (pidfd < 0 || setns(pidfd, ENTER_ALL) < 0) {
		perror("escape: enter the dyno");
		return 125;
	}
	/* Nothing of the host comes along. */
	syscall(SYS_close_range, 3U, ~0U, 0);
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	child = fork();		/* a pid namespace is entered by children */
	if (child == 0) {
		setsid();
		enter_exec(uid, argv);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("escape: start a process in the dyno");
		return 125;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int enter_nested(void)
{
	auto_free char *map = NULL;

	if (asprintf(&map, "0 %u 1\n", getuid()) < 0 || unshare(ENTER_NESTED) < 0 ||
	    probe_write("/proc/self/setgroups", "deny") < 0 ||
	    probe_write("/proc/self/uid_map", map) < 0 ||
	    probe_write("/proc/self/gid_map", map) < 0)
		return -1;
	return 0;
}
