/*
 * namespaces.c - probes: new namespaces, and those of others.
 *
 * Whoever has a user namespace of his own, has all capabilities in it, and with
 * them most of the kernel before him. The filter gives none to the app.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int namespaces_link(const struct probe *p)
{
	char target[64];

	return (int)readlink(p->args[0], target, sizeof(target));
}

static int namespaces_setns(const struct probe *p)
{
	int fd = open(p->args[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : setns(fd, 0);
}

/* The user namespace above the dyno's is the host's. */
static int namespaces_parent(const struct probe *p)
{
	int fd = open(p->args[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return ioctl(fd, (unsigned long)p->args[1]);
}

/* ... and whoever could make one would be able to mount. */
static int namespaces_clone(const struct probe *p)
{
	long pid = syscall(SYS_clone, (unsigned long)p->args[0] | SIGCHLD, NULL, NULL,
			   NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid < 0 ? -1 : 0;
}

static int namespaces_nested_mount(const struct probe *p)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	return (int)syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

static int namespaces_hostname(const struct probe *p)
{
	return sethostname("escaped", 7);
}

#define ALL(want) { want, want, want }
#define IN_ITS_OWN { "EPERM", "ok", "ok" }
#define UNSHARE(flag) NULL, SYS_unshare, { N(flag) }
#define CLONE(flag) namespaces_clone, 0, { N(flag) }

const struct probe probe_namespaces[] = {
	{ "a new user namespace", IN_ITS_OWN, UNSHARE(CLONE_NEWUSER) },
	{ "a new mount namespace", IN_ITS_OWN, UNSHARE(CLONE_NEWNS) },
	{ "a new network", IN_ITS_OWN, UNSHARE(CLONE_NEWNET) },
	{ "a new pid namespace", IN_ITS_OWN, UNSHARE(CLONE_NEWPID) },
	{ "a new host name", IN_ITS_OWN, UNSHARE(CLONE_NEWUTS) },
	{ "a new IPC namespace", IN_ITS_OWN, UNSHARE(CLONE_NEWIPC) },
	{ "a new cgroup namespace", IN_ITS_OWN, UNSHARE(CLONE_NEWCGROUP) },
	{ "a new time namespace", IN_ITS_OWN, UNSHARE(0x80 /* CLONE_NEWTIME */) },
	{ "unshare of files alone", IN_ITS_OWN, UNSHARE(CLONE_FILES) },
	{ "clone with a user namespace", { "ENOSYS", "ok", "ok" }, CLONE(CLONE_NEWUSER) },
	{ "clone with a mount namespace", { "ENOSYS", "ok", "ok" }, CLONE(CLONE_NEWNS) },
	{ "clone with a network", { "ENOSYS", "ok", "ok" }, CLONE(CLONE_NEWNET) },
	{ "clone with all of them", { "ENOSYS", "ok", "ok" },
	  CLONE(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) },
	{ "clone with a high bit", { "ENOSYS", NULL, NULL },
	  CLONE(CLONE_NEWUSER | 1UL << 40) },
	{ "a new user namespace, and mount there", IN_ITS_OWN, namespaces_nested_mount },
	{ "clone3", { "ENOSYS", "EINVAL", "EINVAL" }, NULL, SYS_clone3, { "", N(0) } },
	{ "clone3 of a user namespace", { "ENOSYS", NULL, NULL }, NULL, SYS_clone3,
	  { &(const uint64_t[11]){ CLONE_NEWUSER, 0, 0, 0, SIGCHLD }, N(88) } },
	{ "names of PID 1's namespaces", ALL("EACCES"), namespaces_link, 0,
	  { "/proc/1/ns/mnt" } },
	{ "enter the namespaces of PID 1", ALL("EACCES"), namespaces_setns, 0,
	  { "/proc/1/ns/mnt" } },
	{ "enter the own user namespace again", { "EPERM", "EINVAL", "EINVAL" },
	  namespaces_setns, 0, { "/proc/self/ns/user" } },
	{ "enter one's network", { "EPERM", "EPERM", "ok" }, namespaces_setns, 0,
	  { "/proc/self/ns/net" } },
	{ "the user namespace above", ALL("EPERM"), namespaces_parent, 0,
	  { "/proc/self/ns/user", N(NS_GET_PARENT) } },
	{ "the pid namespace above", ALL("EPERM"), namespaces_parent, 0,
	  { "/proc/self/ns/pid", N(NS_GET_PARENT) } },
	{ "change the host name", IN_ITS_OWN, namespaces_hostname },
	{ NULL },
};
