/*
 * test-cgroup-settings.c - a container's limits as the text of control files,
 * and where its group is.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_dirs.h"
#include "runtime/cgroup/cgroup_path.h"
#include "runtime/cgroup/cgroup_settings.h"
#include "runtime/cgroup/cgroup_usage_inside.h"

#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>

#define SOME(x) { .set = true, .value = (x) }

/* All settings as "file=text;" in order; NULL: refused, see *e. */
static char *text_of(const struct resources *r, enum cgroup_version version,
		     const struct cgroup_current *now, struct error *e)
{
	auto_cgroup_settings s = CGROUP_SETTINGS_INIT("linux.resources.");
	static const struct cgroup_current unknown;
	auto_buf out = BUF_INIT;
	int q = version == CGROUP_V1
		? cgroup_settings_v1(&s, r, e)
		: cgroup_settings_v2(&s, r, now ? now : &unknown, e);

	if (q < 0)
		return NULL;
	buf_reserve(&out, 1);
	for (size_t i = 0; i < s.n; i++)
		buf_addf(&out, "%s=%s;", s.v[i].file, s.v[i].text);
	return buf_take(&out);
}

static void check(const struct resources *r, const struct cgroup_current *now,
		  const char *v1, const char *v2)
{
	struct error e = { 0 };
	auto_free char *one = v1 ? text_of(r, CGROUP_V1, NULL, &e) : NULL;
	auto_free char *two = v2 ? text_of(r, CGROUP_V2, now, &e) : NULL;

	if ((v1 && !one) || (v2 && !two))
		fail_msg("%s", e.msg);
	if (v1)
		assert_string_equal(one, v1);
	if (v2)
		assert_string_equal(two, v2);
}

static void refused(const struct resources *r, enum cgroup_version version,
		    const char *message)
{
	struct error e = { 0 };
	auto_free char *text = text_of(r, version, NULL, &e);

	assert_null(text);
	if (!strstr(e.msg, message))
		fail_msg("\"%s\" is not in \"%s\"", message, e.msg);
}

/* ---- memory ---- */

static void memory_limits_have_their_files(void **state)
{
	struct resources r = { .memory = {
		.limit = SOME(1000), .swap = SOME(1500),
		.reservation = SOME(500), .swappiness = SOME(0),
		.disable_oom_killer = SOME(1), .kernel = SOME(77),
		.kernel_tcp = SOME(88), .use_hierarchy = SOME(1),
	} };

	check(&r, NULL,
	      "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1500;"
	      "memory.soft_limit_in_bytes=500;"
	      "memory.kmem.tcp.limit_in_bytes=88;memory.swappiness=0;"
	      "memory.oom_control=1;",
	      "memory.max=1000;memory.low=500;memory.swap.max=500;");
}

static void no_memory_limit_means_no_swap_limit(void **state)
{
	struct resources r = { .memory.limit = SOME(-1) };

	check(&r, NULL,
	      "memory.limit_in_bytes=-1;memory.memsw.limit_in_bytes=-1;",
	      "memory.max=max;memory.swap.max=max;");
}

static void swap_alone_refers_to_the_limit_in_force(void **state)
{
	struct resources r = { .memory.swap = SOME(1500) };
	struct cgroup_current now = { .memory = 1000 };

	check(&r, &now, "memory.memsw.limit_in_bytes=1500;",
	      "memory.swap.max=500;");
	refused(&r, CGROUP_V2, "linux.resources.memory.swap: unable to set swap "
			       "limit without memory limit");
}

static void swap_below_memory_is_refused_on_v2(void **state)
{
	struct resources r = { .memory = { .limit = SOME(10), .swap = SOME(9) } };

	refused(&r, CGROUP_V2, "linux.resources.memory.swap: memory+swap limit "
			       "should be >= memory limit");
}

static void no_swap_at_all_needs_no_limit_on_v2(void **state)
{
	struct resources r = { .memory.swap = SOME(0) };

	check(&r, NULL, "", "memory.swap.max=0;");
}

static void zero_is_not_given(void **state)
{
	struct resources r = {
		.memory = { .limit = SOME(0), .swap = SOME(0),
			    .reservation = SOME(0) },
		.cpu = { .shares = SOME(0), .quota = SOME(0), .period = SOME(0),
			 .realtime_runtime = SOME(0), .cpus = "", .mems = "" },
		.pids = SOME(0), .block.weight = SOME(0),
	};

	check(&r, NULL, "", "");
}

/* ---- processors and processes ---- */

