/*
 * system-cgroup-group.c - groups of containers as the kernel has them. Needs
 * root; makes groups below "/dynotest<pid>" and removes them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/buf.h"
#include "runtime/cgroup/cgroup_device.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/cgroup/cgroup_group_inside.h"
#include "runtime/cgroup/cgroup_usage.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
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

#define MEGABYTE (1024LL * 1024)
#define WAIT_USEC (120 * USEC_PER_SEC)	/* under emulation all is slow */
#define SOME(x) { .set = true, .value = (x) }

struct bench {
	struct cgroup_group *parent, *group;
	bool v1;
	struct cgroup join;
};

static const struct resources nothing;

static void pause_msec(unsigned msec)
{
	struct timespec t = { .tv_sec = msec / 1000,
			      .tv_nsec = msec % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

#define OK(call) do { \
		struct error e_ = { 0 }, *err = &e_; \
		if ((call) != 0) \
			fail_msg("%s: %s", #call, err->msg); \
	} while (0)

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	auto_free char *parent = xasprintf("/dynotest%d", (int)getpid());
	auto_free char *path = xasprintf("%s/a/c1", parent);

	OK(cgroup_group_open(&b->parent, parent, err));
	OK(cgroup_group_open(&b->group, path, err));
	b->v1 = cgroup_group_version(b->group) == CGROUP_V1;
	b->join = CGROUP_INIT;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	cgroup_deinit(&b->join);
	OK(cgroup_group_kill(b->parent, err));
	OK(cgroup_group_remove(b->parent, err));
	cgroup_group_free(b->parent);
	cgroup_group_free(b->group);
	free(b);
	return 0;
}

/* ---- processes ---- */

static pid_t start(const struct cgroup *c, void (*fn)(void))
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	long pid;

	if (c->dir_fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)c->dir_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		fail_msg("clone3: %s", strerror(errno));
	if (pid > 0)
		return (pid_t)pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < c->n_procs_fds; i++)
		if (write(c->procs_fds[i], "0", 1) != 1)
			_exit(90);
	fn();
	_exit(0);
}

static void sleep_forever(void)
{
	for (;;)
		pause();
}

static void fork_forever(void)
{
	for (;;)
		fork();
}

static void end_on_term(void)
{
	if (fork() == 0)
		sleep_forever();
	sleep_forever();
}

static void eat_memory(void)
{
	for (size_t i = 0; i < 512; i++) {
		char *p = mmap(NULL, (size_t)MEGABYTE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			_exit(91);
		memset(p, 1, (size_t)MEGABYTE);
	}
}

static void spin(void)
{
	for (;;)
		;
}

static char *take_memory(void)
{
	char *p = mmap(NULL, (size_t)(16 * MEGABYTE), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(91);
	return memset(p, 1, (size_t)(16 * MEGABYTE));
}

static void hold_memory(void)
{
	take_memory();
	sleep_forever();
}

static void hold_memory_and_spin(void)
{
	take_memory();
	spin();
}

static int ended(pid_t pid)
{
	uint64_t until = clock_mono_usec() + WAIT_USEC;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_usec() > until)
			fail_msg("process %d does not end", (int)pid);
		pause_msec(2);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static void make(struct bench *b, const struct resources *r)
{
	OK(cgroup_group_create(b->group, r, &b->join, err));
}

static size_t count(struct bench *b)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0;

	OK(cgroup_group_pids(b->group, &pids, &n, err));
	return n;
}

static void wait_count(struct bench *b, size_t n)
{
	uint64_t until = clock_mono_usec() + WAIT_USEC;

	while (count(b) != n) {
		if (clock_mono_usec() > until)
			fail_msg("%zu processes, not %zu", count(b), n);
		pause_msec(2);
	}
}

/* The text of the group's file (by version), without the last line break. */
static char *read_file(struct bench *b, unsigned controller, const char *v1,
		       const char *v2)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	auto_buf text = BUF_INIT;

	OK(cgroup_group_dirs(b->group, 0, &dirs, err));
	OK(file_read(cgroup_dirs_fd(&dirs, controller), b->v1 ? v1 : v2, 65536,
		     &text, err));
	return xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
}

