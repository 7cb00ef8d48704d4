/*
 * test-plan_oci.c - from a configuration to the life of its process: the order of
 * operations, who runs it, what it is limited to. The root is test-plan_rootfs.c.
 */
#include "tests/runtime/oci_plan.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/resource.h>
#include <termios.h>
#include <setjmp.h>
#include <cmocka.h>

#define NAMESPACES(members) CONFIG("", ",'linux':{'namespaces':[" members "]}")
#define MAPS \
	"'uidMappings':[{'containerID':0,'hostID':5000,'size':10}," \
	"{'containerID':10,'hostID':7,'size':1}]," \
	"'gidMappings':[{'containerID':0,'hostID':6000,'size':10}]"
#define HOOK(path) "[{'path':'" path "'}]"

/* ---- all of it ---- */

static const char default_text[] =
	"wait: wait for the parent: user ids\n"
	"session: become session leader\n"
	"session: join session keyring _ses.ID\n"
	"session: set host name dynorun\n"
	"rootfs: take root file system /b/r\n"
	"rootfs: mount proc at proc (source=proc)\n"
	"rootfs: mount tmpfs at dev (nosuid, source=tmpfs, mode=755, size=65536k)\n"
	"rootfs: mount devpts at dev/pts (nosuid, noexec, source=devpts, newinstance, "
	"ptmxmode=0666, mode=0620, gid=5)\n"
	"rootfs: mount tmpfs at dev/shm (nosuid, nodev, noexec, source=shm, mode=1777, "
	"size=65536k)\n"
	"rootfs: mount mqueue at dev/mqueue (nosuid, nodev, noexec, source=mqueue)\n"
	"rootfs: mount sysfs at sys (ro, nosuid, nodev, noexec, source=sysfs)\n"
	"rootfs: mount cgroup2 at sys/fs/cgroup (ro, nosuid, nodev, noexec, "
	"source=cgroup)\n"
	"rootfs: make node dev/null\n"
	"rootfs: make node dev/zero\n"
	"rootfs: make node dev/full\n"
	"rootfs: make node dev/random\n"
	"rootfs: make node dev/urandom\n"
	"rootfs: make node dev/tty\n"
	"rootfs: link /proc/self/fd at dev/fd\n"
	"rootfs: link /proc/self/fd/0 at dev/stdin\n"
	"rootfs: link /proc/self/fd/1 at dev/stdout\n"
	"rootfs: link /proc/self/fd/2 at dev/stderr\n"
	"rootfs: link pts/ptmx at dev/ptmx\n"
	"rootfs: write dev/console\n"
	"rootfs: protect proc/bus (ro)\n"
	"rootfs: protect proc/fs (ro)\n"
	"rootfs: protect proc/irq (ro)\n"
	"rootfs: protect proc/sys (ro)\n"
	"rootfs: protect proc/sysrq-trigger (ro)\n"
	"rootfs: mask proc/acpi (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/asound (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/interrupts (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/kcore (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/keys (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/latency_stats (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/sched_debug (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/scsi (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/timer_list (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask proc/timer_stats (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask sys/devices/virtual/powercap (ro, nosuid, nodev, noexec)\n"
	"rootfs: mask sys/firmware (ro, nosuid, nodev, noexec)\n"
	"rootfs: pivot to .\n"
	"stdio: open a terminal\n"
	"stdio: bind the terminal at dev/console\n"
	"stdio: arrange descriptors\n"
	"limits: set resource limit 7\n"
	"limits: set umask\n"
	"rootfs: change attributes of . (ro)\n"
	"exec: change directory to /\n"
	"exec: find executable file sh\n"
	"start: outlive the parent\n"
	"start: wait for the start\n"
	"privilege: own the standard streams\n"
	"privilege: bound capabilities\n"
	"privilege: set secure bits\n"
	"privilege: set supplementary groups\n"
	"privilege: become user 0\n"
	"privilege: set capabilities\n"
	"privilege: gain no privileges by exec\n"
	"exec: execute sh\n";