static void processor_limits_have_their_files(void **state)
{
	struct resources r = {
		.cpu = { .shares = SOME(1024), .quota = SOME(5000),
			 .period = SOME(20000), .burst = SOME(100),
			 .cpus = "0-1", .mems = "0" },
		.pids = SOME(-1),
	};

	check(&r, NULL, "cpu.cfs_period_us=20000;cpu.cfs_burst_us=100;"
	      "cpu.cfs_quota_us=5000;pids.max=max;cpu.shares=1024;"
	      "cpuset.cpus=0-1;cpuset.mems=0;",
	      "pids.max=max;cpu.max.burst=100;cpu.weight=100;"
	      "cpu.max=5000 20000;cpuset.cpus=0-1;cpuset.mems=0;");
}

static void a_period_alone_keeps_the_quota_in_force(void **state)
{
	struct resources r = { .cpu.period = SOME(7000) };
	struct cgroup_current some = { .quota = 3000 }, none = { .quota = -1 };

	check(&r, &some, "cpu.cfs_period_us=7000;", "cpu.max=3000 7000;");
	check(&r, &none, NULL, "cpu.max=max 7000;");
}

static void a_quota_alone_keeps_the_period_in_force(void **state)
{
	struct resources r = { .cpu.quota = SOME(3000) };
	struct resources none = { .cpu.quota = SOME(-1) };

	check(&r, NULL, "cpu.cfs_quota_us=3000;", "cpu.max=3000;");
	check(&none, NULL, "cpu.cfs_quota_us=-1;", "cpu.max=max;");
}

static void an_idle_group_has_no_shares(void **state)
{
	struct resources r = { .cpu = { .idle = SOME(1), .shares = SOME(512) } };

	check(&r, NULL, "cpu.idle=1;", "cpu.idle=1;");
	r.cpu.idle.value = 0;
	check(&r, NULL, "cpu.idle=0;cpu.shares=512;", "cpu.idle=0;cpu.weight=59;");
}

