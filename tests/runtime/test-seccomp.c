/*
 * test-seccomp.c - the compiled policy of dynos, asked call by call, for both
 * architectures.
 */
#include "base/base.h"
#include "base/error.h"
#include "runtime/filter/seccomp.h"
#include "tests/runtime/bpf.h"

#include <asm/ioctls.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <cmocka.h>

#define FAIL(error) (SECCOMP_RET_ERRNO | (error))
#define ALLOWED SECCOMP_RET_ALLOW

/* Numbers by hand: neither the headers nor libseccomp may know them. */
enum { X86, ARM, ARCHES };

static const uint32_t audit[ARCHES] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 };
static struct sock_fprog policy[ARCHES];

static uint32_t ask(int arch, long nr, uint64_t a, uint64_t b, uint64_t c)
{
	struct seccomp_data d = {
		.nr = (int)nr, .arch = audit[arch], .args = { a, b, c },
	};

	return bpf_run(&policy[arch], &d);
}

static int policy_make(void **state)
{
	for (int i = 0; i < ARCHES; i++)
		if (seccomp_policy_compile_for(&policy[i], audit[i], NULL) < 0)
			return -1;
	return 0;
}

static int policy_drop(void **state)
{
	for (int i = 0; i < ARCHES; i++)
		seccomp_policy_free(&policy[i]);
	return 0;
}