static void the_default_configuration_as_text(void **state)
{
	const struct plan_hierarchy unified = { .name = "unified", .fd = -1 };
	auto_free char *config = oci_default_config(false, false), *text = NULL;
	struct oci_plan t;

	oci_plan_init(&t, config);
	t.in.waits = true;
	t.in.cgroup_v2 = true;
	t.in.hierarchies = &unified;
	t.in.n_hierarchies = 1;
	assert_int_equal(oci_plan_build(&t), 0);
	text = plan_text(&t.plan);
	assert_string_equal(text, default_text);
	oci_plan_deinit(&t);
}

static const char all_config[] =
	CONFIG(",'terminal':true,'noNewPrivileges':true,"
	       "'rlimits':[{'type':'RLIMIT_CORE','soft':1,'hard':2}],"
	       "'scheduler':{'policy':'SCHED_BATCH'},"
	       "'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':0}",
	       ",'hostname':'h','domainname':'d',"
	       "'mounts':[{'destination':'/proc','type':'proc'}],"
	       "'hooks':{'prestart':" HOOK("/h1") ",'createContainer':" HOOK("/h2")
	       ",'startContainer':" HOOK("/h3") "},"
	       "'linux':{" MAPS ",'namespaces':[{'type':'user'},{'type':'mount'},"
	       "{'type':'uts'},{'type':'network'},{'type':'cgroup'}],"
	       "'sysctl':{'net.ipv4.ip_forward':'1'},"
	       "'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys'],"
	       "'personality':{'domain':'LINUX32'},'rootfsPropagation':'rslave'}");

/* What one needs another has prepared; nothing is done after its right is gone. */
static void operations_come_in_the_order_of_the_life_cycle(void **state)
{
	static const struct { enum plan_kind kind; const char *to; } order[] = {
		{ PLAN_CGROUP, NULL }, { PLAN_UNSHARE, NULL }, { PLAN_AWAIT, NULL },
		{ PLAN_IDENTITY, NULL }, { PLAN_SESSION, NULL }, { PLAN_KEYRING, NULL },
		{ PLAN_HOSTNAME, NULL }, { PLAN_DOMAINNAME, NULL },
		{ PLAN_NETLINK, NULL }, { PLAN_ROOT, NULL }, { PLAN_MOUNT, "proc" },
		{ PLAN_DEVICE, "dev/null" }, { PLAN_LINK, "dev/fd" },
		{ PLAN_READONLY, "proc/sys" }, { PLAN_MASK, "proc/kcore" },
		{ PLAN_WRITE, "/proc/sys/net/ipv4/ip_forward" }, { PLAN_CALL, NULL },
		{ PLAN_HOOK, NULL }, { PLAN_PIVOT, NULL }, { PLAN_TERMINAL, NULL },
		{ PLAN_CONSOLE, NULL }, { PLAN_STDIO, NULL }, { PLAN_RLIMIT, NULL },
		{ PLAN_SCHEDULER, NULL }, { PLAN_IO_PRIORITY, NULL },
		{ PLAN_PERSONALITY, NULL }, { PLAN_UMASK, NULL }, { PLAN_ATTR, "." },
		{ PLAN_CHDIR, "/" }, { PLAN_LOOKUP, NULL }, { PLAN_SURVIVE, NULL },
		{ PLAN_START, NULL }, { PLAN_OWN_STDIO, NULL }, { PLAN_BOUNDING, NULL },
		{ PLAN_SECUREBITS, NULL }, { PLAN_GROUPS, NULL }, { PLAN_USER, NULL },
		{ PLAN_CAPS, NULL }, { PLAN_NO_NEW_PRIVS, NULL },
		{ PLAN_FILTER, NULL }, { PLAN_EXEC, NULL },
	};
	size_t last = 0, i;
	struct oci_plan t;

	oci_plan_init(&t, all_config);
	t.cgroup.procs_fds[t.cgroup.n_procs_fds++] = 7;
	t.in.cgroup = &t.cgroup;
	t.in.net = "message";
	t.in.net_len = 7;
	t.in.net_acks = 1;
	t.in.waits = true;
	t.in.filter = &t.filter;
	assert_int_equal(oci_plan_build(&t), 0);
	for (size_t k = 0; k < ARRAY_SIZE(order); k++, last = i + 1) {
		i = oci_plan_index(&t, order[k].kind, order[k].to);
		if (i == t.plan.n_ops || i < last)
			fail_msg("operation %zu (kind %d) is at %zu of %zu, after %zu", k,
				 order[k].kind, i, t.plan.n_ops, last);
	}
	assert_int_equal(last, t.plan.n_ops);
	oci_plan_has(&t, "start: wait for the start\nhooks: run hook /h3\n"
		     "privilege: own the standard streams\n");
	oci_plan_deinit(&t);
}

