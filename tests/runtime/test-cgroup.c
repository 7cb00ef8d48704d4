#include "base/error.h"
#include "runtime/cgroup/cgroup_limits.h"
#include "runtime/cgroup/cgroup_mounts.h"
#include "runtime/cgroup/cgroup_settings.h"
#include "runtime/cgroup/cgroup_tree.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/strv.h"

/* ---- which hierarchies there are ---- */

static const char hybrid[] =
	"23 1 8:1 / / rw - ext4 /dev/vda rw\n"
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup "
	"rw,cpu,cpuacct\n"
	"35 31 0:32 / /sys/fs/cgroup/with\\040blank rw master:1 shared:2 - cgroup "
	"cgroup rw,memory\n"
	"39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
	"38 31 0:35 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
	"40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
	"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	"42 31 0:36 / /mnt/pids rw - cgroup cgroup rw,pids\n";

static void mounts_are_found_by_type_not_by_name(void **state)
{
	struct cgroup_mounts m;

	cgroup_mounts_parse(&m, hybrid);
	assert_int_equal(m.n, 6);
	assert_string_equal(m.v[0].path, "/sys/fs/cgroup/cpu,cpuacct");
	assert_int_equal(m.v[0].controllers, CGROUP_CPU | CGROUP_CPUACCT);
	assert_string_equal(m.v[1].path, "/sys/fs/cgroup/with blank");
	assert_string_equal(cgroup_mounts_unified(&m)->path,
			    "/sys/fs/cgroup/unified");
	assert_int_equal(cgroup_mounts_v1(&m), CGROUP_CPU | CGROUP_CPUACCT |
			 CGROUP_MEMORY | CGROUP_PIDS | CGROUP_BLKIO |
			 CGROUP_NAMED);
	assert_int_equal(m.v[4].controllers, CGROUP_NAMED);
	cgroup_mounts_deinit(&m);
}

static void second_mount_of_a_hierarchy_is_ignored(void **state)
{
	struct cgroup_mounts m;

	cgroup_mounts_parse(&m, hybrid);
	assert_string_equal(m.v[2].path, "/sys/fs/cgroup/pids");
	assert_true(m.v[5].unified);
	cgroup_mounts_deinit(&m);
}

static void broken_mountinfo_gives_no_mounts(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "31 23", "1 2 3 4 5 - cgroup", " - cgroup c rw,pids",
		"1 2 3 / /x rw - cgroup2",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct cgroup_mounts m;

		cgroup_mounts_parse(&m, texts[i]);
		assert_int_equal(m.n, 0);
	}
}

static void own_group_is_that_of_the_unified_hierarchy(void **state)
{
	auto_free char *hybrid_own =
		cgroup_mounts_own("4:memory:/m\n1:name=systemd:/s\n0::/a/b\n");
	auto_free char *unified = cgroup_mounts_own("0::/x.service\n");
	auto_free char *none = cgroup_mounts_own("4:memory:/m\n");

	assert_string_equal(hybrid_own, "/a/b");
	assert_string_equal(unified, "/x.service");
	assert_string_equal(none, "/");
}

/* ---- limits ---- */

static const struct cgroup_limits_host v1_host = {
	.version = CGROUP_V1, .cpu = true, .soft_limit = true, .swap = true,
	.tcp = true,
};
static const struct cgroup_limits_host v2_host = {
	.version = CGROUP_V2, .cpu = true,
};

/* All settings as "file=text " in order. */
static char *text_of(const struct dyno_limits *l,
		     const struct cgroup_limits_host *host)
{
	auto_cgroup_settings s = CGROUP_SETTINGS_INIT("");
	struct cgroup_current none = { .memory = 0 };
	struct error e = { 0 };
	struct cgroup_limits limits;
	auto_buf out = BUF_INIT;
	int r;

	cgroup_limits_fill(&limits, l, host);
	r = host->version == CGROUP_V1
		? cgroup_settings_v1(&s, &limits.resources, &e)
		: cgroup_settings_v2(&s, &limits.resources, &none, &e);
	if (r < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < s.n; i++)
		buf_addf(&out, "%s=%s ", s.v[i].file, s.v[i].text);
	return buf_take(&out);
}

static const struct dyno_limits double_size = {
	.memory = 512ULL << 20, .memory_swap = 1ULL << 30, .pids = 256,
	.cpu_shares = 2048,
};

static void limits_become_the_text_of_control_files(void **state)
{
	auto_free char *v1 = text_of(&double_size, &v1_host);
	auto_free char *v2 = text_of(&double_size, &v2_host);

	assert_string_equal(v1, "memory.limit_in_bytes=1073741824 "
			    "memory.memsw.limit_in_bytes=1073741824 "
			    "memory.soft_limit_in_bytes=536870912 "
			    "memory.kmem.tcp.limit_in_bytes=134217728 "
			    "pids.max=256 cpu.shares=2048 ");
	assert_string_equal(v2, "memory.max=1073741824 pids.max=256 "
			    "memory.swap.max=0 memory.oom.group=1 "
			    "cgroup.max.descendants=16 cpu.weight=200 ");
}

static void what_the_host_lacks_is_not_asked_for(void **state)
{
	struct cgroup_limits_host bare = { .version = CGROUP_V1 };
	auto_free char *v1 = text_of(&double_size, &bare);

	assert_string_equal(v1, "memory.limit_in_bytes=1073741824 pids.max=256 ");
}

