#include "base/error.h"
#include "runtime/cgroup_limits.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/cgroup_tree.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

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
	assert_int_equal(m.n, 4);
	assert_string_equal(m.v[0].path, "/sys/fs/cgroup/cpu,cpuacct");
	assert_int_equal(m.v[0].controllers, CGROUP_CPU | CGROUP_CPUACCT);
	assert_string_equal(m.v[1].path, "/sys/fs/cgroup/with blank");
	assert_string_equal(cgroup_mounts_unified(&m)->path,
			    "/sys/fs/cgroup/unified");
	assert_int_equal(cgroup_mounts_v1(&m), CGROUP_CPU | CGROUP_CPUACCT |
			 CGROUP_MEMORY | CGROUP_PIDS);
	cgroup_mounts_deinit(&m);
}

static void second_mount_of_a_hierarchy_is_ignored(void **state)
{
	struct cgroup_mounts m;

	cgroup_mounts_parse(&m, hybrid);
	assert_string_equal(m.v[2].path, "/sys/fs/cgroup/pids");
	assert_true(m.v[3].unified);
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

static const char *text_of(enum cgroup_value value, const struct dyno_limits *l,
			   char out[CGROUP_LIMIT_TEXT_MAX])
{
	struct cgroup_setting s = { .value = value };

	return cgroup_limits_text(&s, l, out);
}

static void limits_become_the_text_of_control_files(void **state)
{
	struct dyno_limits l = {
		.memory = 512ULL << 20, .memory_swap = 1ULL << 30, .pids = 256,
		.cpu_shares = 2048,
	};
	char out[CGROUP_LIMIT_TEXT_MAX];

	assert_string_equal(text_of(CGROUP_VALUE_MEMORY, &l, out), "536870912");
	assert_string_equal(text_of(CGROUP_VALUE_MEMORY_SWAP, &l, out),
			    "1073741824");
	assert_string_equal(text_of(CGROUP_VALUE_PIDS, &l, out), "256");
	assert_string_equal(text_of(CGROUP_VALUE_SHARES, &l, out), "2048");
	assert_string_equal(text_of(CGROUP_VALUE_WEIGHT, &l, out), "200");
}

static void hard_limit_is_never_below_the_quota(void **state)
{
	struct dyno_limits l = { .memory = 100, .memory_swap = 50 };
	char out[CGROUP_LIMIT_TEXT_MAX];

	assert_string_equal(text_of(CGROUP_VALUE_MEMORY_SWAP, &l, out), "100");
}

static void cpu_values_stay_within_what_the_kernel_takes(void **state)
{
	struct dyno_limits none = { .cpu_shares = 0 };
	struct dyno_limits all = { .cpu_shares = UINT32_MAX };
	char out[CGROUP_LIMIT_TEXT_MAX];

	assert_string_equal(text_of(CGROUP_VALUE_SHARES, &none, out), "2");
	assert_string_equal(text_of(CGROUP_VALUE_WEIGHT, &none, out), "1");
	assert_string_equal(text_of(CGROUP_VALUE_SHARES, &all, out), "262144");
	assert_string_equal(text_of(CGROUP_VALUE_WEIGHT, &all, out), "10000");
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
	assert_int_equal(cgroup_tree_remove(&t, "one", &e), 0);
	assert_int_equal(cgroup_tree_remove(&t, "one", &e), 0);
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
		cmocka_unit_test(cpu_values_stay_within_what_the_kernel_takes),
		cmocka_unit_test(keys_are_whole_words),
		cmocka_unit_test(inner_groups_come_before_those_that_hold_them),
		cmocka_unit_test(a_leaf_is_removed_with_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
