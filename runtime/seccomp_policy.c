/*
 * seccomp_policy.c - the system call policy of a dyno.
 *
 * An allow list, in the manner of containers-common's default. What it does not
 * name gets ENOSYS: C libraries probe new calls so, and fall back. What a
 * program may know and must not do gets EPERM; those are named at the end of
 * the tables, knowingly. Foreign calling conventions (i386, x32) kill.
 */
#include "base/error.h"
#include "runtime/seccomp.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NEW_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const char *const allowed[] = {
	/* files */
	"access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range",
	"creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
	"fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat",
	"fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr",
	"fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd",
	"getdents", "getdents64", "getxattr", "inotify_add_watch", "inotify_init",
	"inotify_init1", "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link",
	"linkat", "listxattr", "llistxattr", "lremovexattr", "lseek", "lsetxattr",
	"lstat", "mkdir", "mkdirat", "mknod", "mknodat", "name_to_handle_at",
	"newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64",
	"preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
	"readlink", "readlinkat", "readv", "removexattr", "rename", "renameat",
	"renameat2", "rmdir", "sendfile", "setxattr", "splice", "stat", "statfs",
	"statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "tee",
	"truncate", "umask", "unlink", "unlinkat", "ustat", "utime", "utimensat",
	"utimes", "vmsplice", "write", "writev", "cachestat",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2",
	"poll", "ppoll", "pselect6", "select", "signalfd", "signalfd4",
	"timerfd_create", "timerfd_gettime", "timerfd_settime",
	/* memory */
	"brk", "get_mempolicy", "madvise", "map_shadow_stack", "mbind", "membarrier",
	"memfd_create", "memfd_secret", "mincore", "mlock", "mlock2", "mlockall",
	"mmap", "mprotect", "mremap", "mseal", "msync", "munlock", "munlockall",
	"munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise",
	"process_mrelease", "remap_file_pages", "set_mempolicy",
	"set_mempolicy_home_node",
	/* processes and threads */
	"alarm", "arch_prctl", "capget", "capset", "execve", "execveat", "exit",
	"exit_group", "fork", "futex", "futex_requeue", "futex_wait", "futex_waitv",
	"futex_wake", "get_robust_list", "get_thread_area", "getcpu", "getegid",
	"geteuid", "getgid", "getgroups", "getitimer", "getpgid", "getpgrp", "getpid",
	"getppid", "getpriority", "getresgid", "getresuid", "getrlimit", "getrusage",
	"getsid", "gettid", "getuid", "ioprio_get", "ioprio_set", "kcmp", "kill",
	"modify_ldt", "pause", "pidfd_getfd", "pidfd_open", "pidfd_send_signal",
	"prctl", "prlimit64", "process_vm_readv", "process_vm_writev", "ptrace",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"rt_tgsigqueueinfo", "sched_get_priority_max", "sched_get_priority_min",
	"sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
	"sched_rr_get_interval", "sched_setaffinity", "sched_setattr",
	"sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
	"set_robust_list", "set_thread_area", "set_tid_address", "setfsgid",
	"setfsuid", "setgid", "setgroups", "setitimer", "setpgid", "setpriority",
	"setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid",
	"setuid", "sigaltstack", "tgkill", "time", "timer_create", "timer_delete",
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
	"mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend",
	"mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget",
	"semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
	/* the rest */
	"getrandom", "landlock_add_rule", "landlock_create_ruleset",
	"landlock_restrict_self", "sysinfo", "uname",
};

/* Allowed with certain arguments only. */
static const struct {
	const char *name;
	unsigned n_args;
	struct scmp_arg_cmp args[2];
} allowed_if[] = {
	/* clone3 hides its flags in memory: it gets ENOSYS, libc falls back. */
	{ "clone", 1, { { 0, SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0 } } },
	{ "personality", 1, { { 0, SCMP_CMP_EQ, PER_LINUX, 0 } } },
	{ "personality", 1, { { 0, SCMP_CMP_EQ, UNAME26, 0 } } },
	{ "personality", 1, { { 0, SCMP_CMP_EQ, 0xffffffffU, 0 } } },
	{ "socket", 1, { { 0, SCMP_CMP_EQ, AF_UNIX, 0 } } },
	{ "socket", 1, { { 0, SCMP_CMP_EQ, AF_INET, 0 } } },
	{ "socket", 1, { { 0, SCMP_CMP_EQ, AF_INET6, 0 } } },
	{ "socket", 2, { { 0, SCMP_CMP_EQ, AF_NETLINK, 0 },
			 { 2, SCMP_CMP_EQ, 0 /* NETLINK_ROUTE */, 0 } } },
	{ "socketpair", 1, { { 0, SCMP_CMP_EQ, AF_UNIX, 0 } } },
};