static void check_file(struct bench *b, unsigned controller, const char *v1,
		       const char *v2, const char *is_v1, const char *is_v2)
{
	auto_free char *text = read_file(b, controller, v1, v2);

	assert_string_equal(text, b->v1 ? is_v1 : is_v2);
}

/* ---- making and removing ---- */

static void a_group_is_in_every_hierarchy_and_goes_from_all(void **state)
{
	struct bench *b = *state;
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	pid_t pid;

	assert_false(cgroup_group_exists(b->group));
	make(b, &nothing);
	assert_true(cgroup_group_exists(b->group));
	OK(cgroup_group_dirs(b->group, 0, &dirs, err));
	for (size_t i = 0; i < b->group->trees.n; i++)
		assert_true(dirs.fds[i] >= 0);
	pid = start(&b->join, sleep_forever);
	wait_count(b, 1);
	/* It is there in every one of them: each names the path. */
	for (int tries = 0; ; tries++) {
		auto_free char *file = xasprintf("/proc/%d/cgroup", (int)pid);
		auto_buf text = BUF_INIT;
		size_t n = 0;

		OK(file_read(AT_FDCWD, file, 65536, &text, err));
		for (const char *p = buf_str(&text);
		     (p = strstr(p, b->group->name)); p++)
			n++;
		if (n == b->group->trees.n)
			break;
		if (tries == 1000)
			fail_msg("%s", buf_str(&text));
		pause_msec(2);
	}
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(pid), 128 + SIGKILL);
	OK(cgroup_group_remove(b->group, err));
	assert_false(cgroup_group_exists(b->group));
	OK(cgroup_group_remove(b->group, err));
}

static void a_group_with_a_process_is_not_removed(void **state)
{
	struct bench *b = *state;
	struct error e = { 0 };
	pid_t pid;

	make(b, &nothing);
	pid = start(&b->join, sleep_forever);
	wait_count(b, 1);
	assert_int_equal(cgroup_group_remove(b->group, &e), -EBUSY);
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(pid), 128 + SIGKILL);
}

static void nothing_is_left_when_a_limit_is_refused(void **state)
{
	static const struct resources_hugetlb pages[] = { { "3MB", 1 } };
	struct resources r = { .hugetlb = pages, .n_hugetlb = 1 };
	struct bench *b = *state;
	struct error e = { 0 };

	assert_int_equal(cgroup_group_create(b->group, &r, &b->join, &e),
			 -ENOTSUP);
	assert_non_null(strstr(e.msg, b->v1
		? "linux.resources.hugepageLimits[0]: the requested cgroup "
		  "controller `hugetlb` is not available"
		: "linux.resources.hugepageLimits[0]: no hugetlb.3MB.max on"));
	assert_false(cgroup_group_exists(b->group));
	assert_false(cgroup_group_exists(b->parent));
}

static void an_occupied_group_is_told_and_a_frozen_one_refused(void **state)
{
	struct bench *b = *state;
	struct cgroup again = CGROUP_INIT;
	struct error e = { 0 };
	pid_t pid;

	make(b, &nothing);
	pid = start(&b->join, sleep_forever);
	wait_count(b, 1);
	assert_int_equal(cgroup_group_create(b->group, &nothing, &again, &e),
			 CGROUP_GROUP_OCCUPIED);
	cgroup_deinit(&again);
	OK(cgroup_group_freeze(b->group, err));
	assert_int_equal(cgroup_group_create(b->group, &nothing, &again, &e),
			 -EBUSY);
	assert_non_null(strstr(e.msg, "frozen"));
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(pid), 128 + SIGKILL);
}

/* ---- limits ---- */

