/*
 * filter.c - probes: around the filter of system calls, and other ways in.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* A filter on top that allows everything, or asks this process: the stricter
 * one wins. */
static int filter_allow(const struct probe *p)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 1, code };

	code[0].k = (unsigned)(uintptr_t)p->args[0];
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->args[1], &prog) < 0)
		return -1;
	return (int)syscall(SYS_chroot, "/");
}

/* A listener that lets calls through: only those that ours allows anyway. */
static int filter_listener(const struct probe *p)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_chroot, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog) < 0)
		return -1;
	return (int)syscall(SYS_chroot, "/");
}

#ifdef __x86_64__
static int filter_i386(const struct probe *p)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L /* getpid */) : "memory");
	return (int)r;
}

static int filter_x32(const struct probe *p)
{
	return (int)syscall(0x40000000L | SYS_getpid);
}
#endif

const struct probe probe_filter[] = {
	{ "a filter that allows all", { "EPERM", NULL, NULL }, filter_allow, 0,
	  { N(SECCOMP_RET_ALLOW), N(0) } },
	{ "a listener that would allow it", { "EPERM", NULL, NULL }, filter_listener },
	{ "leave the filter", { "EINVAL", NULL, NULL }, NULL, SYS_prctl,
	  { N(PR_SET_SECCOMP), N(0) } },
#ifdef __x86_64__
	{ "a call of i386", { "SIGSYS", NULL, NULL }, filter_i386 },
	{ "a call of x32", { "SIGSYS", NULL, NULL }, filter_x32 },
	{ "ports of the hardware", { "EPERM", "EPERM|ENOSYS", "EPERM|ENOSYS" }, NULL,
	  SYS_iopl, { N(3) } },
	{ "some ports", { "EPERM", "EPERM|ENOSYS", "EPERM|ENOSYS" }, NULL, SYS_ioperm,
	  { N(0x60), N(1), N(1) } },
#endif
	{ "no random addresses", { "ENOSYS", NULL, NULL }, NULL, SYS_personality,
	  { N(0x0040000) } },
	{ "executable data", { "ENOSYS", NULL, NULL }, NULL, SYS_personality,
	  { N(0x0400000) } },
	{ NULL },
};