/* A call's number on x86-64 and arm64, -1: none; and what it gets. */
static const struct {
	const char *name;
	int nr[ARCHES];
	uint32_t want;
} verdicts[] = {
	{ "read",		{ 0, 63 },	ALLOWED },
	{ "write",		{ 1, 64 },	ALLOWED },
	{ "open",		{ 2, -1 },	ALLOWED },
	{ "openat",		{ 257, 56 },	ALLOWED },
	{ "mmap",		{ 9, 222 },	ALLOWED },
	{ "execve",		{ 59, 221 },	ALLOWED },
	{ "execveat",		{ 322, 281 },	ALLOWED },
	{ "fork",		{ 57, -1 },	ALLOWED },
	{ "vfork",		{ 58, -1 },	ALLOWED },
	{ "futex",		{ 202, 98 },	ALLOWED },
	{ "epoll_pwait",	{ 281, 22 },	ALLOWED },
	{ "signalfd4",		{ 289, 74 },	ALLOWED },
	{ "setsid",		{ 112, 157 },	ALLOWED },
	{ "kill",		{ 62, 129 },	ALLOWED },
	{ "wait4",		{ 61, 260 },	ALLOWED },
	{ "waitid",		{ 247, 95 },	ALLOWED },
	{ "prctl",		{ 157, 167 },	ALLOWED },
	{ "statx",		{ 332, 291 },	ALLOWED },
	{ "rseq",		{ 334, 293 },	ALLOWED },
	{ "getrandom",		{ 318, 278 },	ALLOWED },
	{ "memfd_create",	{ 319, 279 },	ALLOWED },
	{ "ptrace",		{ 101, 117 },	ALLOWED },
	{ "close_range",	{ 436, 436 },	ALLOWED },
	{ "exit_group",		{ 231, 94 },	ALLOWED },
	/* Kernels before 6.14 filter even what they inserted themselves. */
	{ "uretprobe",		{ 335, -1 },	ALLOWED },
	{ "uprobe",		{ 336, -1 },	ALLOWED },
	{ "landlock_restrict_self", { 446, 446 }, ALLOWED },
	{ "cachestat",		{ 451, 451 },	ALLOWED },
	{ "fchmodat2",		{ 452, 452 },	ALLOWED },
	{ "map_shadow_stack",	{ 453, 453 },	ALLOWED },
	{ "futex_wake",		{ 454, 454 },	ALLOWED },
	{ "futex_wait",		{ 455, 455 },	ALLOWED },
	{ "futex_requeue",	{ 456, 456 },	ALLOWED },
	{ "mseal",		{ 462, 462 },	ALLOWED },
	{ "setxattrat",		{ 463, 463 },	ALLOWED },
	{ "removexattrat",	{ 466, 466 },	ALLOWED },
	{ "file_getattr",	{ 468, 468 },	ALLOWED },
	{ "file_setattr",	{ 469, 469 },	ALLOWED },

	{ "mount",		{ 165, 40 },	FAIL(EPERM) },
	{ "umount2",		{ 166, 39 },	FAIL(EPERM) },
	{ "pivot_root",		{ 155, 41 },	FAIL(EPERM) },
	{ "chroot",		{ 161, 51 },	FAIL(EPERM) },
	{ "setns",		{ 308, 268 },	FAIL(EPERM) },
	{ "unshare",		{ 272, 97 },	FAIL(EPERM) },
	{ "open_tree",		{ 428, 428 },	FAIL(EPERM) },
	{ "move_mount",		{ 429, 429 },	FAIL(EPERM) },
	{ "fsopen",		{ 430, 430 },	FAIL(EPERM) },
	{ "mount_setattr",	{ 442, 442 },	FAIL(EPERM) },
	{ "open_tree_attr",	{ 467, 467 },	FAIL(EPERM) },
	{ "bpf",		{ 321, 280 },	FAIL(EPERM) },
	{ "perf_event_open",	{ 298, 241 },	FAIL(EPERM) },
	{ "userfaultfd",	{ 323, 282 },	FAIL(EPERM) },
	{ "io_uring_setup",	{ 425, 425 },	FAIL(EPERM) },
	{ "io_uring_enter",	{ 426, 426 },	FAIL(EPERM) },
	{ "keyctl",		{ 250, 219 },	FAIL(EPERM) },
	{ "add_key",		{ 248, 217 },	FAIL(EPERM) },
	{ "reboot",		{ 169, 142 },	FAIL(EPERM) },
	{ "init_module",	{ 175, 105 },	FAIL(EPERM) },
	{ "kexec_load",		{ 246, 104 },	FAIL(EPERM) },
	{ "open_by_handle_at",	{ 304, 265 },	FAIL(EPERM) },
	{ "swapon",		{ 167, 224 },	FAIL(EPERM) },
	{ "iopl",		{ 172, -1 },	FAIL(EPERM) },
	{ "settimeofday",	{ 164, 170 },	FAIL(EPERM) },
	{ "quotactl_fd",	{ 443, 443 },	FAIL(EPERM) },

	{ "clone3",		{ 435, 435 },	FAIL(ENOSYS) },
	{ "io_setup",		{ 206, 0 },	FAIL(ENOSYS) },
	{ "modify_ldt",		{ 154, -1 },	FAIL(ENOSYS) },
	{ "statmount",		{ 457, 457 },	FAIL(ENOSYS) },
	{ "listmount",		{ 458, 458 },	FAIL(ENOSYS) },
	{ "lsm_list_modules",	{ 461, 461 },	FAIL(ENOSYS) },
	{ "listns",		{ 470, 470 },	FAIL(ENOSYS) },
	{ "the next one",	{ 471, 471 },	FAIL(ENOSYS) },
	{ "beyond all tables",	{ 511, 511 },	FAIL(ENOSYS) },
	{ "more",		{ 512, 512 },	FAIL(ENOSYS) },
	{ "far more",		{ 0x3fffffff, 0x3fffffff }, FAIL(ENOSYS) },

	/* Done: all that a dyno may write is in memory. */
	{ "sync",		{ 162, 81 },	FAIL(0) },
};

static void each_call_gets_its_verdict(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		for (int arch = 0; arch < ARCHES; arch++) {
			int nr = verdicts[i].nr[arch];

			if (nr >= 0 && ask(arch, nr, 0, 0, 0) != verdicts[i].want)
				fail_msg("%s: %x", verdicts[i].name,
					 ask(arch, nr, 0, 0, 0));
		}
}