static void limits_are_in_force_and_can_be_changed(void **state)
{
	struct resources r = {
		.memory = { .limit = SOME(64 * MEGABYTE),
			    .reservation = SOME(32 * MEGABYTE) },
		.cpu = { .shares = SOME(1024), .quota = SOME(50000),
			 .period = SOME(100000), .cpus = "0" },
		.pids = SOME(20),
	};
	struct resources more = { .memory.limit = SOME(128 * MEGABYTE),
				  .cpu.period = SOME(200000) };
	struct resources none = { .memory.limit = SOME(-1),
				  .cpu.quota = SOME(-1), .pids = SOME(-1) };
	struct bench *b = *state;

	make(b, &r);
	check_file(b, CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max",
		   "67108864", "67108864");
	check_file(b, CGROUP_MEMORY, "memory.soft_limit_in_bytes", "memory.low",
		   "33554432", "33554432");
	check_file(b, CGROUP_CPU, "cpu.shares", "cpu.weight", "1024", "100");
	check_file(b, CGROUP_CPU, "cpu.cfs_quota_us", "cpu.max", "50000",
		   "50000 100000");
	check_file(b, CGROUP_CPUSET, "cpuset.cpus", "cpuset.cpus", "0", "0");
	check_file(b, CGROUP_PIDS, "pids.max", "pids.max", "20", "20");
	OK(cgroup_group_apply(b->group, &more, err));
	check_file(b, CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max",
		   "134217728", "134217728");
	check_file(b, CGROUP_CPU, "cpu.cfs_period_us", "cpu.max", "200000",
		   "50000 200000");
	check_file(b, CGROUP_PIDS, "pids.max", "pids.max", "20", "20");
	OK(cgroup_group_apply(b->group, &none, err));
	check_file(b, CGROUP_CPU, "cpu.cfs_quota_us", "cpu.max", "-1",
		   "max 200000");
	check_file(b, CGROUP_PIDS, "pids.max", "pids.max", "max", "max");
}

/* Both limits up, both down: no order of writing fits both. */
static void memory_and_swap_move_together_in_both_directions(void **state)
{
	static const int64_t steps[] = { 64, 256, 16, 128 };
	struct bench *b = *state;
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;

	make(b, &nothing);
	OK(cgroup_group_dirs(b->group, CGROUP_MEMORY, &dirs, err));
	if (faccessat(cgroup_dirs_fd(&dirs, CGROUP_MEMORY), b->v1
		      ? "memory.memsw.limit_in_bytes" : "memory.swap.max",
		      F_OK, 0) < 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct resources r = { .memory = {
			.limit = SOME(steps[i] * MEGABYTE),
			.swap = SOME(2 * steps[i] * MEGABYTE),
		} };
		auto_free char *v1 = xasprintf("%lld", 2 * steps[i] * MEGABYTE);
		auto_free char *v2 = xasprintf("%lld", steps[i] * MEGABYTE);

		OK(cgroup_group_apply(b->group, &r, err));
		check_file(b, CGROUP_MEMORY, "memory.memsw.limit_in_bytes",
			   "memory.swap.max", v1, v2);
	}
}

static void a_period_too_short_for_the_old_quota_comes_second(void **state)
{
	struct resources slow = { .cpu = { .quota = SOME(900000),
					   .period = SOME(1000000) } };
	struct resources fast = { .cpu = { .quota = SOME(2000),
					   .period = SOME(2000) } };
	struct bench *b = *state;
	struct cgroup_group *inner;
	struct cgroup c = CGROUP_INIT;
	auto_free char *path = xasprintf("%s/inner", b->group->name);

	/* The parent allows 90 % of a processor: 900000 of 2000 do not fit. */
	make(b, &slow);
	OK(cgroup_group_open(&inner, path, err));
	slow.cpu.quota.value = 450000;
	OK(cgroup_group_create(inner, &slow, &c, err));
	fast.cpu.quota.value = 1500;
	OK(cgroup_group_apply(inner, &fast, err));
	OK(cgroup_group_apply(inner, &slow, err));
	cgroup_deinit(&c);
	cgroup_group_free(inner);
}

