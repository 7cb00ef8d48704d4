/*
 * test-plan_rootfs.c - from a configuration to the operations that build the root.
 */
#include "tests/runtime/oci_plan.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <setjmp.h>
#include <cmocka.h>

#define OWN ",'linux':{'namespaces':[{'type':'mount'}]}"
#define MOUNTS(list) CONFIG("", ",'mounts':[" list "]" OWN)
#define ONE(options) \
	MOUNTS("{'destination':'/x','type':'tmpfs','source':'s','options':[" options "]}")
#define TREE(options) \
	MOUNTS("{'destination':'/x','source':'/s','options':[" options "]}")
#define GROUPS(options, namespaces) \
	CONFIG("", ",'mounts':[{'destination':'/c','type':'cgroup','options':[" options \
	       "]}],'linux':{'namespaces':[{'type':'mount'}" namespaces "]}")

/* ---- entering ---- */

static void without_a_mount_namespace_nothing_is_mounted(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, CONFIG("", ",'mounts':[{'destination':'/proc','type':'proc'}]"));
	oci_plan_has(&t, "rootfs: change root to /b/r\n");
	oci_plan_lacks(&t, "mount ");
	oci_plan_lacks(&t, "make node");
	oci_plan_lacks(&t, "pivot");
	oci_plan_deinit(&t);
}

static void a_root_is_pivoted_to(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, OWN_MOUNTS(""));
	oci_plan_has(&t, "rootfs: pivot to .\n");
	assert_int_equal(oci_plan_op(&t, PLAN_ROOT, "/b/r")->fd, 100);
	assert_null(oci_plan_op(&t, PLAN_CHROOT, NULL));
	assert_true(t.plan.in_root);
	oci_plan_deinit(&t);
}

static void without_pivot_what_shows_the_host_goes_first(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, OWN_MOUNTS(""));
	t.in.no_pivot = true;
	strv_add(&t.in.reveals, "/proc");
	strv_add(&t.in.reveals, "/sys");
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "rootfs: take away /proc of the host\n"
		     "rootfs: take away /sys of the host\n"
		     "rootfs: move . over /\nrootfs: change root to .\n");
	oci_plan_lacks(&t, "pivot");
	strv_deinit(&t.in.reveals);
	oci_plan_deinit(&t);
}

static void a_joined_namespace_keeps_its_root(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, CONFIG("", ",'linux':{'namespaces':["
				 "{'type':'mount','path':'/m'}]}"));
	t.in.namespace_fds[OCI_NS_MOUNT] = 9;
	t.in.no_pivot = true;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "rootfs: change root to .\n");
	oci_plan_lacks(&t, "pivot");
	oci_plan_lacks(&t, "move");
	oci_plan_deinit(&t);
}

static void propagation_and_read_only_wait_until_all_is_made(void **state)
{
	static const struct { const char *word; unsigned long type; bool all; } words[] = {
		{ "shared", MS_SHARED, false },	{ "rshared", MS_SHARED, true },
		{ "slave", MS_SLAVE, false },	{ "rslave", MS_SLAVE, true },
		{ "private", MS_PRIVATE, false }, { "rprivate", MS_PRIVATE, true },
		{ "unbindable", MS_UNBINDABLE, false },
		{ "runbindable", MS_UNBINDABLE, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		auto_free char *config = xasprintf(
			"{'ociVersion':'1.2.0','root':{'path':'r','readonly':true},"
			"'process':{'cwd':'/','args':['sh']},"
			"'linux':{'namespaces':[{'type':'mount'}],"
			"'rootfsPropagation':'%s'}}", words[i].word);
		const struct plan_op *op;
		struct oci_plan t;

		oci_plan_make(&t, config);
		op = oci_plan_op(&t, PLAN_ATTR, ".");
		assert_int_equal(op[0].num[PLAN_PROPAGATION], words[i].type);
		assert_int_equal(op[0].flags, words[i].all ? AT_RECURSIVE : 0);
		assert_int_equal(op[0].attr, 0);
		assert_int_equal(op[1].kind, PLAN_ATTR);
		assert_int_equal(op[1].attr, MOUNT_ATTR_RDONLY);
		assert_int_equal(op[1].num[PLAN_PROPAGATION], 0);
		assert_int_equal(op[2].kind, PLAN_CHDIR);
		oci_plan_deinit(&t);
	}
}

/* ---- mounts ---- */

static void mounts_come_in_the_order_of_the_configuration(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, MOUNTS(
		"{'destination':'/b','type':'tmpfs'},"
		"{'destination':'/b/c','source':'/s','options':['bind']},"
		"{'destination':'a','type':'proc'}"));
	t.sources[1].fd = 31;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "rootfs: mount tmpfs at b\nrootfs: attach layer b/c\n"
		     "rootfs: mount proc at a\n");
	oci_plan_deinit(&t);
}

