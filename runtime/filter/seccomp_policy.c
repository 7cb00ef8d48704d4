/*
 * seccomp_policy.c - the system call policy of a dyno.
 *
 * An allow list, in the manner of containers-common's default. What it does not
 * name gets ENOSYS: C libraries probe new calls so, and fall back. What a
 * program may know and must not do gets EPERM; those are named at the end of
 * the tables, knowingly. Foreign calling conventions (i386, x32) kill.
 *
 * The program is our own, not libseccomp's, which compares all 64 bits of an
 * argument where the kernel takes 32 (a bit above would smuggle an ioctl past
 * its rule), knows no call that is younger than itself, and makes programs that
 * are three times as slow to load. Its names and numbers are used.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/filter/seccomp.h"
#include "runtime/filter/seccomp_tree.h"

#include <asm/ioctls.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ALLOW SECCOMP_RET_ALLOW
#define FAIL(error) (SECCOMP_RET_ERRNO | (error))

#define POLICY_CALLS 512		/* numbers that may have a verdict */
#define X32_CALLS 0x40000000U

#define NEW_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const char *const policy_allowed[] = {
	/* files */
	"access", "chdir", "chmod", "chown", "close", "close_range",
	"copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat",
	"faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat",
	"fchmodat2", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr",
	"flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs",
	"fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64",
	"getxattr", "inotify_add_watch", "inotify_init", "inotify_init1",
	"inotify_rm_watch", "lchown", "lgetxattr", "link", "linkat", "listxattr",
	"llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir",
	"mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "open",
	"openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2",
	"pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
	"readlinkat", "readv", "removexattr", "rename", "renameat", "renameat2",
	"rmdir", "sendfile", "setxattr", "splice", "stat", "statfs", "statx",
	"symlink", "symlinkat", "sync_file_range", "syncfs", "tee", "truncate",
	"umask", "unlink", "unlinkat", "utime", "utimensat", "utimes",
	"vmsplice", "write", "writev", "cachestat", "setxattrat", "getxattrat",
	"listxattrat", "removexattrat", "file_getattr", "file_setattr",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "poll", "ppoll",
	"pselect6", "select", "signalfd", "signalfd4", "timerfd_create",
	"timerfd_gettime", "timerfd_settime",
	/* memory */
	"brk", "get_mempolicy", "madvise", "map_shadow_stack", "mbind",
	"membarrier", "memfd_create", "memfd_secret", "mincore", "mlock",
	"mlock2", "mlockall", "mmap", "mprotect", "mremap", "mseal", "msync",
	"munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free",
	"pkey_mprotect", "process_madvise", "process_mrelease",
	"remap_file_pages", "set_mempolicy", "set_mempolicy_home_node",
	/* processes and threads */
	"alarm", "arch_prctl", "capget", "capset", "execve", "execveat", "exit",
	"exit_group", "fork", "futex", "futex_requeue", "futex_wait",
	"futex_waitv", "futex_wake", "get_robust_list", "getcpu", "getegid",
	"geteuid", "getgid", "getgroups", "getitimer", "getpgid", "getpgrp",
	"getpid", "getppid", "getpriority", "getresgid", "getresuid",
	"getrlimit", "getrusage", "getsid", "gettid", "getuid", "ioprio_get",
	"ioprio_set", "kcmp", "kill", "pause", "pidfd_getfd", "pidfd_open",
	"pidfd_send_signal", "prctl", "process_vm_readv",
	"process_vm_writev", "ptrace", "restart_syscall", "rseq", "rt_sigaction",
	"rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
	"rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
	"sched_getattr", "sched_getparam", "sched_getscheduler",
	"sched_rr_get_interval", "sched_setaffinity", "sched_setattr",
	"sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
	"set_robust_list", "set_tid_address", "setfsgid", "setfsuid", "setgid",
	"setgroups", "setitimer", "setpgid", "setpriority", "setregid",
	"setresgid", "setresuid", "setreuid", "setsid", "setuid",
	"sigaltstack", "tgkill", "time", "timer_create", "timer_delete",
	"timer_getoverrun", "timer_gettime", "timer_settime", "times", "tkill",
	"vfork", "wait4", "waitid",
	/* clocks: reading; setting them needs a capability */
	"adjtimex", "clock_adjtime", "clock_getres", "clock_gettime",
	"clock_nanosleep", "gettimeofday", "nanosleep",
	/* sockets; socket() itself is below */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname",
	"getsockopt", "listen", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg",
	"sendmsg", "sendto", "setsockopt", "shutdown",
	/* System V and POSIX objects of its own namespace */
	"mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
	"mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd",
	"semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt",
	"shmget",
	/* the rest */
	"getrandom", "landlock_add_rule", "landlock_create_ruleset",
	"landlock_restrict_self", "sysinfo", "uname",
	/* what the kernel itself puts into a program that the host traces */
	"uretprobe", "uprobe",
};