static void groups_above_get_room_for_real_time_processes(void **state)
{
	struct resources r = { .cpu = { .realtime_runtime = SOME(1000),
					.realtime_period = SOME(100000) } };
	struct bench *b = *state;
	auto_free char *path = xasprintf("%s/a/c2", b->parent->name);
	struct cgroup_group *second;
	struct cgroup c = CGROUP_INIT;
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	uint64_t room = 0;
	int fd;

	OK(cgroup_group_open(&second, path, err));
	OK(cgroup_group_create(second, &nothing, &c, err));
	OK(cgroup_group_dirs(second, 0, &dirs, err));
	fd = cgroup_dirs_fd(&dirs, CGROUP_CPU);
	cgroup_deinit(&c);
	if (!b->v1 || faccessat(fd, "cpu.rt_runtime_us", F_OK, 0) < 0) {
		cgroup_group_free(second);
		skip();
	}
	make(b, &r);
	check_file(b, CGROUP_CPU, "cpu.rt_runtime_us", "", "1000", "");
	OK(cgroup_group_create(second, &r, &c, err));
	OK(cgroup_tree_read(fd, "../cpu.rt_runtime_us", &room, err));
	assert_int_equal(room, 20000);
	OK(cgroup_tree_read(fd, "../../cpu.rt_runtime_us", &room, err));
	assert_int_equal(room, 20000);
	OK(cgroup_group_remove(b->group, err));
	OK(cgroup_tree_read(fd, "../../cpu.rt_runtime_us", &room, err));
	assert_int_equal(room, 10000);
	cgroup_deinit(&c);
	cgroup_group_free(second);
}

static void a_limit_below_what_is_in_use_is_rejected_if_asked(void **state)
{
	struct resources r = { .memory = { .limit = SOME(4 * MEGABYTE),
					   .check_before_update = SOME(1) } };
	uint64_t until = clock_mono_usec() + WAIT_USEC, usage = 0;
	struct bench *b = *state;
	struct error e = { 0 };
	pid_t pid;

	make(b, &nothing);
	pid = start(&b->join, hold_memory);
	while (usage < (uint64_t)(16 * MEGABYTE)) {
		auto_(cgroup_usage_free_p) struct cgroup_usage *u = NULL;

		OK(cgroup_group_usage(b->group, &u, err));
		usage = u->memory.usage.usage;
		assert_true(clock_mono_usec() < until);
		pause_msec(5);
	}
	assert_int_equal(cgroup_group_apply(b->group, &r, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "rejecting memory limit 4194304"));
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(pid), 128 + SIGKILL);
}

static void raw_files_are_for_v2(void **state)
{
	static const struct resources_pair pairs[] = { { "memory.high", "8388608" } };
	static const struct resources_pair missing[] = { { "no.such", "1" } };
	static const struct resources_pair unknown[] = { { "memory.such", "1" } };
	struct resources r = { .unified = pairs, .n_unified = 1 };
	struct bench *b = *state;
	struct error e = { 0 };

	if (b->v1) {
		assert_int_equal(cgroup_group_create(b->group, &r, &b->join, &e),
				 -ENOTSUP);
		return;
	}
	make(b, &r);
	check_file(b, CGROUP_MEMORY, "", "memory.high", "", "8388608");
	r.unified = missing;
	assert_int_equal(cgroup_group_apply(b->group, &r, &e), -ENOTSUP);
	assert_non_null(strstr(e.msg, "unified[\"no.such\"]: the requested cgroup "
				      "controller `no` is not available"));
	r.unified = unknown;
	assert_int_equal(cgroup_group_apply(b->group, &r, &e), -ENOTSUP);
	assert_non_null(strstr(e.msg, "no memory.such on this machine"));
}

/* ---- devices ---- */

static char node[64];

/* 0: open, else errno of opening "full" in the ways asked for. */
static void open_full(void)
{
	int r = open("/dev/full", O_RDONLY);
	int w = open("/dev/full", O_WRONLY);

	_exit((r < 0) | (w < 0) << 1);
}