/* ---- who runs it ---- */

static void a_namespace_is_new_or_joined_or_the_callers(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, CONFIG("", ""));
	assert_int_equal(t.plan.namespaces, 0);
	assert_int_equal(t.plan.n_joins, 0);
	assert_null(t.plan.uid_map);
	assert_null(oci_plan_op(&t, PLAN_IDENTITY, NULL));
	assert_null(oci_plan_op(&t, PLAN_UNSHARE, NULL));
	oci_plan_deinit(&t);

	oci_plan_init(&t, NAMESPACES(
		"{'type':'mount'},{'type':'pid','path':'/p'},{'type':'network'},"
		"{'type':'ipc'},{'type':'uts','path':'/u'},{'type':'cgroup'}"));
	t.in.namespace_fds[OCI_NS_PID] = 11;
	t.in.namespace_fds[OCI_NS_UTS] = 12;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_int_equal(t.plan.namespaces, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC);
	assert_int_equal(t.plan.n_joins, 2);
	assert_int_equal(t.plan.joins[0].fd, 12);
	assert_int_equal(t.plan.joins[0].type, CLONE_NEWUTS);
	assert_int_equal(t.plan.joins[1].fd, 11);
	assert_int_equal(t.plan.joins[1].type, CLONE_NEWPID);
	/* It has to be made when its process is in its group. */
	assert_int_equal(oci_plan_op(&t, PLAN_UNSHARE, NULL)->num[0], CLONE_NEWCGROUP);
	oci_plan_deinit(&t);
}

static void a_user_namespace_is_joined_after_all_others(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, NAMESPACES("{'type':'user','path':'/u'},"
				     "{'type':'ipc','path':'/i'}"));
	t.in.namespace_fds[OCI_NS_USER] = 11;
	t.in.namespace_fds[OCI_NS_IPC] = 12;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_int_equal(t.plan.joins[0].type, CLONE_NEWIPC);
	assert_int_equal(t.plan.joins[1].type, CLONE_NEWUSER);
	assert_null(t.plan.uid_map);
	assert_non_null(oci_plan_op(&t, PLAN_IDENTITY, NULL));
	oci_plan_deinit(&t);
}

static void a_new_user_namespace_has_maps_and_an_owner(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, CONFIG("", ",'linux':{'namespaces':[{'type':'user'}]," MAPS "}"));
	assert_int_equal(t.plan.namespaces, CLONE_NEWUSER);
	assert_string_equal(t.plan.uid_map, "0 5000 10\n10 7 1\n");
	assert_string_equal(t.plan.gid_map, "0 6000 10\n");
	assert_int_equal(t.plan.owner, 5000);
	oci_plan_deinit(&t);
}

static void a_time_namespace_takes_offsets_for_a_helper_to_write(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, CONFIG("", ",'linux':{'namespaces':[{'type':'time'}],"
		"'timeOffsets':{'monotonic':{'secs':-5,'nanosecs':6},"
		"'boottime':{'secs':7}}}"));
	assert_string_equal(t.plan.time_offsets, "monotonic -5 6\nboottime 7 0\n");
	assert_int_equal(t.plan.namespaces & CLONE_NEWTIME, 0);
	assert_true(plan_has_helper(&t.plan));
	oci_plan_deinit(&t);
}

static void links_are_configured_in_a_new_network_only(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, NAMESPACES("{'type':'network','path':'/n'}"));
	t.in.net = "message";
	t.in.net_len = 7;
	t.in.namespace_fds[OCI_NS_NETWORK] = 11;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_null(oci_plan_op(&t, PLAN_NETLINK, NULL));
	oci_plan_deinit(&t);
}

static void a_session_keyring_can_be_kept(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, CONFIG("", ""));
	t.in.no_new_keyring = true;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_null(oci_plan_op(&t, PLAN_KEYRING, NULL));
	oci_plan_deinit(&t);
}

/* ---- hooks ---- */