/* In the order of the tests: the first case that holds decides. */
#define ANYTHING_ELSE(verdict) { verdict, 0, { { .arg = 0 } } }
#define IF(verdict, arg, value) { verdict, 1, { { arg, ~0U, value, false } } }
#define IF_BOTH(verdict, a, a_value, b, b_value) \
	{ verdict, 2, { { a, ~0U, a_value, false }, { b, ~0U, b_value, false } } }

/* clone3 hides its flags in memory: it gets ENOSYS, libc falls back. */
static const struct seccomp_tree_case policy_clone[] = {
	{ ALLOW, 1, { { 0, NEW_NAMESPACES, 0, false } } },
	ANYTHING_ELSE(FAIL(ENOSYS)),
};

/* Bytes put into a terminal's input; line disciplines, which are modules. */
static const struct seccomp_tree_case policy_ioctl[] = {
	IF(FAIL(EPERM), 1, TIOCSTI),
	IF(FAIL(EPERM), 1, TIOCLINUX),
	IF(FAIL(EPERM), 1, TIOCSETD),
	ANYTHING_ELSE(ALLOW),
};

/* A dyno's limit of core files stays as it is (plan_dyno.c says why). Programs
 * that ask for 0 and give up if they do not get it are told that all is well,
 * since no core is what they have. */
static const struct seccomp_tree_case policy_setrlimit[] = {
	IF(FAIL(0), 0, RLIMIT_CORE),
	ANYTHING_ELSE(ALLOW),
};

static const struct seccomp_tree_case policy_prlimit[] = {
	{ ALLOW, 2, { { 2, ~0U, 0, false }, { 2, ~0U, 0, true } } }, /* asks only */
	IF(FAIL(0), 1, RLIMIT_CORE),
	ANYTHING_ELSE(ALLOW),
};

/* What uname() says, or nothing at all. */
static const struct seccomp_tree_case policy_personality[] = {
	IF(ALLOW, 0, PER_LINUX),
	IF(ALLOW, 0, PER_LINUX32),
	IF(ALLOW, 0, UNAME26),
	IF(ALLOW, 0, PER_LINUX32 | UNAME26),
	IF(ALLOW, 0, 0xffffffffU),
	ANYTHING_ELSE(FAIL(ENOSYS)),
};

/* AF_INET and AF_INET6 differ in this bit. */
#define INET_MASK (~(uint32_t)(AF_INET ^ AF_INET6))
#define IF_INET(verdict, protocol) \
	{ verdict, 2, { { 0, INET_MASK, AF_INET, false }, { 2, ~0U, protocol, false } } }
_Static_assert((AF_INET & AF_INET6) == AF_INET && (AF_INET ^ AF_INET6) == 8, "bits");

/* Families and protocols that nobody needs are large doors, often with a module
 * behind that the call would load. Errors are those of a kernel without them. */