static void open_others(void)
{
	static const char *const names[] = { "/dev/null", "/dev/zero",
					     "/dev/urandom", "/dev/ptmx" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (open(names[i], O_RDWR) < 0)
			_exit(1);
	/* Anybody may make a node; what matters is who can open it. */
	if (mknod(node, S_IFCHR | 0600, makedev(1, 1)) < 0)
		_exit(2);
	if (open(node, O_RDONLY) >= 0 || errno != EPERM)
		_exit(3);
}

static void devices_are_filtered_by_rules_that_can_change(void **state)
{
	static const struct resources_device readonly[] = {
		{ .allow = false, .type = 'a', .major = -1, .minor = -1 },
		{ .allow = true, .type = 'c', .major = 1, .minor = 7,
		  .read = true },
	};
	struct bench *b = *state;
	size_t n;
	auto_free struct resources_device *all =
		cgroup_group_devices(readonly, 1, &n);
	struct resources first = { .devices = all, .n_devices = n };
	struct resources second = { .devices = readonly, .n_devices = 2 };
	struct resources third = { .devices = readonly, .n_devices = 1 };

	snprintf(node, sizeof(node), "/tmp/dynotest-node-%d", (int)getpid());
	make(b, &first);
	assert_int_equal(ended(start(&b->join, open_full)), 0);
	assert_int_equal(ended(start(&b->join, open_others)), 0);
	assert_int_equal(unlink(node), 0);
	for (int i = 0; i < 3; i++) {
		OK(cgroup_group_apply(b->group, &second, err));
		assert_int_equal(ended(start(&b->join, open_full)), 2);
		OK(cgroup_group_apply(b->group, &third, err));
		assert_int_equal(ended(start(&b->join, open_full)), 3);
	}
	if (!b->v1) {
		auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;

		OK(cgroup_group_dirs(b->group, 0, &dirs, err));
		OK(cgroup_device_count(cgroup_dirs_fd(&dirs, CGROUP_UNIFIED), &n,
				       err));
		assert_int_equal(n, 1);
	}
}

/* On a hybrid host too: the program's kernel side does not depend on version. */
static void the_device_program_passes_the_kernels_verifier(void **state)
{
	static const struct resources_device readonly[] = {
		{ .allow = true, .type = 'c', .major = -1, .minor = -1,
		  .read = true, .write = true, .mknod = true },
		{ .allow = false, .type = 'c', .major = 1, .minor = 7,
		  .write = true },
	};
	struct bench *b = *state;
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	auto_close int program = -1, second = -1;
	struct error e = { 0 };
	size_t n = 0;
	int fd;

	make(b, &nothing);
	OK(cgroup_group_dirs(b->group, 0, &dirs, err));
	fd = cgroup_dirs_fd(&dirs, CGROUP_UNIFIED);
	if (fd < 0)
		skip();
	program = cgroup_device_load(readonly, 2, &e);
	if (program < 0)
		fail_msg("%s", e.msg);
	OK(cgroup_device_attach(fd, program, err));
	assert_int_equal(ended(start(&b->join, open_full)), 2);
	/* A second one takes its place: nothing is allowed by both. */
	second = cgroup_device_load(readonly, 1, &e);
	assert_true(second >= 0);
	OK(cgroup_device_attach(fd, second, err));
	assert_int_equal(ended(start(&b->join, open_full)), 0);
	OK(cgroup_device_count(fd, &n, err));
	assert_int_equal(n, 1);
}

static void a_thousand_rules_load(void **state)
{
	struct resources_device *v = xcalloc(1000, sizeof(*v));
	struct error e = { 0 };
	auto_close int fd = -1;

	for (int i = 0; i < 1000; i++)
		v[i] = (struct resources_device){
			.allow = i % 3, .type = i % 2 ? 'c' : 'b', .major = i,
			.minor = i % 5 - 1, .read = true, .write = i % 7,
		};
	fd = cgroup_device_load(v, 1000, &e);
	if (fd < 0)
		fail_msg("%s", e.msg);
	free(v);
}

/* ---- freezing, signals, killing ---- */

static char process_state(pid_t pid)
{
	auto_free char *file = xasprintf("/proc/%d/stat", (int)pid);
	auto_buf text = BUF_INIT;
	const char *p;

	OK(file_read(AT_FDCWD, file, 4096, &text, err));
	p = strrchr(buf_str(&text), ')');
	return p ? p[2] : '?';
}

static uint64_t user_time(struct bench *b)
{
	auto_(cgroup_usage_free_p) struct cgroup_usage *u = NULL;

	OK(cgroup_group_usage(b->group, &u, err));
	return u->cpu.total;
}

static void frozen_processes_stand_still_until_thawed(void **state)
{
	struct bench *b = *state;
	uint64_t before;
	pid_t pid;

	make(b, &nothing);
	pid = start(&b->join, spin);
	wait_count(b, 1);
	assert_false(cgroup_group_frozen(b->group));
	OK(cgroup_group_freeze(b->group, err));
	assert_true(cgroup_group_frozen(b->group));
	pause_msec(50);			/* accounting is not at once */
	before = user_time(b);
	pause_msec(200);
	assert_true(user_time(b) - before < 5000000);
	OK(cgroup_group_thaw(b->group, err));
	assert_false(cgroup_group_frozen(b->group));
	before = user_time(b);
	pause_msec(200);
	assert_true(user_time(b) > before);
	assert_int_equal(process_state(pid), 'R');
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(ended(pid), 128 + SIGKILL);
}

static void a_frozen_fork_bomb_dies_at_once_with_groups_below(void **state)
{
	struct resources r = { .pids = SOME(60) };
	struct bench *b = *state;
	auto_free char *path = xasprintf("%s/inner", b->group->name);
	struct cgroup_group *inner;
	struct cgroup c = CGROUP_INIT;
	pid_t bomb, quiet;

	make(b, &r);
	/* On v2 a group with controllers passed on takes no processes: the bomb
	 * goes into one group below, the quiet one into another. */
	OK(cgroup_group_open(&inner, path, err));
	OK(cgroup_group_create(inner, &nothing, &c, err));
	quiet = start(&c, sleep_forever);
	bomb = start(b->v1 ? &b->join : &c, fork_forever);
	while (count(b) < 20)
		pause_msec(5);
	OK(cgroup_group_freeze(inner, err));
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(bomb), 128 + SIGKILL);
	assert_int_equal(ended(quiet), 128 + SIGKILL);
	wait_count(b, 0);
	assert_false(cgroup_group_frozen(b->group));
	cgroup_deinit(&c);
	cgroup_group_free(inner);
}