static void words_of_a_new_file_system_are_attributes_or_its_own(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, ONE("'nosuid','noexec','size=64k','mode=700','sync','x-gvfs'"));
	oci_plan_has(&t, "rootfs: mount tmpfs at x (nosuid, noexec, source=s, sync, "
		     "size=64k, mode=700)\n");
	op = oci_plan_op(&t, PLAN_MOUNT, "x");
	assert_int_equal(op->make, PLAN_MAKE_DIR);
	assert_false(op->copy_mode);
	oci_plan_deinit(&t);
	oci_plan_make(&t, ONE(""));
	assert_true(oci_plan_op(&t, PLAN_MOUNT, "x")->copy_mode);
	oci_plan_deinit(&t);
}

/* Or nothing could be put into it. */
static void a_tmpfs_becomes_read_only_when_it_is_full(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, MOUNTS(
		"{'destination':'/dev','type':'tmpfs','options':['ro','mode=755']},"
		"{'destination':'/proc','type':'proc','options':['ro']}"));
	oci_plan_has(&t, "rootfs: mount tmpfs at dev (mode=755)\n"
		     "rootfs: mount proc at proc (ro)\n");
	oci_plan_has(&t, "rootfs: link /proc/self/fd/2 at dev/stderr\n"
		     "rootfs: change attributes of dev (ro)\n");
	oci_plan_deinit(&t);
}

static void propagation_words_become_operations_in_their_order(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, ONE("'rslave','shared'"));
	op = oci_plan_op(&t, PLAN_ATTR, "x");
	assert_non_null(op);
	assert_int_equal(op[0].num[PLAN_PROPAGATION], MS_SLAVE);
	assert_int_equal(op[0].flags, AT_RECURSIVE);
	assert_int_equal(op[1].num[PLAN_PROPAGATION], MS_SHARED);
	assert_int_equal(op[1].flags, 0);
	assert_int_equal(oci_plan_count(&t, PLAN_ATTR), 2);
	oci_plan_deinit(&t);
	/* A tree has them already, but one that could not be attached then. */
	oci_plan_make(&t, TREE("'bind','rprivate'"));
	assert_int_equal(oci_plan_count(&t, PLAN_ATTR), 0);
	oci_plan_deinit(&t);
	oci_plan_make(&t, TREE("'bind','runbindable'"));
	assert_int_equal(oci_plan_op(&t, PLAN_ATTR, "x")->num[PLAN_PROPAGATION],
			 MS_UNBINDABLE);
	assert_int_equal(oci_plan_count(&t, PLAN_ATTR), 1);
	oci_plan_deinit(&t);
}

static void remount_changes_what_is_there(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, TREE("'bind','remount','ro','suid'"));
	op = oci_plan_op(&t, PLAN_ATTR, "x");
	assert_int_equal(op->attr, MOUNT_ATTR_RDONLY);
	assert_int_equal(op->clear, MOUNT_ATTR_NOSUID);
	oci_plan_has(&t, "rootfs: change attributes of x (ro, suid)\n");
	oci_plan_lacks(&t, "attach");
	oci_plan_deinit(&t);
}

static void what_the_parent_has_made_is_attached(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_init(&t, MOUNTS(
		"{'destination':'/d','source':'/s','options':['rbind']},"
		"{'destination':'/f','source':'/s','options':['bind']},"
		"{'destination':'/t','type':'tmpfs','options':['tmpcopyup']},"
		"{'destination':'/i','source':'/s','type':'none','options':['idmap','bind'],"
		"'uidMappings':[{'containerID':0,'hostID':1,'size':1}],"
		"'gidMappings':[{'containerID':0,'hostID':1,'size':1}]}"));
	for (int i = 0; i < 4; i++)
		t.sources[i].fd = 30 + i;
	t.sources[1].is_file = true;
	assert_int_equal(oci_plan_build(&t), 0);
	op = oci_plan_op(&t, PLAN_TREE, NULL);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(op[i].kind, PLAN_TREE);
		assert_int_equal(op[i].fd, 30 + i);
		assert_int_equal(op[i].make, i == 1 ? PLAN_MAKE_FILE : PLAN_MAKE_DIR);
		assert_false(op[i].num[PLAN_RENEW]);
	}
	oci_plan_deinit(&t);
}

static void a_tree_is_renewed_when_it_would_look_older_than_one_before_it(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, MOUNTS("{'destination':'/a','source':'/s','options':['bind']},"
				 "{'destination':'/p','type':'proc'},"
				 "{'destination':'/b','source':'/s','options':['bind']}"));
	t.sources[0].fd = t.sources[2].fd = 31;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_false(oci_plan_op(&t, PLAN_TREE, "a")->num[PLAN_RENEW]);
	assert_true(oci_plan_op(&t, PLAN_TREE, "b")->num[PLAN_RENEW]);
	oci_plan_deinit(&t);
}