static void the_kernel_can_load_it(void **state)
{
	for (int arch = 0; arch < ARCHES; arch++) {
		const struct sock_fprog *p = &policy[arch];

		assert_in_range(p->len, 2, BPF_MAXINSNS);
		for (size_t i = 0; i < p->len; i++)
			if (BPF_CLASS(p->filter[i].code) == BPF_JMP) {
				assert_true(i + 1 + p->filter[i].jt < p->len);
				assert_true(i + 1 + p->filter[i].jf < p->len);
			}
		assert_int_equal(BPF_CLASS(p->filter[p->len - 1].code), BPF_RET);
	}
}

/* Calls with conditions, by architecture. */
static const int nr_clone[] = { 56, 220 }, nr_socket[] = { 41, 198 },
	nr_socketpair[] = { 53, 199 }, nr_ioctl[] = { 16, 29 },
	nr_personality[] = { 135, 92 }, nr_setrlimit[] = { 160, 164 },
	nr_prlimit[] = { 302, 261 };

static void threads_are_made_but_no_namespaces(void **state)
{
	static const uint64_t flags[] = {
		CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
		CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
	};
	const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;

	for (int arch = 0; arch < ARCHES; arch++) {
		const int nr = nr_clone[arch];

		assert_int_equal(ask(arch, nr, thread, 0, 0), ALLOWED);
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			uint64_t f = thread | flags[i];

			assert_int_equal(ask(arch, nr, f, 0, 0), FAIL(ENOSYS));
			f |= 1ULL << 32;
			assert_int_equal(ask(arch, nr, f, 0, 0), FAIL(ENOSYS));
		}
	}
}

static void internet_sockets_speak_the_usual_protocols(void **state)
{
	static const int good[] = {
		0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6,
		IPPROTO_MPTCP,
	};
	static const int bad[] = {
		IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE, 115 /* L2TP */, 255, 263,
	};

	for (int arch = 0; arch < ARCHES; arch++)
		for (uint64_t af = AF_INET; af <= AF_INET6; af += AF_INET6 - AF_INET) {
			const int nr = nr_socket[arch];

			for (size_t i = 0; i < ARRAY_SIZE(good); i++)
				assert_int_equal(ask(arch, nr, af, 1 | SOCK_CLOEXEC,
						     (uint64_t)good[i]), ALLOWED);
			for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
				assert_int_equal(ask(arch, nr, af, 1, (uint64_t)bad[i]),
						 FAIL(EPROTONOSUPPORT));
			assert_int_equal(ask(arch, nr, af, SOCK_DCCP | SOCK_NONBLOCK, 0),
					 FAIL(ESOCKTNOSUPPORT));
		}
}

static void other_families_are_unix_and_route_netlink_only(void **state)
{
	for (int arch = 0; arch < ARCHES; arch++) {
		const int nr = nr_socket[arch], pair = nr_socketpair[arch];

		assert_int_equal(ask(arch, nr, AF_UNIX, 1, 0), ALLOWED);
		assert_int_equal(ask(arch, pair, AF_UNIX, 1, 0), ALLOWED);
		assert_int_equal(ask(arch, nr, AF_NETLINK, 3, 0), ALLOWED);
		for (uint64_t nl = 1; nl < 32; nl++)
			assert_int_equal(ask(arch, nr, AF_NETLINK, 3, nl),
					 FAIL(EPROTONOSUPPORT));
		for (uint64_t af = 0; af < 64; af++) {
			if (af == AF_UNIX || af == AF_INET || af == AF_INET6 ||
			    af == AF_NETLINK)
				continue;
			assert_int_equal(ask(arch, nr, af, 3, 0), FAIL(EAFNOSUPPORT));
			assert_int_equal(ask(arch, pair, af, 3, 0), FAIL(EAFNOSUPPORT));
		}
		assert_int_equal(ask(arch, nr, (1ULL << 32) | AF_PACKET, 3, 0),
				 FAIL(EAFNOSUPPORT));
	}
}