static void a_signal_reaches_every_process(void **state)
{
	struct bench *b = *state;
	pid_t pid;

	make(b, &nothing);
	pid = start(&b->join, end_on_term);
	wait_count(b, 2);
	OK(cgroup_group_signal(b->group, SIGTERM, err));
	assert_int_equal(ended(pid), 128 + SIGTERM);
	wait_count(b, 0);
}

static void one_more_process_joins(void **state)
{
	struct bench *b = *state;
	struct cgroup again = CGROUP_INIT;
	struct error e = { 0 };
	pid_t first, second;

	assert_int_equal(cgroup_group_join(b->group, NULL, 0, &again, &e),
			 -ENOENT);
	make(b, &nothing);
	first = start(&b->join, sleep_forever);
	OK(cgroup_group_join(b->group, NULL, first, &again, err));
	second = start(&again, sleep_forever);
	wait_count(b, 2);
	cgroup_deinit(&again);
	assert_int_equal(cgroup_group_join(b->group, "../x", 0, &again, &e),
			 -EINVAL);
	assert_int_equal(cgroup_group_join(b->group, "no", 0, &again, &e),
			 -ENOENT);
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(first), 128 + SIGKILL);
	assert_int_equal(ended(second), 128 + SIGKILL);
}

/* The path in the line of /proc/PID/cgroup that begins with "N:name:". */
static bool is_in(pid_t pid, const char *name, const char *path)
{
	auto_free char *file = xasprintf("/proc/%d/cgroup", (int)pid);
	auto_free char *line = xasprintf(":%s:%s\n", name, path);
	auto_buf text = BUF_INIT;

	OK(file_read(AT_FDCWD, file, 65536, &text, err));
	return strstr(buf_str(&text), line);
}