static void a_mount_without_type_or_bind_is_refused_by_its_number(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, MOUNTS("{'destination':'/p','type':'proc'},"
				 "{'destination':'/x','source':'/s'}"));
	assert_int_equal(oci_plan_build(&t), -EINVAL);
	assert_non_null(strstr(t.e.msg, "mounts[1]"));
	oci_plan_deinit(&t);
}

/* ---- control groups ---- */

static void version_2_is_one_mount_or_the_groups_tree(void **state)
{
	struct plan_hierarchy h = { .name = "unified", .fd = -1 };
	struct oci_plan t;

	oci_plan_init(&t, GROUPS("'ro','nosuid'", ",{'type':'cgroup'}"));
	t.in.cgroup_v2 = true;
	t.in.hierarchies = &h;
	t.in.n_hierarchies = 1;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "rootfs: mount cgroup2 at c (ro, nosuid, source=cgroup)\n");
	h.fd = 41;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "rootfs: attach layer c\n");
	oci_plan_lacks(&t, "mount cgroup");
	assert_int_equal(oci_plan_op(&t, PLAN_TREE, "c")->fd, 41);
	oci_plan_deinit(&t);
}

static void version_1_is_a_directory_for_each_hierarchy(void **state)
{
	struct plan_hierarchy h[] = {
		{ .name = "cpu,cpuacct", .options = "cpu,cpuacct", .fd = -1 },
		{ .name = "systemd", .options = "none,name=systemd", .fd = -1 },
	};
	struct oci_plan t;

	oci_plan_init(&t, GROUPS("'ro','noexec'", ",{'type':'cgroup'}"));
	t.in.hierarchies = h;
	t.in.n_hierarchies = ARRAY_SIZE(h);
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t,
		"rootfs: mount tmpfs at c (noexec, source=tmpfs, mode=755, size=65536)\n"
		"rootfs: mount cgroup at c/cpu,cpuacct (ro, noexec, source=cgroup, cpu, "
		"cpuacct)\n"
		"rootfs: link cpu,cpuacct at c/cpu\n"
		"rootfs: link cpu,cpuacct at c/cpuacct\n"
		"rootfs: mount cgroup at c/systemd (ro, noexec, source=cgroup, none, "
		"name=systemd)\n"
		"rootfs: change attributes of c (ro)\n");
	h[0].fd = 41;
	h[1].fd = 42;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "rootfs: attach layer c/cpu,cpuacct\n"
		     "rootfs: link cpu,cpuacct at c/cpu\n");
	assert_int_equal(oci_plan_op(&t, PLAN_TREE, "c/systemd")->fd, 42);
	oci_plan_deinit(&t);
}

/* ---- devices ---- */

static void every_container_has_the_default_devices_and_links(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, OWN_MOUNTS(""));
	op = oci_plan_op(&t, PLAN_NODE, "dev/urandom");
	assert_int_equal(op->mode, S_IFCHR | 0666);
	assert_int_equal(op->rdev, makedev(1, 9));
	assert_int_equal(oci_plan_count(&t, PLAN_NODE), 6);
	assert_int_equal(oci_plan_count(&t, PLAN_LINK), 4);
	assert_null(oci_plan_op(&t, PLAN_LINK, "dev/ptmx"));
	oci_plan_deinit(&t);
	oci_plan_make(&t, MOUNTS("{'destination':'/dev/pts/','type':'devpts'}"));
	assert_string_equal(oci_plan_op(&t, PLAN_LINK, "dev/ptmx")->from, "pts/ptmx");
	oci_plan_deinit(&t);
}

#define DEVICES \
	"'devices':[{'path':'/dev/null','type':'c','major':1,'minor':3," \
	"'fileMode':384,'uid':7,'gid':8}," \
	"{'path':'/dev/b/','type':'b','major':7,'minor':2}," \
	"{'path':'/dev/p','type':'p'}]"

static void configured_devices_replace_the_default_ones(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, OWN_MOUNTS("," DEVICES));
	assert_int_equal(oci_plan_count(&t, PLAN_NODE), 8);
	op = oci_plan_op(&t, PLAN_NODE, "dev/null");
	assert_int_equal(op->mode, S_IFCHR | 0600);
	assert_int_equal(op->uid, 7);
	assert_int_equal(op->gid, 8);
	op = oci_plan_op(&t, PLAN_NODE, "dev/b");
	assert_int_equal(op->mode, S_IFBLK | 0666);
	assert_int_equal(op->rdev, makedev(7, 2));
	op = oci_plan_op(&t, PLAN_NODE, "dev/p");
	assert_int_equal(op->mode, S_IFIFO | 0666);
	assert_int_equal(op->rdev, 0);
	oci_plan_deinit(&t);
}