static const struct seccomp_tree_case policy_socket[] = {
	IF(ALLOW, 0, AF_UNIX),
	IF_BOTH(ALLOW, 0, AF_NETLINK, 2, 0 /* NETLINK_ROUTE */),
	IF(FAIL(EPROTONOSUPPORT), 0, AF_NETLINK),
	{ FAIL(ESOCKTNOSUPPORT), 1, { { 1, 0xf, SOCK_DCCP, false } } },
	IF_INET(ALLOW, 0),
	IF_INET(ALLOW, IPPROTO_ICMP),
	IF_INET(ALLOW, IPPROTO_TCP),
	IF_INET(ALLOW, IPPROTO_UDP),
	IF_INET(ALLOW, IPPROTO_ICMPV6),
	IF_INET(ALLOW, IPPROTO_MPTCP),
	{ FAIL(EPROTONOSUPPORT), 1, { { 0, INET_MASK, AF_INET, false } } },
	ANYTHING_ELSE(FAIL(EAFNOSUPPORT)),
};

static const struct seccomp_tree_case policy_socketpair[] = {
	IF(ALLOW, 0, AF_UNIX),
	ANYTHING_ELSE(FAIL(EAFNOSUPPORT)),
};

static const struct {
	const char *name;
	const struct seccomp_tree_case *cases;
} policy_conditions[] = {
	{ "clone",		policy_clone },
	{ "ioctl",		policy_ioctl },
	{ "personality",	policy_personality },
	{ "prlimit64",		policy_prlimit },
	{ "setrlimit",		policy_setrlimit },
	{ "socket",		policy_socket },
	{ "socketpair",		policy_socketpair },
};

/*
 * Knowingly excluded, with an honest "not permitted":
 * what makes namespaces, mounts and new roots; programs for the kernel and
 * other large doors into it; keys; the whole machine's state.
 *
 * ptrace and its kin are allowed: they reach what has the same user and is
 * dumpable, which PID 1 is not, and what a tracer changes is filtered again.
 *
 * Named nowhere, hence ENOSYS:
 * - io_setup and its kind. All of the host shares fs.aio-max-nr events, which
 *   one user could take alone. Databases and servers that ask find it missing,
 *   and go on without.
 * - statmount, listmount, listns and the lsm_* family tell of the host's mounts
 *   and modules; who asks reads /proc/self/mountinfo instead.
 * - modify_ldt and {get,set}_thread_area, which are for 32-bit programs.
 * - what the kernel dropped: epoll_ctl_old, ustat, vserver and so on.
 */
static const char *const policy_refused[] = {
	"setns", "unshare",
	"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr",
	"move_mount", "open_tree", "open_tree_attr", "pivot_root", "umount2",
	"open_by_handle_at",
	"bpf", "fanotify_init", "fanotify_mark", "io_uring_enter", "io_uring_register",
	"io_uring_setup", "lookup_dcookie", "perf_event_open", "userfaultfd",
	"add_key", "keyctl", "request_key",
	"acct", "clock_settime", "delete_module", "finit_module", "init_module",
	"ioperm", "iopl", "kexec_file_load", "kexec_load", "migrate_pages",
	"move_pages", "nfsservctl", "quotactl", "quotactl_fd", "reboot",
	"setdomainname", "sethostname", "settimeofday", "swapoff", "swapon", "syslog",
	"vhangup", "_sysctl", "uselib",
};

/* Numbers of what libseccomp 2.5 is too old for. From 424 on, all architectures
 * have the same ones. */
static const struct {
	const char *name;
	int nr;
	uint32_t arch;			/* 0: all */
} policy_newer[] = {
	{ "uretprobe",		335, SCMP_ARCH_X86_64 },
	{ "uprobe",		336, SCMP_ARCH_X86_64 },
	{ "cachestat",		451 },
	{ "fchmodat2",		452 },
	{ "map_shadow_stack",	453 },
	{ "futex_wake",		454 },
	{ "futex_wait",		455 },
	{ "futex_requeue",	456 },
	{ "mseal",		462 },
	{ "setxattrat",		463 },
	{ "getxattrat",		464 },
	{ "listxattrat",	465 },
	{ "removexattrat",	466 },
	{ "open_tree_attr",	467 },
	{ "file_getattr",	468 },
	{ "file_setattr",	469 },
};