static void a_process_joins_groups_below_by_controller(void **state)
{
	struct bench *b = *state;
	auto_free char *path = xasprintf("%s/inner", b->group->name);
	struct cgroup c = CGROUP_INIT, again = CGROUP_INIT;
	struct cgroup_group *inner;
	struct error e = { 0 };
	pid_t pid;

	if (!b->v1)
		skip();
	make(b, &nothing);
	OK(cgroup_group_open(&inner, path, err));
	OK(cgroup_group_create(inner, &nothing, &c, err));
	assert_int_equal(cgroup_group_join(b->group, "whaaat:/", 0, &again, &e),
			 -EINVAL);
	assert_non_null(strstr(e.msg, "unknown controller "));
	assert_int_equal(cgroup_group_join(b->group, "cpu:no", 0, &again, &e),
			 -ENOENT);
	assert_int_equal(cgroup_group_join(b->group, "cpu:a/../../x", 0, &again,
					   &e), -EINVAL);
	assert_int_equal(cgroup_group_join(b->group, "cpu:inner\nno", 0, &again,
					   &e), -EINVAL);
	OK(cgroup_group_join(b->group, "memory:inner\ncpu,cpuacct:/inner", 0,
			     &again, err));
	pid = start(&again, sleep_forever);
	for (int i = 0; i < 1000 && !is_in(pid, "pids", b->group->name); i++)
		pause_msec(2);
	for (int i = 0; i < 1000 && !is_in(pid, "memory", path); i++)
		pause_msec(2);
	assert_true(is_in(pid, "memory", path));
	assert_true(is_in(pid, "cpu", path) || is_in(pid, "cpu,cpuacct", path));
	assert_true(is_in(pid, "freezer", b->group->name));
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(pid), 128 + SIGKILL);
	cgroup_deinit(&c);
	cgroup_deinit(&again);
	cgroup_group_free(inner);
}

static void a_delegated_group_can_be_divided_but_not_enlarged(void **state)
{
	struct bench *b = *state;
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	struct stat dir, procs, limit;
	int fd;

	make(b, &nothing);
	OK(cgroup_group_delegate(b->group, 12345, err));
	OK(cgroup_group_dirs(b->group, 0, &dirs, err));
	fd = cgroup_dirs_fd(&dirs, CGROUP_MEMORY);
	assert_int_equal(fstat(fd, &dir), 0);
	assert_int_equal(fstatat(fd, "cgroup.procs", &procs, 0), 0);
	assert_int_equal(fstatat(fd, b->v1 ? "memory.limit_in_bytes"
				 : "memory.max", &limit, 0), 0);
	assert_int_equal(dir.st_uid, b->v1 ? 0 : 12345);
	assert_int_equal(procs.st_uid, b->v1 ? 0 : 12345);
	assert_int_equal(limit.st_uid, 0);
}

static void where_a_group_takes_no_process_the_first_ones_group_does(void **state)
{
	struct bench *b = *state;
	auto_free char *path = xasprintf("%s/inner", b->group->name);
	struct cgroup c = CGROUP_INIT, again = CGROUP_INIT;
	struct cgroup_group *inner;
	struct error e = { 0 };
	pid_t first, second;

	if (b->v1)
		skip();
	make(b, &nothing);
	OK(cgroup_group_open(&inner, path, err));
	OK(cgroup_group_create(inner, &nothing, &c, err));
	first = start(&c, sleep_forever);
	assert_int_equal(cgroup_group_join(b->group, NULL, 0, &again, &e),
			 -EBUSY);
	assert_int_equal(cgroup_group_join(b->group, "/", first, &again, &e),
			 -EBUSY);
	OK(cgroup_group_join(b->group, NULL, first, &again, err));
	second = start(&again, sleep_forever);
	wait_count(b, 2);
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(first), 128 + SIGKILL);
	assert_int_equal(ended(second), 128 + SIGKILL);
	cgroup_deinit(&c);
	cgroup_deinit(&again);
	cgroup_group_free(inner);
}

/* ---- watching ---- */