static void shares_follow_the_curve(void **state)
{
	static const struct {
		uint64_t shares, weight;
	} table[] = {
		{ 0, 1 }, { 1, 1 }, { 2, 1 }, { 1024, 100 }, { 262144, 10000 },
		{ 262143, 10000 }, { 1048576, 10000 }, { 100, 17 }, { 512, 59 },
		{ 2048, 174 }, { 3, 2 }, { 260000, 9929 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(cgroup_settings_weight(table[i].shares),
				 table[i].weight);
	for (uint64_t x = 2; x < 262144; x += 37)
		assert_true(cgroup_settings_weight(x) <=
			    cgroup_settings_weight(x + 37));
}

static void shares_that_the_kernel_would_change_are_refused(void **state)
{
	struct resources few = { .cpu.shares = SOME(1) };
	struct resources many = { .cpu.shares = SOME(262145) };

	refused(&few, CGROUP_V1, "the minimum allowed cpu-shares is 2");
	refused(&many, CGROUP_V1, "the maximum allowed cpu-shares is 262144");
}

/* ---- the others ---- */

static void block_limits_have_their_files(void **state)
{
	static const struct resources_weight weights[] = {
		{ .major = 8, .minor = 0, .weight = SOME(10) },
	};
	static const struct resources_rate rates[] = {
		{ .major = 8, .minor = 16, .rate = 4096 },
	};
	struct resources r = { .block = {
		.weight = SOME(1000), .devices = weights, .n_devices = 1,
		.read_bps = { rates, 1 }, .write_iops = { rates, 1 },
	} };

	check(&r, NULL, "blkio.weight=1000;blkio.bfq.weight=1000;"
	      "blkio.weight_device=8:0 10;blkio.bfq.weight_device=8:0 10;"
	      "blkio.throttle.read_bps_device=8:16 4096;"
	      "blkio.throttle.write_iops_device=8:16 4096;",
	      "io.bfq.weight=1000;io.weight=10000;"
	      "io.bfq.weight=8:0 10;io.weight=8:0 1;"
	      "io.max=8:16 rbps=4096;io.max=8:16 wiops=4096;");
	r.block.weight.value = 5;
	refused(&r, CGROUP_V1, "between 10 and 1000");
	refused(&r, CGROUP_V2, "between 10 and 1000");
}

static void huge_pages_and_rdma_have_their_files(void **state)
{
	static const struct resources_hugetlb pages[] = { { "2MB", 4194304 } };
	static const struct resources_hugetlb evil[] = { { "../x", 1 } };
	static const struct resources_rdma rdma[] = {
		{ .name = "mlx5_1", .handles = SOME(3), .objects = SOME(7) },
	};
	struct resources r = { .hugetlb = pages, .n_hugetlb = 1, .rdma = rdma,
			       .n_rdma = 1 };

	check(&r, NULL, "hugetlb.2MB.limit_in_bytes=4194304;"
	      "hugetlb.2MB.rsvd.limit_in_bytes=4194304;"
	      "rdma.max=mlx5_1 hca_handle=3 hca_object=7;",
	      "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304;"
	      "rdma.max=mlx5_1 hca_handle=3 hca_object=7;");
	r.hugetlb = evil;
	refused(&r, CGROUP_V1, "hugepageLimits[0]: not a page size");
}

static void raw_files_come_last_and_line_by_line(void **state)
{
	static const struct resources_pair pairs[] = {
		{ "memory.max", "max" }, { "io.max", "8:0 rbps=1\n8:16 rbps=2\n" },
	};
	static const struct resources_pair evil[] = { { "../x", "1" } };
	static const struct resources_pair odd[] = { { "memory", "1" } };
	struct resources r = { .memory.limit = SOME(9), .unified = pairs,
			       .n_unified = 2 };

	check(&r, NULL, NULL, "memory.max=9;memory.max=max;io.max=8:0 rbps=1;"
	      "io.max=8:16 rbps=2;");
	refused(&r, CGROUP_V1, "cannot use unified on cgroup v1");
	r.unified = evil;
	r.n_unified = 1;
	refused(&r, CGROUP_V2, "unified[\"../x\"]: must be a file name");
	r.unified = odd;
	refused(&r, CGROUP_V2, "has not the form CONTROLLER.VALUE `memory`");
}

static void what_v2_has_no_word_for_is_refused(void **state)
{
	struct resources rt = { .cpu.realtime_runtime = SOME(5) };
	struct resources net = { .class_id = SOME(5) };

	refused(&rt, CGROUP_V2, "linux.resources.cpu.realtimeRuntime: ");
	refused(&net, CGROUP_V2, "linux.resources.network.classID: ");
	check(&rt, NULL, "cpu.rt_runtime_us=5;", NULL);
	check(&net, NULL, "net_cls.classid=5;", NULL);
}

static void devices_of_v1_start_from_nothing(void **state)
{
	static const struct resources_device rules[] = {
		{ .allow = true, .type = 'c', .major = 1, .minor = 3,
		  .read = true },
		{ .allow = false, .type = 'b', .major = -1, .minor = -1,
		  .mknod = true },
	};
	struct resources r = { .devices = rules, .n_devices = 2 };

	check(&r, NULL, "devices.deny=a;devices.allow=c 1:3 r;"
	      "devices.deny=b *:* m;", "");
}

/* ---- paths ---- */

static void the_group_is_where_the_path_says(void **state)
{
	static const struct {
		const char *path;
		bool systemd;
		enum cgroup_version version;
		const char *result;		/* NULL: refused */
	} table[] = {
		{ NULL, false, CGROUP_V2, "/dynorun/c1" },
		{ "", false, CGROUP_V1, "/dynorun/c1" },
		{ "/a/b", false, CGROUP_V2, "/a/b" },
		{ "//a///b/", false, CGROUP_V1, "/a/b" },
		{ "a/b", false, CGROUP_V1, "/a/b" },
		{ "a/b", false, CGROUP_V2, "/user.slice/a/b" },
		{ "/a/../b", false, CGROUP_V1, NULL },
		{ "..", false, CGROUP_V1, NULL },
		{ "/a/./b", false, CGROUP_V2, NULL },
		{ "/", false, CGROUP_V2, NULL },
		{ "///", false, CGROUP_V1, NULL },
		{ "/a\nb", false, CGROUP_V1, NULL },
		{ "/...", false, CGROUP_V1, "/..." },
		{ NULL, true, CGROUP_V2,
		  "/system.slice/dynorun-c1.scope" },
		{ "machine-x.slice:libpod:f00", true, CGROUP_V2,
		  "/machine.slice/machine-x.slice/libpod-f00.scope" },
		{ ":libpod:f00", true, CGROUP_V1,
		  "/system.slice/libpod-f00.scope" },
		{ "-.slice::f00", true, CGROUP_V1, "/f00.scope" },
		{ "user.slice:p:user-1.slice", true, CGROUP_V1,
		  "/user.slice/user-1.slice" },
		{ "/a/b", true, CGROUP_V1, NULL },
		{ "a.slice:b", true, CGROUP_V1, NULL },
		{ "a.slice:b:c:d", true, CGROUP_V1, NULL },
		{ "a.slice:b:", true, CGROUP_V1, NULL },
		{ "a:b:c", true, CGROUP_V1, NULL },
		{ "a--b.slice:b:c", true, CGROUP_V1, NULL },
		{ "-a.slice:b:c", true, CGROUP_V1, NULL },
		{ "../a.slice:b:c", true, CGROUP_V1, NULL },
		{ "a.slice:..:/c", true, CGROUP_V1, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct cgroup_path_input in = {
			.path = table[i].path, .id = "c1", .prefix = "dynorun",
			.systemd = table[i].systemd,
			.version = table[i].version,
			.own = "/user.slice/session.scope",
		};
		auto_free char *path = NULL;
		struct error e = { 0 };
		int r = cgroup_path_resolve(&in, &path, &e);

		if (!table[i].result)
			assert_int_equal(r, -EINVAL);
		else if (r < 0)
			fail_msg("%s", e.msg);
		else
			assert_string_equal(path, table[i].result);
	}
}

/* ---- counters, from ordinary files ---- */

static void put(int fd, const char *file, const char *text)
{
	struct error e = { 0 };

	if (file_write_fast(fd, file, text, strlen(text), 0600, &e) < 0)
		fail_msg("%s", e.msg);
}

static void counters_of_v2_speak_the_words_of_v1(void **state)
{
	char dir[] = "/tmp/test-cgroup-XXXXXX";
	struct cgroup_trees trees = {
		.version = CGROUP_V2, .n = 1,
		.v = { { .controllers = CGROUP_UNIFIED, .parent_fd = -1 } },
	};
	struct cgroup_dirs dirs = { .trees = &trees };
	auto_(cgroup_usage_free_p) struct cgroup_usage *u = NULL;
	auto_close int fd = -1;

	assert_non_null(mkdtemp(dir));
	dirs.fds[0] = fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(fd, "cpu.stat", "usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\n"
	    "nr_periods 5\nnr_throttled 2\nthrottled_usec 7\n");
	put(fd, "memory.current", "4096\n");
	put(fd, "memory.max", "max\n");
	put(fd, "memory.swap.current", "100\n");
	put(fd, "memory.swap.max", "200\n");
	put(fd, "memory.stat", "anon 1\nfile 2\nfile_mapped 3\n");
	put(fd, "memory.pressure", "some avg10=1.50 avg60=0.00 avg300=0.25 "
	    "total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
	put(fd, "io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n");
	put(fd, "pids.current", "3\n");
	put(fd, "pids.max", "max\n");
	put(fd, "hugetlb.2MB.current", "2097152\n");
	put(fd, "hugetlb.2MB.rsvd.current", "1\n");
	u = cgroup_usage_read(&dirs);
	assert_int_equal(u->cpu.total, 3000000);
	assert_int_equal(u->cpu.throttled, 7000);
	assert_int_equal(u->cpu.throttled_periods, 2);
	assert_int_equal(u->memory.usage.usage, 4096);
	assert_true(u->memory.usage.limit == UINT64_MAX);
	assert_int_equal(u->memory.swap.usage, 4196);
	assert_true(u->memory.swap.limit == UINT64_MAX);
	assert_int_equal(u->memory.cache, 2);
	assert_int_equal(u->memory.n_raw, 3);
	assert_string_equal(u->memory.raw[2].key, "file_mapped");
	assert_true(u->memory.pressure.known);
	assert_true(u->memory.pressure.some.avg10 > 1.4);
	assert_int_equal(u->memory.pressure.full.total, 5);
	assert_false(u->cpu.pressure.known);
	assert_int_equal(u->io.service_bytes.n, 3);
	assert_string_equal(u->io.service_bytes.v[1].op, "Write");
	assert_int_equal(u->io.service_bytes.v[1].value, 20);
	assert_int_equal(u->pids.limit, 0);
	assert_int_equal(u->n_hugetlb, 1);
	assert_string_equal(u->hugetlb[0].size, "2MB");
	assert_int_equal(u->hugetlb[0].usage, 2097152);
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_limits_have_their_files),
		cmocka_unit_test(no_memory_limit_means_no_swap_limit),
		cmocka_unit_test(swap_alone_refers_to_the_limit_in_force),
		cmocka_unit_test(swap_below_memory_is_refused_on_v2),
		cmocka_unit_test(no_swap_at_all_needs_no_limit_on_v2),
		cmocka_unit_test(zero_is_not_given),
		cmocka_unit_test(processor_limits_have_their_files),
		cmocka_unit_test(a_period_alone_keeps_the_quota_in_force),
		cmocka_unit_test(a_quota_alone_keeps_the_period_in_force),
		cmocka_unit_test(an_idle_group_has_no_shares),
		cmocka_unit_test(shares_follow_the_curve),
		cmocka_unit_test(shares_that_the_kernel_would_change_are_refused),
		cmocka_unit_test(block_limits_have_their_files),
		cmocka_unit_test(huge_pages_and_rdma_have_their_files),
		cmocka_unit_test(raw_files_come_last_and_line_by_line),
		cmocka_unit_test(what_v2_has_no_word_for_is_refused),
		cmocka_unit_test(devices_of_v1_start_from_nothing),
		cmocka_unit_test(the_group_is_where_the_path_says),
		cmocka_unit_test(counters_of_v2_speak_the_words_of_v1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