static void no_bit_above_smuggles_an_ioctl(void **state)
{
	static const uint64_t refused[] = { TIOCSTI, TIOCLINUX, TIOCSETD };

	for (int arch = 0; arch < ARCHES; arch++) {
		const int nr = nr_ioctl[arch];

		assert_int_equal(ask(arch, nr, 0, TIOCGWINSZ, 0), ALLOWED);
		assert_int_equal(ask(arch, nr, 0, TIOCSCTTY, 0), ALLOWED);
		for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
			uint64_t what = refused[i];

			assert_int_equal(ask(arch, nr, 0, what, 0), FAIL(EPERM));
			for (int bit = 32; bit < 64; bit++)
				assert_int_equal(ask(arch, nr, 0, 1ULL << bit | what, 0),
						 FAIL(EPERM));
		}
	}
	/* The number of another call is no ioctl. */
	assert_int_equal(ask(X86, SYS_read, 0, TIOCSTI, 0), ALLOWED);
}

static void personality_changes_names_only(void **state)
{
	static const uint64_t good[] = { 0, PER_LINUX32, UNAME26, 0xffffffff };
	static const uint64_t bad[] = { ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC,
		MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT, PER_SVR4 };

	for (int arch = 0; arch < ARCHES; arch++) {
		for (size_t i = 0; i < ARRAY_SIZE(good); i++)
			assert_int_equal(ask(arch, nr_personality[arch], good[i], 0, 0),
					 ALLOWED);
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
			assert_int_equal(ask(arch, nr_personality[arch], bad[i], 0, 0),
					 FAIL(ENOSYS));
	}
}

static void the_limit_of_core_files_is_read_only(void **state)
{
	for (int arch = 0; arch < ARCHES; arch++) {
		int set = nr_setrlimit[arch], both = nr_prlimit[arch];

		assert_int_equal(ask(arch, set, RLIMIT_CORE, 4096, 0), FAIL(0));
		assert_int_equal(ask(arch, set, 1ULL << 32 | RLIMIT_CORE, 4096, 0),
				 FAIL(0));
		assert_int_equal(ask(arch, set, RLIMIT_NOFILE, 4096, 0), ALLOWED);
		assert_int_equal(ask(arch, both, 0, RLIMIT_CORE, 0), ALLOWED);
		assert_int_equal(ask(arch, both, 0, RLIMIT_CORE, 4096), FAIL(0));
		assert_int_equal(ask(arch, both, 0, RLIMIT_CORE, 1ULL << 32), FAIL(0));
		assert_int_equal(ask(arch, both, 0, RLIMIT_NOFILE, 4096), ALLOWED);
	}
}

static void foreign_calling_conventions_kill(void **state)
{
	static const uint32_t others[] = {
		AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_S390X, 0,
	};

	for (int arch = 0; arch < ARCHES; arch++) {
		struct seccomp_data d = { .nr = 0, .arch = audit[!arch] };

		assert_int_equal(bpf_run(&policy[arch], &d), SECCOMP_RET_KILL_PROCESS);
		for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
			d.arch = others[i];
			assert_int_equal(bpf_run(&policy[arch], &d),
					 SECCOMP_RET_KILL_PROCESS);
		}
	}
	assert_int_equal(ask(X86, 0x40000000 | SYS_read, 0, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(ask(X86, 0x40000000 | 512, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

static void an_architecture_without_a_policy_says_so(void **state)
{
	struct sock_fprog p;
	struct error e;

	assert_int_equal(seccomp_policy_compile_for(&p, AUDIT_ARCH_S390X, &e), -ENOTSUP);
	assert_non_null(strstr(e.msg, "no policy for architecture"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_gets_its_verdict),
		cmocka_unit_test(the_kernel_can_load_it),
		cmocka_unit_test(threads_are_made_but_no_namespaces),
		cmocka_unit_test(internet_sockets_speak_the_usual_protocols),
		cmocka_unit_test(other_families_are_unix_and_route_netlink_only),
		cmocka_unit_test(no_bit_above_smuggles_an_ioctl),
		cmocka_unit_test(personality_changes_names_only),
		cmocka_unit_test(the_limit_of_core_files_is_read_only),
		cmocka_unit_test(foreign_calling_conventions_kill),
		cmocka_unit_test(an_architecture_without_a_policy_says_so),
	};

	return cmocka_run_group_tests(tests, policy_make, policy_drop);
}