static void hooks_have_arguments_environment_and_time(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, CONFIG("", ",'hooks':{'createContainer':["
		"{'path':'/a','args':['x','y'],'env':['E=1'],'timeout':3},"
		"{'path':'/b'}]}"));
	op = oci_plan_op(&t, PLAN_HOOK, NULL);
	assert_string_equal(op[0].from, "/a");
	assert_string_equal(op[0].argv[0], "x");
	assert_string_equal(op[0].argv[1], "y");
	assert_null(op[0].argv[2]);
	assert_string_equal(op[0].envp[0], "E=1");
	assert_int_equal(op[0].num[0], 3);
	assert_false(op[0].num[PLAN_CONFINED]);
	assert_string_equal(op[1].argv[0], "/b");
	assert_null(op[1].argv[1]);
	assert_null(op[1].envp[0]);
	assert_int_equal(op[1].num[0], 3600);
	assert_int_equal(t.plan.hooks_msec, 3603000);
	oci_plan_deinit(&t);
}

static void who_makes_the_container_is_called_for_its_own_hooks_only(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, CONFIG("", ",'hooks':{'createContainer':" HOOK("/a")
				 ",'poststart':" HOOK("/b") ",'poststop':" HOOK("/c") "}"));
	assert_null(oci_plan_op(&t, PLAN_CALL, NULL));
	assert_int_equal(oci_plan_count(&t, PLAN_HOOK), 1);
	oci_plan_deinit(&t);
	oci_plan_make(&t, CONFIG("", ",'hooks':{'createRuntime':" HOOK("/a") "}"));
	assert_non_null(oci_plan_op(&t, PLAN_CALL, NULL));
	assert_null(oci_plan_op(&t, PLAN_HOOK, NULL));
	oci_plan_deinit(&t);
	oci_plan_make(&t, CONFIG("", ",'hooks':{'startContainer':" HOOK("/a") "}"));
	assert_true(oci_plan_op(&t, PLAN_HOOK, NULL)->num[PLAN_CONFINED]);
	oci_plan_deinit(&t);
}

/* ---- streams ---- */

static void a_terminal_has_a_size_and_an_owner(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_init(&t, CONFIG(",'terminal':true,'user':{'uid':9,'gid':8}", ""));
	assert_int_equal(oci_plan_build(&t), 0);
	op = oci_plan_op(&t, PLAN_TERMINAL, NULL);
	assert_int_equal(op->num[0], 24);
	assert_int_equal(op->num[1], 80);
	assert_int_equal(op->num[2], 0);
	assert_int_equal(op->uid, 9);
	assert_int_equal(op->gid, UINT32_MAX);
	t.in.foreground = true;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_int_equal(oci_plan_op(&t, PLAN_TERMINAL, NULL)->num[2], ONLCR);
	oci_plan_deinit(&t);

	oci_plan_make(&t, CONFIG(",'terminal':true,"
				 "'consoleSize':{'height':50,'width':132}", ""));
	op = oci_plan_op(&t, PLAN_TERMINAL, NULL);
	assert_int_equal(op->num[0], 50);
	assert_int_equal(op->num[1], 132);
	oci_plan_deinit(&t);

	oci_plan_make(&t, CONFIG("", ""));
	assert_null(oci_plan_op(&t, PLAN_TERMINAL, NULL));
	assert_null(oci_plan_op(&t, PLAN_CONSOLE, NULL));
	oci_plan_deinit(&t);
}

static void descriptors_from_the_third_on_are_closed_but_for_preserved_ones(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, CONFIG("", ""));
	assert_int_equal(oci_plan_build(&t), 0);
	assert_int_equal(oci_plan_op(&t, PLAN_STDIO, NULL)->num[0], 3);
	t.in.preserve_fds = 4;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_int_equal(oci_plan_op(&t, PLAN_STDIO, NULL)->num[0], 7);
	oci_plan_deinit(&t);
}

/* ---- limits ---- */