/* < 0: the architecture has no such call. */
static int policy_number(uint32_t arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	for (size_t i = 0; nr < 0 && i < ARRAY_SIZE(policy_newer); i++)
		if (str_eq(policy_newer[i].name, name) &&
		    (!policy_newer[i].arch || policy_newer[i].arch == arch))
			nr = policy_newer[i].nr;
	return nr;
}

struct policy {
	uint32_t arch;
	struct seccomp_tree_range calls[POLICY_CALLS];	/* by number; first unset */
};

static void policy_set(struct policy *p, const char *name, uint32_t verdict,
		       const struct seccomp_tree_case *cases)
{
	int nr = policy_number(p->arch, name);

	assert(nr < POLICY_CALLS);
	if (nr >= 0)
		p->calls[nr] = (struct seccomp_tree_range){
			.verdict = verdict, .cases = cases,
		};
}

static void policy_fill(struct policy *p)
{
	for (size_t i = 0; i < POLICY_CALLS; i++)
		p->calls[i].verdict = FAIL(ENOSYS);
	for (size_t i = 0; i < ARRAY_SIZE(policy_allowed); i++)
		policy_set(p, policy_allowed[i], ALLOW, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(policy_conditions); i++)
		policy_set(p, policy_conditions[i].name, 0,
			   policy_conditions[i].cases);
	for (size_t i = 0; i < ARRAY_SIZE(policy_refused); i++)
		policy_set(p, policy_refused[i], FAIL(EPERM), NULL);
	/* What a dyno may change is in memory, there is nothing to be done; the
	 * disks are the host's, and all neighbours would wait for them. */
	policy_set(p, "sync", FAIL(0), NULL);
}

/* Neighbours that get the same become one; returns how many are left. */
static size_t policy_merge(struct policy *p)
{
	size_t n = 0;

	for (uint32_t nr = 0; nr < POLICY_CALLS; nr++) {
		struct seccomp_tree_range r = p->calls[nr];

		if (n > 0 && p->calls[n - 1].verdict == r.verdict &&
		    p->calls[n - 1].cases == r.cases)
			continue;
		r.first = nr;
		p->calls[n++] = r;
	}
	return n;
}

int seccomp_policy_compile_for(struct sock_fprog *ret, uint32_t arch,
			       struct error *e)
{
	const struct sock_filter foreign =
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct policy p = { .arch = arch };
	auto_buf code = BUF_INIT;
	size_t n;

	if (arch != SCMP_ARCH_X86_64 && arch != SCMP_ARCH_AARCH64)
		return error_set(e, ENOTSUP,
				 "system call filter: no policy for architecture %x",
				 arch);
	policy_fill(&p);
	n = policy_merge(&p);
	assert(n + 2 <= POLICY_CALLS);
	p.calls[n++] = (struct seccomp_tree_range){ POLICY_CALLS, FAIL(ENOSYS) };
	if (arch == SCMP_ARCH_X86_64)
		p.calls[n++] = (struct seccomp_tree_range){
			X32_CALLS, SECCOMP_RET_KILL_PROCESS,
		};
	if (!seccomp_tree_add(&code, arch, p.calls, n))
		return error_set(e, E2BIG, "system call filter: too large");
	buf_add(&code, &foreign, sizeof(foreign));
	n = code.len / sizeof(struct sock_filter);
	assert(n <= BPF_MAXINSNS);
	*ret = (struct sock_fprog){
		.len = (unsigned short)n,
		.filter = xmemdup(code.data, code.len),
	};
	return 0;
}

int seccomp_policy_compile(struct sock_fprog *ret, struct error *e)
{
	return seccomp_policy_compile_for(ret, seccomp_arch_native(), e);
}