static void in_a_user_namespace_nodes_come_from_outside(void **state)
{
	const int made[] = { 51, 52, -1 }, none[] = { -1, -1, -1 };
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_init(&t, CONFIG("", ",'linux':{'namespaces':[{'type':'mount'},"
		"{'type':'user'}],'uidMappings':[{'containerID':0,'hostID':9,'size':9}],"
		"'gidMappings':[{'containerID':0,'hostID':9,'size':9}]," DEVICES "}"));
	t.in.devices = made;
	assert_int_equal(oci_plan_build(&t), 0);
	op = oci_plan_op(&t, PLAN_TREE, "dev/null");
	assert_int_equal(op->fd, 51);
	assert_int_equal(op->make, PLAN_MAKE_FILE);
	assert_int_equal(oci_plan_op(&t, PLAN_TREE, "dev/b")->fd, 52);
	assert_non_null(oci_plan_op(&t, PLAN_NODE, "dev/p"));
	assert_int_equal(oci_plan_count(&t, PLAN_DEVICE), 5);
	/* A kernel that could not hold them: the host's own. */
	t.in.devices = none;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_int_equal(oci_plan_count(&t, PLAN_TREE), 0);
	assert_int_equal(oci_plan_count(&t, PLAN_DEVICE), 7);
	op = oci_plan_op(&t, PLAN_DEVICE, "dev/null");
	assert_string_equal(op->from, "/dev/null");
	assert_int_equal(op->rdev, makedev(1, 3));
	assert_int_equal(op->attr, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	oci_plan_deinit(&t);
}

static void a_dev_from_outside_is_left_as_it_is(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, MOUNTS("{'destination':'/dev/','source':'/d',"
				 "'options':['bind']}"));
	t.sources[0].fd = 31;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_lacks(&t, "make node");
	oci_plan_lacks(&t, "rootfs: link");
	oci_plan_deinit(&t);
}

/* ---- what is protected ---- */

static void masked_and_read_only_paths_are_done_last(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, CONFIG("", ",'mounts':[{'destination':'/proc','type':'proc'}],"
		"'linux':{'namespaces':[{'type':'mount'}],"
		"'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys']}"));
	oci_plan_has(&t, "rootfs: protect proc/sys (ro)\n"
		     "rootfs: mask proc/kcore (ro, nosuid, nodev, noexec)\n"
		     "rootfs: pivot to .\n");
	op = oci_plan_op(&t, PLAN_MASK, NULL);
	assert_int_equal(op->fd, 102);
	assert_int_equal(op->num[0], 101);
	oci_plan_deinit(&t);
}

static void the_working_directory_is_made(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, "{'ociVersion':'1.2.0','root':{'path':'r'},"
		      "'process':{'cwd':'/a/b','args':['sh']}" OWN "}");
	oci_plan_has(&t, "rootfs: make directory a/b\n");
	oci_plan_has(&t, "exec: change directory to /a/b\n");
	oci_plan_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_mount_namespace_nothing_is_mounted),
		cmocka_unit_test(a_root_is_pivoted_to),
		cmocka_unit_test(without_pivot_what_shows_the_host_goes_first),
		cmocka_unit_test(a_joined_namespace_keeps_its_root),
		cmocka_unit_test(propagation_and_read_only_wait_until_all_is_made),
		cmocka_unit_test(mounts_come_in_the_order_of_the_configuration),
		cmocka_unit_test(words_of_a_new_file_system_are_attributes_or_its_own),
		cmocka_unit_test(a_tmpfs_becomes_read_only_when_it_is_full),
		cmocka_unit_test(propagation_words_become_operations_in_their_order),
		cmocka_unit_test(remount_changes_what_is_there),
		cmocka_unit_test(what_the_parent_has_made_is_attached),
		cmocka_unit_test(
			a_tree_is_renewed_when_it_would_look_older_than_one_before_it),
		cmocka_unit_test(a_mount_without_type_or_bind_is_refused_by_its_number),
		cmocka_unit_test(version_2_is_one_mount_or_the_groups_tree),
		cmocka_unit_test(version_1_is_a_directory_for_each_hierarchy),
		cmocka_unit_test(every_container_has_the_default_devices_and_links),
		cmocka_unit_test(configured_devices_replace_the_default_ones),
		cmocka_unit_test(in_a_user_namespace_nodes_come_from_outside),
		cmocka_unit_test(a_dev_from_outside_is_left_as_it_is),
		cmocka_unit_test(masked_and_read_only_paths_are_done_last),
		cmocka_unit_test(the_working_directory_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