static void limits_are_those_of_the_process(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, CONFIG(",'rlimits':[{'type':'RLIMIT_CORE','soft':1,'hard':2}],"
		"'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':4},"
		"'user':{'uid':0,'gid':0,'umask':63}", ""));
	op = oci_plan_op(&t, PLAN_RLIMIT, NULL);
	assert_int_equal(op->num[0], RLIMIT_CORE);
	assert_int_equal(op->num[1], 1);
	assert_int_equal(op->num[2], 2);
	assert_int_equal(oci_plan_op(&t, PLAN_IO_PRIORITY, NULL)->num[0], 2 << 13 | 4);
	assert_int_equal(oci_plan_op(&t, PLAN_UMASK, NULL)->mode, 077);
	oci_plan_deinit(&t);
	oci_plan_make(&t, CONFIG("", ""));
	assert_int_equal(oci_plan_op(&t, PLAN_UMASK, NULL)->mode, 022);
	assert_int_equal(oci_plan_count(&t, PLAN_RLIMIT), 0);
	oci_plan_deinit(&t);
}

static void a_memory_policy_names_nodes_that_there_can_be(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;
	uint64_t mask;

	oci_plan_make(&t, OWN_MOUNTS(",'memoryPolicy':{'mode':'MPOL_INTERLEAVE',"
				     "'nodes':'0-2,5'}"));
	op = oci_plan_op(&t, PLAN_MEMORY_POLICY, NULL);
	memcpy(&mask, op->text, sizeof(mask));
	assert_int_equal(mask, 0x27);
	oci_plan_deinit(&t);
	oci_plan_init(&t, OWN_MOUNTS(",'memoryPolicy':{'mode':'MPOL_INTERLEAVE',"
				     "'nodes':'0,1024'}"));
	assert_int_equal(oci_plan_build(&t), -EINVAL);
	assert_string_equal(t.e.msg, "linux.memoryPolicy.nodes: no node 1024");
	oci_plan_deinit(&t);
}

/* ---- the program ---- */

static void expect_candidates(const char *process, const char *const *expected)
{
	const struct plan_op *op;
	struct oci_plan t;
	auto_free char *text = xasprintf("{'ociVersion':'1.2.0','root':{'path':'r'},"
					 "'process':{'cwd':'/',%s}}", process);
	size_t i = 0;

	oci_plan_make(&t, text);
	op = oci_plan_op(&t, PLAN_LOOKUP, NULL);
	assert_non_null(op);
	for (; expected[i]; i++)
		assert_string_equal(op->argv[i], expected[i]);
	assert_null(op->argv[i]);
	oci_plan_deinit(&t);
}

#define CANDIDATES(process, ...) \
	expect_candidates(process, (const char *const[]){ __VA_ARGS__, NULL })

static void a_program_is_looked_up_as_the_shell_does(void **state)
{
	CANDIDATES("'args':['sh'],'env':['PATH=/a:/b']", "/a/sh", "/b/sh");
	CANDIDATES("'args':['sh'],'env':['PATH=/a::b']", "/a/sh", "./sh", "b/sh");
	CANDIDATES("'args':['sh'],'env':['PATH=']", "./sh");
	CANDIDATES("'args':['sh'],'env':['PATHS=/x','PATH=/a','PATH=/b']", "/b/sh");
	CANDIDATES("'args':['./sh'],'env':['PATH=/a']", "./sh");
	CANDIDATES("'args':['a/sh'],'env':['PATH=/a']", "a/sh");
	CANDIDATES("'args':['/bin/sh'],'env':['PATH=/a']", "/bin/sh");
	CANDIDATES("'args':['sh']", "/usr/local/sbin/sh", "/usr/local/bin/sh",
		   "/usr/sbin/sh", "/usr/bin/sh", "/sbin/sh", "/bin/sh");
}

static void home_is_added_where_the_environment_has_none(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_init(&t, CONFIG(",'env':['A=1','HOMES=x']", ""));
	t.in.home = "/root";
	assert_int_equal(oci_plan_build(&t), 0);
	op = oci_plan_op(&t, PLAN_EXEC, NULL);
	assert_string_equal(op->envp[0], "A=1");
	assert_string_equal(op->envp[1], "HOMES=x");
	assert_string_equal(op->envp[2], "HOME=/root");
	assert_null(op->envp[3]);
	oci_plan_deinit(&t);

	oci_plan_init(&t, CONFIG(",'env':['HOME=']", ""));
	t.in.home = "/root";
	assert_int_equal(oci_plan_build(&t), 0);
	op = oci_plan_op(&t, PLAN_EXEC, NULL);
	assert_string_equal(op->envp[0], "HOME=");
	assert_null(op->envp[1]);
	oci_plan_deinit(&t);
}