/*
 * Knowingly excluded, with an honest "not permitted":
 * what makes namespaces, mounts and new roots; programs for the kernel and
 * other large doors into it; keys; the whole machine's state.
 *
 * Named nowhere, hence ENOSYS: io_setup and its kind. All of the host shares
 * fs.aio-max-nr events, which one user could take alone. Databases and servers
 * that ask find it missing, and go on without.
 */
static const char *const refused[] = {
	"setns", "unshare",
	"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr",
	"move_mount", "open_tree", "pivot_root", "umount2", "open_by_handle_at",
	"bpf", "fanotify_init", "fanotify_mark", "io_uring_enter", "io_uring_register",
	"io_uring_setup", "lookup_dcookie", "perf_event_open", "userfaultfd",
	"add_key", "keyctl", "request_key",
	"acct", "clock_settime", "delete_module", "finit_module", "init_module",
	"ioperm", "iopl", "kexec_file_load", "kexec_load", "migrate_pages",
	"move_pages", "nfsservctl", "quotactl", "quotactl_fd", "reboot",
	"setdomainname", "sethostname", "settimeofday", "swapoff", "swapon", "syslog",
	"vhangup", "_sysctl", "uselib",
};

static int seccomp_add(scmp_filter_ctx ctx, uint32_t action, const char *name,
		       unsigned n_args, const struct scmp_arg_cmp *args,
		       struct error *e)
{
	int nr = seccomp_syscall_resolve_name(name), r;

	/* The library is older than the call: the default applies. */
	if (nr == __NR_SCMP_ERROR)
		return 0;
	r = seccomp_rule_add_array(ctx, action, nr, n_args, args);
	return r < 0 ? error_ret(e, r, "system call filter: %s", name) : 0;
}

static int seccomp_fill(scmp_filter_ctx ctx, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(allowed); i++)
		r = seccomp_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0, NULL, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(allowed_if); i++)
		r = seccomp_add(ctx, SCMP_ACT_ALLOW, allowed_if[i].name,
				allowed_if[i].n_args, allowed_if[i].args, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(refused); i++)
		r = seccomp_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0, NULL, e);
	return r;
}

/*
 * In front of libseccomp's program: it compares 64 bits of an argument, but the
 * kernel takes 32 of an ioctl's number, so that a rule on TIOCSTI could be
 * passed by with a bit above. The number of the call alone decides first, so
 * the kernel's bitmap of calls that are always allowed stays complete.
 */
static const struct sock_filter ioctl_head[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ioctl_head reads the low half of an argument at its first byte"
#endif

/* libseccomp 2.5 exports into a file only. */
static int seccomp_read_back(int fd, struct sock_fprog *ret, struct error *e)
{
	const size_t one = sizeof(struct sock_filter), n_head = ARRAY_SIZE(ioctl_head);
	struct sock_filter *code;
	struct stat st;
	size_t n;

	if (fstat(fd, &st) < 0)
		return error_sys(e, "system call filter: size");
	n = n_head + (size_t)st.st_size / one;
	if (st.st_size <= 0 || n > BPF_MAXINSNS)
		return error_set(e, E2BIG, "system call filter: %zu instructions", n);
	code = xcalloc(n, one);
	memcpy(code, ioctl_head, sizeof(ioctl_head));
	if (pread(fd, code + n_head, (size_t)st.st_size, 0) != st.st_size) {
		free(code);
		return error_set(e, EIO, "system call filter: read it back");
	}
	*ret = (struct sock_fprog){ .len = (unsigned short)n, .filter = code };
	return 0;
}

static int seccomp_build(scmp_filter_ctx ctx, struct sock_fprog *ret,
			 struct error *e)
{
	auto_close int fd = memfd_create("filter", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return error_sys(e, "system call filter: memory file");
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)	/* 2 = a binary tree: the kernel walks it for each call */
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		return error_ret(e, r, "system call filter: attributes");
	r = seccomp_fill(ctx, e);
	if (r < 0)
		return r;
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return error_ret(e, r, "system call filter: compile");
	return seccomp_read_back(fd, ret, e);
}

int seccomp_policy_compile(struct sock_fprog *ret, struct error *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r;

	if (!ctx)
		return error_set(e, ENOMEM, "system call filter: begin");
	r = seccomp_build(ctx, ret, e);
	seccomp_release(ctx);
	return r;
}
