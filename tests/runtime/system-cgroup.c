/*
 * system-cgroup.c - limits as the kernel enforces them. Needs root; makes
 * groups named "dynotest<pid>" and removes them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/cgroup_host.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

#define LEAF "0a0b0c0d-1111-4222-8333-444455556666"
#define MEGABYTE (1024UL * 1024)
#define WAIT_USEC (120 * USEC_PER_SEC)	/* under emulation all is slow */

static const struct dyno_limits limits = {
	.memory = 32 * MEGABYTE, .memory_swap = 64 * MEGABYTE, .pids = 40,
	.cpu_shares = 512,
};

struct bench {
	struct cgroup_host *host;
	char prefix[32];
};

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	struct error e = { 0 };

	snprintf(b->prefix, sizeof(b->prefix), "dynotest%d", (int)getpid());
	if (cgroup_host_open(&b->host, b->prefix, &e) < 0)
		fail_msg("%s", e.msg);
	print_message("cgroup version %d\n",
		      cgroup_host_version(b->host) == CGROUP_V1 ? 1 : 2);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct error e = { 0 };

	if (cgroup_host_wipe(b->host, &e) < 0)
		fail_msg("%s", e.msg);
	cgroup_host_free(b->host);
	free(b);
	return 0;
}

static void pause_msec(unsigned msec)
{
	struct timespec t = { .tv_sec = msec / 1000,
			      .tv_nsec = msec % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- processes in the leaf ---- */

/* As the runtime does it: into the group by clone3 where that is possible,
 * else the child joins by itself. */
static pid_t start(const struct cgroup *c, void (*fn)(void))
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	long pid;

	if (c->dir_fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)c->dir_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	assert_true(pid >= 0);
	if (pid > 0)
		return (pid_t)pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < c->n_procs_fds; i++)
		if (write(c->procs_fds[i], "0", 1) != 1)
			_exit(90);
	fn();
	_exit(0);
}

static void eat_memory(void)
{
	for (size_t i = 0; i < 512; i++) {
		char *p = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			_exit(91);
		memset(p, 1, MEGABYTE);
	}
}

static void fork_forever(void)
{
	for (;;)
		fork();
}

static void sleep_forever(void)
{
	for (;;)
		pause();
}

static void compute(void)
{
	uint64_t until = clock_mono_usec() + 300 * USEC_PER_MSEC;

	while (clock_mono_usec() < until)
		;
}

static char node[64];

/* /dev/mem by another name: never allowed. */
static void open_node(void)
{
	_exit(open(node, O_RDONLY) >= 0 ? 1 : errno == EPERM ? 0 : 2);
}