static void without_a_process_nothing_is_executed(void **state)
{
	struct oci_plan t;

	oci_plan_make(&t, "{'ociVersion':'1.2.0','root':{'path':'r'},"
		      "'linux':{'namespaces':[{'type':'mount'}]}}");
	assert_null(oci_plan_op(&t, PLAN_LOOKUP, NULL));
	assert_null(oci_plan_op(&t, PLAN_EXEC, NULL));
	assert_non_null(oci_plan_op(&t, PLAN_PIVOT, NULL));
	oci_plan_has(&t, "exec: change directory to /\n");
	oci_plan_deinit(&t);
}

/* ---- privileges ---- */

static void capabilities_go_to_the_kernel_as_masks(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_make(&t, CONFIG(",'user':{'uid':3,'gid':4,'additionalGids':[5,6]},"
		"'capabilities':{'bounding':['CAP_CHOWN','CAP_KILL','CAP_SETPCAP'],"
		"'effective':['CAP_CHOWN'],'permitted':['CAP_CHOWN','CAP_KILL'],"
		"'inheritable':['CAP_KILL'],'ambient':['CAP_KILL']}", ""));
	assert_int_equal(oci_plan_op(&t, PLAN_BOUNDING, NULL)->num[0], 0x121);
	op = oci_plan_op(&t, PLAN_CAPS, NULL);
	assert_int_equal(op->num[0], 0x1);
	assert_int_equal(op->num[1], 0x21);
	assert_int_equal(op->num[2], 0x20);
	assert_int_equal(op->num[3], 0x20);
	op = oci_plan_op(&t, PLAN_USER, NULL);
	assert_int_equal(op->uid, 3);
	assert_int_equal(op->gid, 4);
	op = oci_plan_op(&t, PLAN_GROUPS, NULL);
	assert_int_equal(op->num[0], 2);
	assert_int_equal(((const uint32_t *)op->text)[1], 6);
	assert_false(op->optional);
	assert_null(oci_plan_op(&t, PLAN_NO_NEW_PRIVS, NULL));
	oci_plan_deinit(&t);
	/* In a user namespace setgroups() may be denied. */
	oci_plan_make(&t, CONFIG("", ""));
	assert_true(oci_plan_op(&t, PLAN_GROUPS, NULL)->optional);
	assert_int_equal(oci_plan_op(&t, PLAN_BOUNDING, NULL)->num[0], 0);
	oci_plan_deinit(&t);
}

static void a_filter_is_loaded_as_late_as_its_right_allows(void **state)
{
	const struct plan_op *op;
	struct oci_plan t;

	oci_plan_init(&t, CONFIG(",'noNewPrivileges':true", ""));
	assert_int_equal(oci_plan_build(&t), 0);
	assert_null(oci_plan_op(&t, PLAN_FILTER, NULL));
	t.in.filter = &t.filter;
	t.in.waits = true;
	t.filter.flags = SECCOMP_FILTER_FLAG_LOG;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "privilege: gain no privileges by exec\n"
		     "filter: load system call filter\nexec: execute sh\n");
	op = oci_plan_op(&t, PLAN_FILTER, NULL);
	assert_ptr_equal(op->filter, &t.filter.prog);
	assert_int_equal(op->num[0], SECCOMP_FILTER_FLAG_LOG);
	assert_int_equal(op->num[1], 0);
	/* A listener is sent by who waits to who creates. */
	t.filter.listener = true;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "filter: load system call filter\nstart: outlive the parent\n"
		     "start: wait for the start\n");
	op = oci_plan_op(&t, PLAN_FILTER, NULL);
	assert_int_equal(op->num[0], SECCOMP_FILTER_FLAG_LOG |
			 SECCOMP_FILTER_FLAG_NEW_LISTENER);
	assert_int_equal(op->num[1], 1);
	assert_int_equal(oci_plan_count(&t, PLAN_FILTER), 1);
	oci_plan_deinit(&t);

	oci_plan_init(&t, CONFIG("", ""));
	t.in.filter = &t.filter;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t, "start: outlive the parent\nfilter: load system call filter\n"
		     "privilege: own the standard streams\n");
	oci_plan_deinit(&t);
}