static void hard_limit_is_never_below_the_quota(void **state)
{
	struct dyno_limits l = { .memory = 100, .memory_swap = 50, .pids = 1 };
	auto_free char *v1 = text_of(&l, &v1_host);

	assert_non_null(strstr(v1, "memory.limit_in_bytes=100 "));
	assert_non_null(strstr(v1, "memory.memsw.limit_in_bytes=100 "));
}

static void no_limit_of_a_dyno_is_lost_by_being_zero(void **state)
{
	struct dyno_limits l = { .memory = 0 };
	auto_free char *v1 = text_of(&l, &v1_host);
	auto_free char *v2 = text_of(&l, &v2_host);

	assert_non_null(strstr(v1, "memory.limit_in_bytes=1 "));
	assert_non_null(strstr(v1, "pids.max=1 "));
	assert_non_null(strstr(v2, "memory.max=1 "));
	assert_non_null(strstr(v2, "pids.max=1 "));
}

static void cpu_values_stay_within_what_the_kernel_takes(void **state)
{
	struct dyno_limits none = { .cpu_shares = 0 };
	struct dyno_limits all = { .cpu_shares = UINT32_MAX };
	auto_free char *none_v1 = text_of(&none, &v1_host);
	auto_free char *none_v2 = text_of(&none, &v2_host);
	auto_free char *all_v1 = text_of(&all, &v1_host);
	auto_free char *all_v2 = text_of(&all, &v2_host);

	assert_non_null(strstr(none_v1, "cpu.shares=2 "));
	assert_non_null(strstr(none_v2, "cpu.weight=1 "));
	assert_non_null(strstr(all_v1, "cpu.shares=262144 "));
	assert_non_null(strstr(all_v2, "cpu.weight=10000 "));
}

/* ---- control files, on an ordinary directory ---- */

static void keys_are_whole_words(void **state)
{
	char dir[] = "/tmp/test-cgroup-XXXXXX";
	const char text[] = "low 1\noom 2\noom_kill 3\noom_group_kill 4\n";
	struct error e = { 0 };
	auto_close int fd = -1;
	uint64_t x = 0;

	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_write_fast(fd, "events", text, strlen(text), 0600,
					 &e), 0);
	assert_int_equal(cgroup_tree_read_key(fd, "events", "oom_kill", &x, &e),
			 0);
	assert_int_equal(x, 3);
	assert_int_equal(cgroup_tree_read_key(fd, "events", "oom", &x, &e), 0);
	assert_int_equal(x, 2);
	assert_int_equal(cgroup_tree_read_key(fd, "events", "kill", &x, &e),
			 -ENOENT);
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, &e), 0);
}

static void inner_groups_come_before_those_that_hold_them(void **state)
{
	char dir[] = "/tmp/test-cgroup-XXXXXX";
	auto_strv groups = STRV_INIT;
	struct error e = { 0 };
	auto_close int fd = -1;

	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fd, "a", 0700), 0);
	assert_int_equal(mkdirat(fd, "a/b", 0700), 0);
	assert_int_equal(cgroup_tree_groups(fd, &groups, &e), 0);
	assert_int_equal(groups.n, 3);
	assert_string_equal(groups.v[0], "./a/b");
	assert_string_equal(groups.v[1], "./a");
	assert_string_equal(groups.v[2], ".");
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, &e), 0);
}

static void a_leaf_is_removed_with_what_is_in_it(void **state)
{
	char dir[] = "/tmp/test-cgroup-XXXXXX";
	struct cgroup_tree t = CGROUP_TREE_INIT;
	auto_strv leaves = STRV_INIT;
	struct error e = { 0 };

	assert_non_null(mkdtemp(dir));
	assert_int_equal(cgroup_tree_open(&t, CGROUP_PIDS, dir, "dyno0", &e), 0);
	assert_int_equal(cgroup_tree_make(&t, "one", &e), 0);
	assert_int_equal(cgroup_tree_make(&t, "one", &e), -EEXIST);
	assert_int_equal(mkdirat(t.parent_fd, "one/inner", 0700), 0);
	assert_int_equal(cgroup_tree_list(&t, &leaves, &e), 0);
	assert_int_equal(leaves.n, 1);
	assert_int_equal(cgroup_tree_wipe(&t, &e), -ENOTEMPTY);
	assert_int_equal(cgroup_tree_remove(&t, "one", 20, &e), 0);
	assert_int_equal(cgroup_tree_remove(&t, "one", 20, &e), 0);
	assert_int_equal(cgroup_tree_wipe(&t, &e), 0);
	assert_int_equal(cgroup_tree_wipe(&t, &e), 0);
	cgroup_tree_deinit(&t);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_are_found_by_type_not_by_name),
		cmocka_unit_test(second_mount_of_a_hierarchy_is_ignored),
		cmocka_unit_test(broken_mountinfo_gives_no_mounts),
		cmocka_unit_test(own_group_is_that_of_the_unified_hierarchy),
		cmocka_unit_test(limits_become_the_text_of_control_files),
		cmocka_unit_test(hard_limit_is_never_below_the_quota),
		cmocka_unit_test(what_the_host_lacks_is_not_asked_for),
		cmocka_unit_test(no_limit_of_a_dyno_is_lost_by_being_zero),
		cmocka_unit_test(cpu_values_stay_within_what_the_kernel_takes),
		cmocka_unit_test(keys_are_whole_words),
		cmocka_unit_test(inner_groups_come_before_those_that_hold_them),
		cmocka_unit_test(a_leaf_is_removed_with_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