static void want_of_memory_is_told_more_than_once(void **state)
{
	struct resources r = { .memory = { .limit = SOME(16 * MEGABYTE),
					   .swap = SOME(16 * MEGABYTE) } };
	auto_(cgroup_usage_free_p) struct cgroup_usage *u = NULL;
	struct cgroup_oom oom = CGROUP_OOM_INIT;
	struct bench *b = *state;
	pid_t keeper;

	make(b, &r);
	keeper = start(&b->join, sleep_forever);
	wait_count(b, 1);
	OK(cgroup_group_oom(b->group, &oom, err));
	for (int i = 0; i < 2; i++) {
		uint64_t until = clock_mono_usec() + WAIT_USEC, n = 0;

		assert_int_equal(ended(start(&b->join, eat_memory)),
				 128 + SIGKILL);
		while (n == 0) {
			struct pollfd p = { .fd = oom.fd, .events = POLLIN };

			assert_true(clock_mono_usec() < until);
			assert_int_equal(poll(&p, 1, 60000), 1);
			OK(cgroup_oom_read(&oom, &n, err));
		}
	}
	OK(cgroup_group_usage(b->group, &u, err));
	assert_true(u->memory.oom_kills >= 2);
	assert_true(u->memory.usage.limit == (uint64_t)(16 * MEGABYTE));
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(keeper), 128 + SIGKILL);
	wait_count(b, 0);
	OK(cgroup_group_remove(b->group, err));
	for (int i = 0; ; i++) {
		struct pollfd p = { .fd = oom.fd, .events = POLLIN };
		struct error e = { 0 };
		uint64_t n;

		assert_true(i < 10);
		assert_int_equal(poll(&p, 1, 60000), 1);
		if (cgroup_oom_read(&oom, &n, &e) == CGROUP_OOM_GONE)
			break;
	}
	cgroup_oom_deinit(&oom);
}

static void what_is_used_is_counted(void **state)
{
	struct resources r = { .memory.limit = SOME(64 * MEGABYTE),
			       .pids = SOME(20) };
	struct bench *b = *state;
	auto_(cgroup_usage_free_p) struct cgroup_usage *u = NULL;
	uint64_t until = clock_mono_usec() + WAIT_USEC;
	struct error e = { 0 };
	pid_t pid;

	assert_int_equal(cgroup_group_usage(b->group, &u, &e), -ENOENT);
	make(b, &r);
	pid = start(&b->join, hold_memory_and_spin);
	while (!u || u->cpu.total < 100000000 ||
	       u->memory.usage.usage < (uint64_t)(15 * MEGABYTE)) {
		assert_true(clock_mono_usec() < until);
		pause_msec(20);
		cgroup_usage_free(u);
		OK(cgroup_group_usage(b->group, &u, err));
	}
	assert_int_equal(u->pids.current, 1);
	assert_int_equal(u->pids.limit, 20);
	assert_true(u->memory.usage.limit == (uint64_t)(64 * MEGABYTE));
	assert_true(u->memory.n_raw > 10);
	assert_true(b->v1 == (u->cpu.n_percpu > 0));
	assert_non_null(u->cpuset.cpus);
	assert_true(*u->cpuset.cpus);
	OK(cgroup_group_kill(b->group, err));
	assert_int_equal(ended(pid), 128 + SIGKILL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_group_is_in_every_hierarchy_and_goes_from_all),
		TEST(a_group_with_a_process_is_not_removed),
		TEST(nothing_is_left_when_a_limit_is_refused),
		TEST(an_occupied_group_is_told_and_a_frozen_one_refused),
		TEST(limits_are_in_force_and_can_be_changed),
		TEST(memory_and_swap_move_together_in_both_directions),
		TEST(a_period_too_short_for_the_old_quota_comes_second),
		TEST(groups_above_get_room_for_real_time_processes),
		TEST(a_limit_below_what_is_in_use_is_rejected_if_asked),
		TEST(raw_files_are_for_v2),
		TEST(devices_are_filtered_by_rules_that_can_change),
		TEST(the_device_program_passes_the_kernels_verifier),
		TEST(a_thousand_rules_load),
		TEST(frozen_processes_stand_still_until_thawed),
		TEST(a_frozen_fork_bomb_dies_at_once_with_groups_below),
		TEST(a_signal_reaches_every_process),
		TEST(one_more_process_joins),
		TEST(a_process_joins_groups_below_by_controller),
		TEST(a_delegated_group_can_be_divided_but_not_enlarged),
		TEST(where_a_group_takes_no_process_the_first_ones_group_does),
		TEST(want_of_memory_is_told_more_than_once),
		TEST(what_is_used_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