static void labels_are_written_while_the_hosts_proc_is_there(void **state)
{
	struct oci_plan t;

	oci_plan_init(&t, CONFIG(",'apparmorProfile':'p','selinuxLabel':'s'",
				 ",'linux':{'namespaces':[{'type':'mount'}]}"));
	assert_int_equal(oci_plan_build(&t), 0);
	assert_null(oci_plan_op(&t, PLAN_WRITE, NULL));
	t.in.has_apparmor = t.in.has_selinux = true;
	assert_int_equal(oci_plan_build(&t), 0);
	oci_plan_has(&t,
		"privilege: write exec p to /proc/thread-self/attr/apparmor/exec\n"
		"privilege: write s to /proc/thread-self/attr/exec\n"
		"rootfs: pivot to .\n");
	oci_plan_deinit(&t);
}

/* ---- one process more ---- */

static void one_more_process_joins_and_builds_nothing(void **state)
{
	auto_free char *text = NULL;
	struct oci_plan t;

	oci_plan_init(&t, all_config);
	t.in.exec = true;
	t.in.net = "message";
	t.in.net_len = 7;
	for (int i = 0; i < OCI_NS_KINDS; i++)
		t.in.namespace_fds[i] = t.oci->namespaces[i].set ? 20 + i : -1;
	assert_int_equal(oci_plan_build(&t), 0);
	assert_int_equal(t.plan.namespaces, 0);
	assert_int_equal(t.plan.n_joins, 5);
	assert_null(t.plan.uid_map);
	assert_int_equal(t.plan.hooks_msec, 0);
	text = plan_text(&t.plan);
	assert_string_equal(text,
		"wait: wait for the parent: user ids\n"
		"identity: become user and group 0\n"
		"session: become session leader\n"
		"session: join session keyring _ses.ID\n"
		"stdio: open a terminal\n"
		"stdio: arrange descriptors\n"
		"limits: set resource limit 4\n"
		"limits: set scheduling policy\n"
		"limits: set I/O priority\n"
		"limits: set personality 8\n"
		"limits: set umask\n"
		"exec: change directory to /\n"
		"exec: find executable file sh\n"
		"start: outlive the parent\n"
		"privilege: own the standard streams\n"
		"privilege: bound capabilities\n"
		"privilege: set secure bits\n"
		"privilege: set supplementary groups\n"
		"privilege: become user 0\n"
		"privilege: set capabilities\n"
		"privilege: gain no privileges by exec\n"
		"exec: execute sh\n");
	oci_plan_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_configuration_as_text),
		cmocka_unit_test(operations_come_in_the_order_of_the_life_cycle),
		cmocka_unit_test(a_namespace_is_new_or_joined_or_the_callers),
		cmocka_unit_test(a_user_namespace_is_joined_after_all_others),
		cmocka_unit_test(a_new_user_namespace_has_maps_and_an_owner),
		cmocka_unit_test(a_time_namespace_takes_offsets_for_a_helper_to_write),
		cmocka_unit_test(links_are_configured_in_a_new_network_only),
		cmocka_unit_test(a_session_keyring_can_be_kept),
		cmocka_unit_test(hooks_have_arguments_environment_and_time),
		cmocka_unit_test(who_makes_the_container_is_called_for_its_own_hooks_only),
		cmocka_unit_test(a_terminal_has_a_size_and_an_owner),
		cmocka_unit_test(
			descriptors_from_the_third_on_are_closed_but_for_preserved_ones),
		cmocka_unit_test(limits_are_those_of_the_process),
		cmocka_unit_test(a_memory_policy_names_nodes_that_there_can_be),
		cmocka_unit_test(a_program_is_looked_up_as_the_shell_does),
		cmocka_unit_test(home_is_added_where_the_environment_has_none),
		cmocka_unit_test(without_a_process_nothing_is_executed),
		cmocka_unit_test(capabilities_go_to_the_kernel_as_masks),
		cmocka_unit_test(a_filter_is_loaded_as_late_as_its_right_allows),
		cmocka_unit_test(labels_are_written_while_the_hosts_proc_is_there),
		cmocka_unit_test(one_more_process_joins_and_builds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
