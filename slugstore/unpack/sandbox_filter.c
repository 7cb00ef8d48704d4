/*
 * sandbox_filter.c - the system calls of who unpacks.
 *
 * Everything else gets EPERM. Not here, and why that matters: socket, connect
 * (network); execve, fork, clone3 (whose flags a filter cannot see: ENOSYS, and
 * the C library takes clone); ptrace, process_vm_*, pidfd_*, kill (others, also
 * by fcntl: F_SETOWN has a signal sent); mknod, *chmodat, *chown*, *xattr (what
 * a slug may not hold); ioctl, io_uring, bpf, keyctl, mount, unshare (large).
 */
#include "base/error.h"
#include "slugstore/unpack/sandbox_walls.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define SETID (S_ISUID | S_ISGID)
#define ALLOW(name) { .nr = SCMP_SYS(name) }
#define ALLOW_DIR(name) { .nr = SCMP_SYS(name), .dir = true }
#define ALLOW_IF(name, ...) { .nr = SCMP_SYS(name), .args = { __VA_ARGS__ } }
#define ARG(n, mask_, value_) { .arg = (n), .op = SCMP_CMP_MASKED_EQ, \
	.datum_a = (mask_), .datum_b = (value_) }
#define EVERY_BIT UINT64_MAX

/* Arguments that decide; one rule, all must hold. */
#define SANDBOX_ARGS_MAX 2

/* Not a thread of ours, or with a namespace of its own. */
#define CLONE_OTHER (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	CLONE_VFORK | CLONE_PARENT)

struct sandbox_rule {
	int nr;
	bool dir;		/* only who has a directory */
	struct scmp_arg_cmp args[SANDBOX_ARGS_MAX];
};

static const struct sandbox_rule sandbox_rules[] = {
	/* the files that are open */
	ALLOW(read), ALLOW(pread64), ALLOW(readv), ALLOW(preadv),
	ALLOW(write), ALLOW(pwrite64), ALLOW(writev), ALLOW(pwritev),
	ALLOW(lseek), ALLOW(close), ALLOW(fstat), ALLOW(newfstatat),
	ALLOW(fadvise64), ALLOW(readahead), ALLOW(fsync), ALLOW(fdatasync),
	ALLOW(syncfs), ALLOW(ftruncate),
	ALLOW_IF(fcntl, ARG(1, EVERY_BIT, F_GETFL)),
	ALLOW_IF(fcntl, ARG(1, EVERY_BIT, F_GETFD)),
	ALLOW_IF(fcntl, ARG(1, EVERY_BIT, F_SETFD)),
	ALLOW_IF(fcntl, ARG(1, EVERY_BIT, F_DUPFD_CLOEXEC)),
	/* the directory */
	{ .nr = SCMP_SYS(openat), .dir = true, .args = { ARG(3, SETID, 0) } },
	ALLOW_DIR(openat2), ALLOW_DIR(mkdirat), ALLOW_DIR(symlinkat),
	{ .nr = SCMP_SYS(linkat), .dir = true, .args = { ARG(4, EVERY_BIT, 0) } },
	{ .nr = SCMP_SYS(unlinkat), .dir = true, .args = { ARG(2, EVERY_BIT, 0) } },
	ALLOW_DIR(utimensat), ALLOW_DIR(getdents64), ALLOW_DIR(statx),
	{ .nr = SCMP_SYS(fchmod), .dir = true, .args = { ARG(1, SETID, 0) } },
	/* memory, never code */
	ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise),
	ALLOW_IF(mmap, ARG(2, PROT_EXEC, 0), ARG(3, MAP_SHARED, 0)),
	ALLOW_IF(mprotect, ARG(2, PROT_EXEC, 0)),
	/* threads */
	ALLOW_IF(clone, ARG(0, CLONE_OTHER | CLONE_THREAD, CLONE_THREAD)),
	ALLOW(futex), ALLOW(set_robust_list), ALLOW(rseq), ALLOW(gettid),
	ALLOW(sched_yield), ALLOW(sched_getaffinity), ALLOW(exit),
	ALLOW_IF(prctl, ARG(0, EVERY_BIT, PR_SET_NAME)),
	/* itself */
	ALLOW(exit_group), ALLOW(getpid), ALLOW(rt_sigprocmask),
	ALLOW(rt_sigaction), ALLOW(rt_sigreturn), ALLOW(sigaltstack),
	ALLOW(restart_syscall), ALLOW(getrandom),
	ALLOW_IF(prlimit64, ARG(0, EVERY_BIT, 0), ARG(2, EVERY_BIT, 0)),
	/* time */
	ALLOW(clock_gettime), ALLOW(clock_nanosleep), ALLOW(nanosleep),
	ALLOW(gettimeofday),
};

static unsigned sandbox_filter_args(const struct sandbox_rule *rule)
{
	unsigned n = 0;

	while (n < SANDBOX_ARGS_MAX && rule->args[n].op)
		n++;
	return n;
}

static int sandbox_filter_fill(scmp_filter_ctx ctx, bool has_dir)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
				 0);

	/* Calls that are made in great numbers are found first. */
	if (r >= 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(sandbox_rules); i++) {
		const struct sandbox_rule *rule = &sandbox_rules[i];

		if (has_dir || !rule->dir)
			r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->nr,
						   sandbox_filter_args(rule),
						   rule->args);
	}
	return r;
}

int sandbox_filter_load(bool has_dir, struct error *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = ctx ? sandbox_filter_fill(ctx, has_dir) : -ENOMEM;

	if (r >= 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? error_ret(e, r, "load the system call filter") : 0;
}
