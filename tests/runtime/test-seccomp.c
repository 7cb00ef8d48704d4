/*
 * test-seccomp.c - the compiled policy of dynos, asked call by call.
 */
#include "base/base.h"
#include "base/error.h"
#include "runtime/seccomp.h"
#include "tests/runtime/bpf.h"

#include <asm/ioctls.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <cmocka.h>

#define ENOSYS_ (SECCOMP_RET_ERRNO | ENOSYS)
#define EPERM_ (SECCOMP_RET_ERRNO | EPERM)

static struct sock_fprog policy;

static uint32_t ask(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	struct seccomp_data d = {
		.nr = (int)nr, .arch = AUDIT_ARCH_X86_64, .args = { a, b, c },
	};

	return bpf_run(&policy, &d);
}

static int policy_make(void **state)
{
	return seccomp_policy_compile(&policy, NULL);
}

static int policy_drop(void **state)
{
	seccomp_policy_free(&policy);
	return 0;
}

static void what_programs_need_is_allowed(void **state)
{
	static const long nrs[] = {
		SYS_read, SYS_write, SYS_openat, SYS_mmap, SYS_execve, SYS_execveat,
		SYS_fork, SYS_vfork, SYS_futex, SYS_epoll_wait, SYS_signalfd4,
		SYS_setsid, SYS_kill, SYS_wait4, SYS_waitid, SYS_prctl, SYS_statx,
		SYS_rseq, SYS_getrandom, SYS_memfd_create, SYS_close_range,
		SYS_sched_getaffinity, SYS_prlimit64, SYS_clock_nanosleep,
	};

	for (size_t i = 0; i < ARRAY_SIZE(nrs); i++)
		assert_int_equal(ask(nrs[i], 0, 0, 0), SECCOMP_RET_ALLOW);
}

static void what_is_refused_says_so_and_the_unknown_does_not_exist(void **state)
{
	static const long refused[] = {
		SYS_mount, SYS_umount2, SYS_pivot_root, SYS_setns, SYS_unshare,
		SYS_bpf, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_reboot,
		SYS_init_module, SYS_kexec_load, SYS_open_by_handle_at, SYS_chroot,
		425 /* io_uring_setup */, SYS_userfaultfd, SYS_swapon, SYS_iopl,
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(ask(refused[i], 0, 0, 0), EPERM_);
	assert_int_equal(ask(SYS_clone3, 0, 0, 0), ENOSYS_);
	assert_int_equal(ask(5000, 0, 0, 0), ENOSYS_);
}

static void threads_are_made_but_no_namespaces(void **state)
{
	static const uint64_t flags[] = {
		CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
		CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
	};
	const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;

	assert_int_equal(ask(SYS_clone, thread, 0, 0), SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		assert_int_not_equal(ask(SYS_clone, thread | flags[i], 0, 0),
				     SECCOMP_RET_ALLOW);
}

static void sockets_are_unix_inet_and_route_only(void **state)
{
	assert_int_equal(ask(SYS_socket, AF_UNIX, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(SYS_socket, AF_INET, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(SYS_socket, AF_INET6, 2, 17), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(SYS_socket, AF_NETLINK, 3, 0), SECCOMP_RET_ALLOW);
	for (int nl = 1; nl < 32; nl++)
		assert_int_equal(ask(SYS_socket, AF_NETLINK, 3, (uint64_t)nl), ENOSYS_);
	for (uint64_t af = 0; af < 64; af++)
		if (af != AF_UNIX && af != AF_INET && af != AF_INET6 &&
		    af != AF_NETLINK) {
			assert_int_equal(ask(SYS_socket, af, 3, 0), ENOSYS_);
			assert_int_equal(ask(SYS_socketpair, af, 3, 0), ENOSYS_);
		}
	assert_int_equal(ask(SYS_socket, (1ULL << 32) | AF_PACKET, 3, 0), ENOSYS_);
}

static void no_bit_above_smuggles_an_ioctl(void **state)
{
	assert_int_equal(ask(SYS_ioctl, 0, TIOCGWINSZ, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(SYS_ioctl, 0, TIOCSCTTY, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(SYS_ioctl, 0, TIOCSTI, 0), EPERM_);
	assert_int_equal(ask(SYS_ioctl, 0, TIOCLINUX, 0), EPERM_);
	for (int bit = 32; bit < 64; bit++) {
		assert_int_equal(ask(SYS_ioctl, 0, (1ULL << bit) | TIOCSTI, 0), EPERM_);
		assert_int_equal(ask(SYS_ioctl, 0, (1ULL << bit) | TIOCLINUX, 0), EPERM_);
	}
	/* The number of another call is no ioctl. */
	assert_int_equal(ask(SYS_read, 0, TIOCSTI, 0), SECCOMP_RET_ALLOW);
}

static void foreign_calling_conventions_kill(void **state)
{
	struct seccomp_data d = { .nr = SYS_read, .arch = AUDIT_ARCH_I386 };

	assert_int_equal(bpf_run(&policy, &d), SECCOMP_RET_KILL_PROCESS);
	d.arch = AUDIT_ARCH_X86_64;
	d.nr = 0x40000000 | SYS_read;
	assert_int_equal(bpf_run(&policy, &d), SECCOMP_RET_KILL_PROCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_programs_need_is_allowed),
		cmocka_unit_test(what_is_refused_says_so_and_the_unknown_does_not_exist),
		cmocka_unit_test(threads_are_made_but_no_namespaces),
		cmocka_unit_test(sockets_are_unix_inet_and_route_only),
		cmocka_unit_test(no_bit_above_smuggles_an_ioctl),
		cmocka_unit_test(foreign_calling_conventions_kill),
	};

	return cmocka_run_group_tests(tests, policy_make, policy_drop);
}