static void use_devices(void)
{
	static const char *const names[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom", "/dev/ptmx",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (open(names[i], O_RDWR) < 0)
			_exit((int)i + 1);
}

static int ended(pid_t pid)
{
	uint64_t until = clock_mono_usec() + WAIT_USEC;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_usec() > until)
			fail_msg("process %d does not end", (int)pid);
		pause_msec(5);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static struct cgroup_stats stats_of(struct bench *b)
{
	struct cgroup_stats s = { 0 };
	struct error e = { 0 };

	if (cgroup_stats(b->host, LEAF, &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static void make(struct bench *b, struct cgroup *c)
{
	struct error e = { 0 };

	if (cgroup_create(b->host, LEAF, &limits, c, &e) < 0)
		fail_msg("%s", e.msg);
}

static void drop(struct bench *b, struct cgroup *c)
{
	struct error e = { 0 };

	cgroup_deinit(c);
	if (cgroup_remove(b->host, LEAF, &e) < 0)
		fail_msg("%s", e.msg);
}

/* ---- the tests ---- */

static void a_memory_hog_is_killed_and_counted(void **state)
{
	struct bench *b = *state;
	struct cgroup_stats s;
	struct cgroup c;

	make(b, &c);
	assert_int_equal(stats_of(b).oom_kills, 0);
	assert_int_equal(ended(start(&c, eat_memory)), 128 + SIGKILL);
	s = stats_of(b);
	assert_true(s.oom_kills >= 1);
	assert_true(s.memory_peak > limits.memory);
	assert_true(s.memory_peak <= limits.memory_swap);
	drop(b, &c);
}

static void a_fork_bomb_meets_its_limit_and_dies_at_once(void **state)
{
	struct bench *b = *state;
	uint64_t until = clock_mono_usec() + WAIT_USEC;
	struct error e = { 0 };
	struct cgroup c;
	pid_t pid;

	make(b, &c);
	pid = start(&c, fork_forever);
	while (stats_of(b).pids < limits.pids && clock_mono_usec() < until)
		pause_msec(5);
	assert_int_equal(stats_of(b).pids, limits.pids);
	assert_int_equal(cgroup_kill(b->host, LEAF, &e), 0);
	assert_int_equal(ended(pid), 128 + SIGKILL);
	while (stats_of(b).pids > 0 && clock_mono_usec() < until)
		pause_msec(5);
	assert_int_equal(stats_of(b).pids, 0);
	assert_int_equal(stats_of(b).oom_kills, 0);
	drop(b, &c);
}

static void cpu_time_is_counted(void **state)
{
	struct bench *b = *state;
	struct cgroup c;

	make(b, &c);
	assert_int_equal(ended(start(&c, compute)), 0);
	assert_true(stats_of(b).cpu_usec >= 20 * USEC_PER_MSEC);
	assert_true(stats_of(b).cpu_usec < 10 * USEC_PER_SEC);
	drop(b, &c);
}

static void a_leaf_with_a_process_is_not_removed(void **state)
{
	struct bench *b = *state;
	struct error e = { 0 };
	struct cgroup c;
	pid_t pid;

	make(b, &c);
	pid = start(&c, sleep_forever);
	while (stats_of(b).pids == 0)
		pause_msec(1);
	assert_int_equal(cgroup_remove(b->host, LEAF, &e), -EBUSY);
	assert_int_equal(cgroup_host_wipe(b->host, &e), -EBUSY);
	assert_int_equal(cgroup_kill(b->host, LEAF, &e), 0);
	assert_int_equal(ended(pid), 128 + SIGKILL);
	drop(b, &c);
}

static void a_name_is_used_once(void **state)
{
	struct bench *b = *state;
	struct error e = { 0 };
	struct cgroup c, second = CGROUP_INIT;
	auto_strv leaves = STRV_INIT;

	make(b, &c);
	assert_int_equal(cgroup_create(b->host, LEAF, &limits, &second, &e),
			 -EEXIST);
	assert_int_equal(cgroup_list(b->host, &leaves, &e), 0);
	assert_int_equal(leaves.n, 1);
	assert_string_equal(leaves.v[0], LEAF);
	assert_int_equal(stats_of(b).pids, 0);
	drop(b, &c);
}

static void what_is_absent_is_done(void **state)
{
	struct bench *b = *state;
	struct cgroup_stats s;
	struct error e = { 0 };

	assert_int_equal(cgroup_kill(b->host, "absent", &e), 0);
	assert_int_equal(cgroup_remove(b->host, "absent", &e), 0);
	assert_int_equal(cgroup_stats(b->host, "absent", &s, &e), -ENOENT);
}

static void only_harmless_devices_open(void **state)
{
	struct bench *b = *state;
	struct cgroup c;

	snprintf(node, sizeof(node), "/tmp/dynotest-node-%d", (int)getpid());
	assert_int_equal(mknod(node, S_IFCHR | 0600, makedev(1, 1)), 0);
	assert_true(cgroup_host_devices(b->host));
	make(b, &c);
	assert_int_equal(ended(start(&c, use_devices)), 0);
	assert_int_equal(ended(start(&c, open_node)), 0);
	assert_int_equal(unlink(node), 0);
	drop(b, &c);
}

/* An older version gave each leaf the rules: the kernel then does not let the
 * parent have them. */
static void leaves_have_the_rules_where_the_parent_cannot(void **state)
{
	auto_free char *prefix = xasprintf("dynotest%d-old", (int)getpid());
	struct bench *b = *state, old = { .host = NULL };
	struct error e = { 0 };
	struct cgroup c;

	if (cgroup_host_version(b->host) != CGROUP_V1)
		skip();
	if (cgroup_host_open(&old.host, prefix, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < old.host->trees.n; i++) {
		struct cgroup_tree *t = &old.host->trees.v[i];

		if (!(t->controllers & CGROUP_DEVICES))
			continue;
		assert_int_equal(cgroup_tree_write(t->parent_fd, "devices.allow",
						   "a", &e), 0);
		assert_int_equal(cgroup_tree_make(t, "old", &e), 0);
	}
	cgroup_host_free(old.host);
	if (cgroup_host_open(&old.host, prefix, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(cgroup_host_devices(old.host));
	snprintf(node, sizeof(node), "/tmp/dynotest-node-%d", (int)getpid());
	assert_int_equal(mknod(node, S_IFCHR | 0600, makedev(1, 1)), 0);
	make(&old, &c);
	assert_int_equal(ended(start(&c, use_devices)), 0);
	assert_int_equal(ended(start(&c, open_node)), 0);
	assert_int_equal(unlink(node), 0);
	drop(&old, &c);
	assert_int_equal(cgroup_remove(old.host, "old", &e), 0);
	assert_int_equal(cgroup_host_wipe(old.host, &e), 0);
	cgroup_host_free(old.host);
}

static void kills_in_child_groups_count(void **state)
{
	struct bench *b = *state;
	struct cgroup_tree *t = NULL;
	struct error e = { 0 };
	struct cgroup c, inner = CGROUP_INIT;
	auto_close int fd = -1;

	make(b, &c);
	for (size_t i = 0; i < b->host->trees.n; i++)
		if (b->host->trees.v[i].controllers & CGROUP_MEMORY)
			t = &b->host->trees.v[i];
	assert_int_equal(cgroup_tree_make(t, LEAF "/inner", &e), 0);
	assert_int_equal(cgroup_tree_leaf(t, LEAF "/inner", &fd, &e), 0);
	if (cgroup_host_version(b->host) == CGROUP_V2) {
		inner.dir_fd = fd;
	} else {
		inner.procs_fds[0] = openat(fd, "tasks", O_WRONLY | O_CLOEXEC);
		inner.n_procs_fds = 1;
	}
	assert_int_equal(ended(start(&inner, eat_memory)), 128 + SIGKILL);
	assert_true(stats_of(b).oom_kills >= 1);
	while (inner.n_procs_fds > 0)
		fd_close(inner.procs_fds[--inner.n_procs_fds]);
	drop(b, &c);
}

static void dynos_make_no_endless_groups_on_v2(void **state)
{
	struct bench *b = *state;
	struct error e = { 0 };
	struct cgroup c;
	int made = 0;

	if (cgroup_host_version(b->host) != CGROUP_V2)
		skip();
	make(b, &c);
	for (; made < 100; made++) {
		auto_free char *name = xasprintf(LEAF "/g%d", made);

		if (cgroup_tree_make(&b->host->trees.v[0], name, &e) < 0)
			break;
	}
	assert_int_equal(e.code, EAGAIN);
	assert_int_equal(made, 16);
	drop(b, &c);
}

static void a_second_host_finds_the_same_groups(void **state)
{
	struct bench *b = *state;
	struct cgroup_host *again = NULL;
	auto_strv leaves = STRV_INIT;
	struct error e = { 0 };
	struct cgroup c;
	pid_t pid;

	make(b, &c);
	pid = start(&c, sleep_forever);
	while (stats_of(b).pids == 0)
		pause_msec(1);
	if (cgroup_host_open(&again, b->prefix, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(cgroup_list(again, &leaves, &e), 0);
	assert_int_equal(leaves.n, 1);
	assert_int_equal(cgroup_kill(again, LEAF, &e), 0);
	assert_int_equal(ended(pid), 128 + SIGKILL);
	cgroup_host_free(again);
	drop(b, &c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_memory_hog_is_killed_and_counted),
		cmocka_unit_test(a_fork_bomb_meets_its_limit_and_dies_at_once),
		cmocka_unit_test(cpu_time_is_counted),
		cmocka_unit_test(a_leaf_with_a_process_is_not_removed),
		cmocka_unit_test(a_name_is_used_once),
		cmocka_unit_test(what_is_absent_is_done),
		cmocka_unit_test(only_harmless_devices_open),
		cmocka_unit_test(leaves_have_the_rules_where_the_parent_cannot),
		cmocka_unit_test(kills_in_child_groups_count),
		cmocka_unit_test(dynos_make_no_endless_groups_on_v2),
		cmocka_unit_test(a_second_host_finds_the_same_groups),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
