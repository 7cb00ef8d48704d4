/*
 * test-oci.c - every property of a configuration arrives in its place.
 */
#include "base/error.h"
#include "runtime/oci/oci.h"
#include "tests/runtime/oci_text.h"

#include <setjmp.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <cmocka.h>

#include <jansson.h>
#include <linux/capability.h>
#include <linux/sched.h>

typedef int parse_fn(struct oci **ret, const char *text, size_t n,
		     struct error *e);

static struct oci *parse_with(parse_fn *fn, const char *quoted)
{
	auto_free char *text = oci_text(quoted);
	struct oci *o = NULL;
	struct error e = { 0 };

	if (fn(&o, text, strlen(text), &e) < 0)
		fail_msg("%s\n%s", e.msg, text);
	return o;
}

static struct oci *parse(const char *quoted)
{
	return parse_with(oci_parse, quoted);
}

static void check_strings(const struct oci_strings *s, const char *const *wanted)
{
	size_t n = 0;

	for (; wanted[n]; n++) {
		assert_true(n < s->n);
		assert_string_equal(s->v[n], wanted[n]);
	}
	assert_int_equal(s->n, n);
	assert_null(s->v[n]);
}

#define STRINGS(s, ...) \
	check_strings(s, (const char *const[]){ __VA_ARGS__, NULL })

static void check_maybe(struct maybe m, int64_t value)
{
	assert_true(m.set);
	assert_int_equal(m.value, value);
}

static void the_least_configuration_is_empty(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(
		"{'ociVersion':'1.0.0','root':{'path':'/r'}}");

	(void)state;
	assert_string_equal(o->version, "1.0.0");
	assert_string_equal(o->root_path, "/r");
	assert_false(o->root_readonly);
	assert_false(o->has_process);
	assert_null(o->hostname);
	assert_null(o->domainname);
	assert_null(o->cgroups_path);
	assert_false(o->has_seccomp);
	assert_int_equal(o->n_mounts, 0);
	assert_int_equal(o->n_annotations, 0);
	for (int i = 0; i < OCI_NS_KINDS; i++)
		assert_false(o->namespaces[i].set);
	/* Lists of strings can always be walked. */
	assert_null(o->process.args.v[0]);
	assert_null(o->process.env.v[0]);
	assert_null(o->process.capabilities.unknown.v[0]);
	assert_null(o->masked_paths.v[0]);
	assert_null(o->readonly_paths.v[0]);
}

static void the_outermost_members_arrive(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(
		"{'ociVersion':'1.2.0-rc.1+dev','vm':5,'windows':[],'solaris':'x',"
		"'zos':{},'freebsd':1,'unknown':{'a':[1.5,1e999,18446744073709551616]},"
		"'root':{'path':'rootfs','readonly':true,'more':1},"
		"'hostname':'h','domainname':'d','annotations':{'a.b/c':'1','e':''},"
		"'linux':{'namespaces':[{'type':'uts','extra':true}],'other':[]}}");

	(void)state;
	assert_string_equal(o->version, "1.2.0-rc.1+dev");
	assert_string_equal(o->root_path, "rootfs");
	assert_true(o->root_readonly);
	assert_string_equal(o->hostname, "h");
	assert_string_equal(o->domainname, "d");
	assert_int_equal(o->n_annotations, 2);
	assert_string_equal(o->annotations[0].key, "a.b/c");
	assert_string_equal(o->annotations[0].value, "1");
	assert_string_equal(o->annotations[1].key, "e");
	assert_string_equal(o->annotations[1].value, "");
}

static void null_and_empty_text_are_absent(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(
		"{'ociVersion':'1.0.2-dev','root':{'path':'r','readonly':null},"
		"'hostname':'','domainname':null,'mounts':null,'hooks':null,"
		"'annotations':null,'process':{'cwd':'/','args':['a'],'env':null,"
		"'apparmorProfile':'','capabilities':null,'rlimits':null,'user':null},"
		"'linux':{'namespaces':null,'cgroupsPath':'','rootfsPropagation':'',"
		"'resources':null,'seccomp':null,'intelRdt':null,'maskedPaths':null,"
		"'personality':null}}");

	(void)state;
	assert_null(o->hostname);
	assert_true(o->has_process);
	assert_false(o->process.has_capabilities);
	assert_null(o->process.apparmor);
	assert_int_equal(o->process.env.n, 0);
	assert_null(o->cgroups_path);
	assert_null(o->rootfs_propagation);
	assert_false(o->has_seccomp);
	assert_false(o->personality.set);
}

static void versions_of_major_one_are_accepted(void **state)
{
	static const char *const v[] = {
		"1.0.0", "1.0.2-dev", "1.0.0-rc5", "1.0.0-rc.5-dev", "1.3.0",
		"1.1.0+dev", "1.1.0-rc.1+a.b", "1.20.300", "1.0.0--", NULL,
	};

	(void)state;
	for (size_t i = 0; v[i]; i++) {
		auto_free char *text = xasprintf("{'ociVersion':'%s',"
						 "'root':{'path':'r'}}", v[i]);
		auto_(oci_free_p) struct oci *o = parse(text);

		assert_string_equal(o->version, v[i]);
	}
}

static const char process_text[] =
	"{'terminal':true,'consoleSize':{'height':25,'width':80},'cwd':'/work',"
	"'args':['sh','','-c'],'env':['A=b','EMPTY'],"
	"'user':{'uid':4294967294,'gid':7,'umask':63,'additionalGids':[0,5,4294967294],"
	"'username':'x'},"
	"'rlimits':[{'type':'RLIMIT_NOFILE','soft':1024,'hard':18446744073709551615},"
	"{'type':'RLIMIT_RTTIME','soft':18446744073709551615,"
	"'hard':18446744073709551615}],"
	"'capabilities':{'bounding':['CAP_CHOWN','CAP_CHECKPOINT_RESTORE','CAP_FUTURE'],"
	"'effective':['CAP_KILL'],'permitted':['CAP_KILL','CAP_SYS_ADMIN'],"
	"'inheritable':[],'ambient':['cap_kill']},"
	"'noNewPrivileges':true,'oomScoreAdj':-999,'apparmorProfile':'prof',"
	"'selinuxLabel':'a:b:c',"
	"'scheduler':{'policy':'SCHED_DEADLINE','nice':-20,"
	"'flags':['SCHED_FLAG_RESET_ON_FORK','SCHED_FLAG_UTIL_CLAMP_MAX'],"
	"'runtime':2000,'deadline':3000,'period':18446744073709551615},"
	"'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':7},"
	"'execCPUAffinity':{'initial':'7','final':'0-3,7'}}";

static void check_process(const struct oci_process *p)
{
	assert_true(p->terminal);
	assert_int_equal(p->rows, 25);
	assert_int_equal(p->cols, 80);
	assert_string_equal(p->cwd, "/work");
	STRINGS(&p->args, "sh", "", "-c");
	STRINGS(&p->env, "A=b", "EMPTY");
	assert_int_equal(p->uid, 4294967294);
	assert_int_equal(p->gid, 7);
	check_maybe(p->umask, 077);
	assert_int_equal(p->n_groups, 3);
	assert_int_equal(p->groups[1], 5);
	assert_int_equal(p->groups[2], 4294967294);
	assert_int_equal(p->n_rlimits, 2);
	assert_int_equal(p->rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(p->rlimits[0].soft, 1024);
	assert_true(p->rlimits[0].hard == RLIM_INFINITY);
	assert_int_equal(p->rlimits[1].resource, RLIMIT_RTTIME);
	assert_true(p->rlimits[1].soft == RLIM_INFINITY);
	assert_true(p->no_new_privileges);
	check_maybe(p->oom_score_adj, -999);
	assert_string_equal(p->apparmor, "prof");
	assert_string_equal(p->selinux, "a:b:c");
	assert_string_equal(p->exec_cpus_initial, "7");
	assert_string_equal(p->exec_cpus_final, "0-3,7");
}

static void check_process_rest(const struct oci_process *p)
{
	const struct oci_capabilities *c = &p->capabilities;

	assert_true(p->has_capabilities);
	assert_int_equal(c->bounding, 1ULL << CAP_CHOWN |
			 1ULL << CAP_CHECKPOINT_RESTORE);
	assert_int_equal(c->effective, 1ULL << CAP_KILL);
	assert_int_equal(c->permitted, 1ULL << CAP_KILL | 1ULL << CAP_SYS_ADMIN);
	assert_int_equal(c->inheritable, 0);
	assert_int_equal(c->ambient, 0);
	STRINGS(&c->unknown, "CAP_FUTURE", "cap_kill");
	assert_true(p->scheduler.set);
	assert_int_equal(p->scheduler.policy, SCHED_DEADLINE);
	assert_int_equal(p->scheduler.nice, -20);
	assert_int_equal(p->scheduler.priority, 0);
	assert_int_equal(p->scheduler.flags, SCHED_FLAG_RESET_ON_FORK |
			 SCHED_FLAG_UTIL_CLAMP_MAX);
	assert_int_equal(p->scheduler.runtime, 2000);
	assert_int_equal(p->scheduler.deadline, 3000);
	assert_true(p->scheduler.period == UINT64_MAX);
	assert_true(p->io_priority.set);
	assert_int_equal(p->io_priority.class, 3);
	assert_int_equal(p->io_priority.priority, 7);
}

static void the_process_arrives_alone_and_within(void **state)
{
	auto_free char *whole = xasprintf("{'ociVersion':'1.2.0','root':{'path':'r'},"
					  "'process':%s}", process_text);
	auto_(oci_free_p) struct oci *alone = parse_with(oci_parse_process,
							 process_text);
	auto_(oci_free_p) struct oci *within = parse(whole);

	(void)state;
	assert_true(alone->has_process);
	check_process(&alone->process);
	check_process_rest(&alone->process);
	assert_true(within->has_process);
	check_process(&within->process);
	check_process_rest(&within->process);
}

static void a_size_without_a_terminal_is_ignored(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(
		PROCESS("'consoleSize':{'height':25,'width':-1}"));

	(void)state;
	assert_int_equal(o->process.rows, 0);
	assert_int_equal(o->process.cols, 0);
}

static void capability_names_are_those_of_the_kernel(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(
		PROCESS("'capabilities':{'bounding':['CAP_DAC_OVERRIDE','CAP_SETPCAP',"
			"'CAP_NET_RAW','CAP_SYS_ADMIN','CAP_MKNOD','CAP_SETFCAP',"
			"'CAP_SYSLOG','CAP_AUDIT_READ','CAP_BPF']}"));

	(void)state;
	assert_int_equal(o->process.capabilities.bounding,
			 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_SETPCAP |
			 1ULL << CAP_NET_RAW | 1ULL << CAP_SYS_ADMIN |
			 1ULL << CAP_MKNOD | 1ULL << CAP_SETFCAP |
			 1ULL << CAP_SYSLOG | 1ULL << CAP_AUDIT_READ | 1ULL << CAP_BPF);
	assert_int_equal(o->process.capabilities.unknown.n, 0);
}

static void mounts_arrive(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(TOP(
		"'mounts':[{'destination':'/proc','type':'proc','source':'proc'},"
		"{'destination':'data/x','source':'','options':['rbind','ro','size=1k']},"
		"{'destination':'/i','options':['idmap'],"
		"'uidMappings':[{'containerID':0,'hostID':1000,'size':10}],"
		"'gidMappings':[{'containerID':0,'hostID':0,'size':4294967295},"
		"{'containerID':4294967294,'hostID':1,'size':1}]},"
		"{'destination':'/j','options':['idmap=uids=0-1-1;gids=0-1-1']}]"));

	(void)state;
	assert_int_equal(o->n_mounts, 4);
	assert_string_equal(o->mounts[0].destination, "/proc");
	assert_string_equal(o->mounts[0].type, "proc");
	assert_string_equal(o->mounts[0].source, "proc");
	assert_int_equal(o->mounts[0].options.n, 0);
	assert_null(o->mounts[0].options.v[0]);
	assert_string_equal(o->mounts[1].destination, "/data/x");
	assert_null(o->mounts[1].type);
	assert_null(o->mounts[1].source);
	STRINGS(&o->mounts[1].options, "rbind", "ro", "size=1k");
	assert_int_equal(o->mounts[2].n_uid_maps, 1);
	assert_int_equal(o->mounts[2].uid_maps[0].container, 0);
	assert_int_equal(o->mounts[2].uid_maps[0].host, 1000);
	assert_int_equal(o->mounts[2].uid_maps[0].size, 10);
	assert_int_equal(o->mounts[2].n_gid_maps, 2);
	assert_int_equal(o->mounts[2].gid_maps[0].size, 4294967295);
	assert_int_equal(o->mounts[2].gid_maps[1].container, 4294967294);
}

static void check_map(const struct oci_id_map *m, uint32_t container, uint32_t host,
		      uint32_t size)
{
	assert_int_equal(m->container, container);
	assert_int_equal(m->host, host);
	assert_int_equal(m->size, size);
}

static void mappings_arrive_out_of_options(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(
		"{'ociVersion':'1.2.0','root':{'path':'r'},'mounts':[{'destination':'/a',"
		"'options':['bind','ridmap=gids=@1-3-10;uids=0-1-10#10-4294967294-1']},"
		"{'destination':'/b','options':['idmap=x'],"
		"'uidMappings':[{'containerID':5,'hostID':6,'size':7}],"
		"'gidMappings':[{'containerID':5,'hostID':6,'size':7}]},"
		"{'destination':'/c','options':['rbind','ro'],"
		"'uidMappings':[{'containerID':1,'hostID':2,'size':3}],"
		"'gidMappings':[{'containerID':1,'hostID':2,'size':3}]}],"
		"'linux':{'namespaces':[{'type':'user'}],"
		"'uidMappings':[{'containerID':0,'hostID':0,'size':1}],"
		"'gidMappings':[{'containerID':0,'hostID':0,'size':1},"
		"{'containerID':1,'hostID':2,'size':1000}]}}");

	(void)state;
	assert_int_equal(o->mounts[0].n_uid_maps, 2);
	check_map(&o->mounts[0].uid_maps[0], 0, 1, 10);
	check_map(&o->mounts[0].uid_maps[1], 10, 4294967294, 1);
	assert_int_equal(o->mounts[0].n_gid_maps, 1);
	check_map(&o->mounts[0].gid_maps[0], 1, 4, 10);
	/* Members are stronger. */
	assert_int_equal(o->mounts[1].n_uid_maps, 1);
	check_map(&o->mounts[1].uid_maps[0], 5, 6, 7);
	STRINGS(&o->mounts[1].options, "idmap=x");
	/* And mean a mapping without the word, too. */
	check_map(&o->mounts[2].uid_maps[0], 1, 2, 3);
	STRINGS(&o->mounts[2].options, "rbind", "ro", "idmap");
}

static void hooks_arrive(void **state)
{
	static const enum oci_hook_kind kinds[] = {
		OCI_PRESTART, OCI_CREATE_RUNTIME, OCI_CREATE_CONTAINER,
		OCI_START_CONTAINER, OCI_POSTSTART, OCI_POSTSTOP,
	};
	auto_(oci_free_p) struct oci *o = parse(TOP(
		"'hooks':{'prestart':[{'path':'/0'}],'createRuntime':[{'path':'/1'}],"
		"'createContainer':[{'path':'/2'}],'startContainer':[{'path':'/3'}],"
		"'poststart':[{'path':'/4'}],'poststop':[{'path':'/5'},"
		"{'path':'/6','args':['six','-v'],'env':['A=b'],'timeout':30}]}"));
	const struct oci_hook *h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		h = &o->hooks[kinds[i]].v[0];
		assert_int_equal(o->hooks[kinds[i]].n, kinds[i] == OCI_POSTSTOP ? 2 : 1);
		assert_int_equal(h->path[1], '0' + (int)i);
		assert_int_equal(h->args.n + h->env.n + h->timeout_sec, 0);
		assert_null(h->args.v[0]);
	}
	h = &o->hooks[OCI_POSTSTOP].v[1];
	assert_string_equal(h->path, "/6");
	STRINGS(&h->args, "six", "-v");
	STRINGS(&h->env, "A=b");
	assert_int_equal(h->timeout_sec, 30);
}

static void check_namespace(const struct oci *o, enum oci_namespace_kind kind,
			    const char *path)
{
	assert_true(o->namespaces[kind].set);
	if (path)
		assert_string_equal(o->namespaces[kind].path, path);
	else
		assert_null(o->namespaces[kind].path);
}

static void namespaces_arrive(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(LINUX(
		"'namespaces':[{'type':'pid','path':'/p'},{'type':'network','path':'/n'},"
		"{'type':'mount'},{'type':'ipc','path':''},{'type':'uts'},"
		"{'type':'user'},{'type':'cgroup'},{'type':'time'}],"
		"'uidMappings':[{'containerID':0,'hostID':1000,'size':1},"
		"{'containerID':1,'hostID':100000,'size':65536}],"
		"'gidMappings':[{'containerID':0,'hostID':1001,'size':1}],"
		"'timeOffsets':{'monotonic':{'secs':-9223372036854775808},"
		"'boottime':{'secs':9223372036854775807,'nanosecs':999999999}}"));

	(void)state;
	check_namespace(o, OCI_NS_PID, "/p");
	check_namespace(o, OCI_NS_NETWORK, "/n");
	check_namespace(o, OCI_NS_MOUNT, NULL);
	check_namespace(o, OCI_NS_IPC, NULL);
	check_namespace(o, OCI_NS_UTS, NULL);
	check_namespace(o, OCI_NS_USER, NULL);
	check_namespace(o, OCI_NS_CGROUP, NULL);
	check_namespace(o, OCI_NS_TIME, NULL);
	assert_int_equal(o->n_uid_maps, 2);
	assert_int_equal(o->uid_maps[1].container, 1);
	assert_int_equal(o->uid_maps[1].host, 100000);
	assert_int_equal(o->uid_maps[1].size, 65536);
	assert_int_equal(o->n_gid_maps, 1);
	assert_int_equal(o->gid_maps[0].host, 1001);
	assert_true(o->monotonic.set);
	assert_true(o->monotonic.secs == INT64_MIN);
	assert_int_equal(o->monotonic.nanosecs, 0);
	assert_true(o->boottime.set);
	assert_true(o->boottime.secs == INT64_MAX);
	assert_int_equal(o->boottime.nanosecs, 999999999);
}

static void a_joined_user_namespace_has_its_mappings(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(LINUX(
		"'namespaces':[{'type':'user','path':'/u'}]"));

	(void)state;
	check_namespace(o, OCI_NS_USER, "/u");
	assert_int_equal(o->n_uid_maps, 0);
}

static void the_linux_object_arrives(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(OWN(
		"'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229,"
		"'fileMode':438,'uid':1,'gid':2},"
		"{'path':'/dev/sda','type':'b','major':8,'minor':0,'fileMode':25008},"
		"{'path':'/dev/u','type':'u','major':4095,'minor':1048575},"
		"{'path':'/run/pipe','type':'p'}],"
		"'cgroupsPath':'user.slice:dyno:a..b','rootfsPropagation':'rslave',"
		"'mountLabel':'x:y','maskedPaths':['/proc/kcore','/a'],"
		"'readonlyPaths':['/proc/sys'],"
		"'personality':{'domain':'LINUX32','flags':[]},"
		"'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0-1,3',"
		"'flags':['MPOL_F_STATIC_NODES']}"));

	(void)state;
	assert_int_equal(o->n_devices, 4);
	assert_string_equal(o->devices[0].path, "/dev/fuse");
	assert_int_equal(o->devices[0].type, 'c');
	assert_int_equal(o->devices[0].major, 10);
	assert_int_equal(o->devices[0].minor, 229);
	check_maybe(o->devices[0].mode, 0666);
	assert_int_equal(o->devices[0].uid, 1);
	assert_int_equal(o->devices[0].gid, 2);
	assert_int_equal(o->devices[1].type, 'b');
	check_maybe(o->devices[1].mode, 0660);
	assert_int_equal(o->devices[2].type, 'c');
	assert_false(o->devices[2].mode.set);
	assert_int_equal(o->devices[2].major, 4095);
	assert_int_equal(o->devices[3].type, 'p');
	assert_int_equal(o->devices[3].major, 0);
	assert_string_equal(o->cgroups_path, "user.slice:dyno:a..b");
	assert_string_equal(o->rootfs_propagation, "rslave");
	assert_string_equal(o->mount_label, "x:y");
	STRINGS(&o->masked_paths, "/proc/kcore", "/a");
	STRINGS(&o->readonly_paths, "/proc/sys");
	assert_true(o->personality.set);
	assert_int_equal(o->personality.domain, PER_LINUX32);
	assert_true(o->memory_policy.set);
	assert_int_equal(o->memory_policy.mode, 2);
	assert_int_equal(o->memory_policy.flags, 1 << 15);
	assert_string_equal(o->memory_policy.nodes, "0-1,3");
}

static void sysctls_arrive_as_paths(void **state)
{
	static const struct {
		const char *key, *path;
	} v[] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter" },
		{ "net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter" },
		{ "kernel.sem", "kernel/sem" }, { "kernel.msgmax", "kernel/msgmax" },
		{ "kernel.msgmnb", "kernel/msgmnb" }, { "kernel.msgmni", "kernel/msgmni" },
		{ "kernel.shmall", "kernel/shmall" }, { "kernel.shmmax", "kernel/shmmax" },
		{ "kernel.shmmni", "kernel/shmmni" },
		{ "kernel.shm_rmid_forced", "kernel/shm_rmid_forced" },
		{ "fs.mqueue.msg_max", "fs/mqueue/msg_max" },
		{ "kernel.domainname", "kernel/domainname" },
		{ "user.max_pid_namespaces", "user/max_pid_namespaces" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		auto_free char *text = xasprintf(OWN("'sysctl':{'%s':'0 1'}"), v[i].key);
		auto_(oci_free_p) struct oci *o = parse(text);

		assert_int_equal(o->n_sysctl, 1);
		assert_string_equal(o->sysctl[0].key, v[i].path);
		assert_string_equal(o->sysctl[0].value, "0 1");
	}
}

/* ---- resources ---- */

static const char resources_text[] =
	"{'memory':{'limit':536870912,'reservation':-1,'swap':9223372036854775807,"
	"'kernel':0,'kernelTCP':-1,'swappiness':100,'disableOOMKiller':true,"
	"'useHierarchy':false,'checkBeforeUpdate':true},"
	"'cpu':{'shares':1024,'quota':-1,'burst':5,'period':100000,"
	"'realtimeRuntime':950000,'realtimePeriod':1000000,'idle':1,'cpus':'0-3,7',"
	"'mems':'0'},'pids':{'limit':-1},"
	"'blockIO':{'weight':10,'leafWeight':1000,'weightDevice':[{'major':8,'minor':0,"
	"'weight':500,'leafWeight':300},{'major':8,'minor':16,'weight':500,"
	"'leafWeight':0}],"
	"'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':18446744073709551615}],"
	"'throttleWriteBpsDevice':[{'major':8,'minor':1,'rate':2}],"
	"'throttleReadIOPSDevice':[{'major':8,'minor':2,'rate':3}],"
	"'throttleWriteIOPSDevice':[{'major':8,'minor':3,'rate':4},"
	"{'major':9,'minor':3,'rate':5}]},"
	"'devices':[{'allow':false,'access':'rwm'},{'allow':true,'type':'c',"
	"'major':10,'minor':229,'access':'rwa'},{'allow':true,'type':'b','major':-1,"
	"'access':'m'},{'allow':false,'type':'a'}],"
	"'hugepageLimits':[{'pageSize':'2MB','limit':18446744073709551615},"
	"{'pageSize':'64KB','limit':0}],"
	"'network':{'classID':4294967295,'priorities':[{'name':'eth0','priority':500}]},"
	"'rdma':{'mlx5_1':{'hcaHandles':3,'hcaObjects':10000},'mlx4_0':{}},"
	"'unified':{'memory.high':'max','cgroup.max.depth':'3'}}";

static void check_numbers(const struct resources *r)
{
	check_maybe(r->memory.limit, 536870912);
	check_maybe(r->memory.reservation, -1);
	check_maybe(r->memory.swap, INT64_MAX);
	check_maybe(r->memory.kernel, 0);
	check_maybe(r->memory.kernel_tcp, -1);
	check_maybe(r->memory.swappiness, 100);
	check_maybe(r->memory.disable_oom_killer, 1);
	check_maybe(r->memory.use_hierarchy, 0);
	check_maybe(r->memory.check_before_update, 1);
	check_maybe(r->cpu.shares, 1024);
	check_maybe(r->cpu.quota, -1);
	check_maybe(r->cpu.burst, 5);
	check_maybe(r->cpu.period, 100000);
	check_maybe(r->cpu.realtime_runtime, 950000);
	check_maybe(r->cpu.realtime_period, 1000000);
	check_maybe(r->cpu.idle, 1);
	assert_string_equal(r->cpu.cpus, "0-3,7");
	assert_string_equal(r->cpu.mems, "0");
	check_maybe(r->pids, -1);
	check_maybe(r->class_id, 4294967295);
}

static void check_rates(const struct resources_rates *r, size_t n, int64_t minor,
			uint64_t rate)
{
	assert_int_equal(r->n, n);
	assert_int_equal(r->v[0].major, 8);
	assert_int_equal(r->v[0].minor, minor);
	assert_true(r->v[0].rate == rate);
}

static void check_block(const struct resources *r)
{
	check_maybe(r->block.weight, 10);
	check_maybe(r->block.leaf_weight, 1000);
	assert_int_equal(r->block.n_devices, 2);
	assert_int_equal(r->block.devices[0].major, 8);
	check_maybe(r->block.devices[0].weight, 500);
	check_maybe(r->block.devices[0].leaf_weight, 300);
	assert_int_equal(r->block.devices[1].minor, 16);
	check_maybe(r->block.devices[1].weight, 500);
	assert_false(r->block.devices[1].leaf_weight.set);
	check_rates(&r->block.read_bps, 1, 0, UINT64_MAX);
	check_rates(&r->block.write_bps, 1, 1, 2);
	check_rates(&r->block.read_iops, 1, 2, 3);
	check_rates(&r->block.write_iops, 2, 3, 4);
}

static void check_device(const struct resources_device *d, bool allow, char type,
			 int64_t major, int64_t minor, const char *access)
{
	assert_int_equal(d->allow, allow);
	assert_int_equal(d->type, type);
	assert_int_equal(d->major, major);
	assert_int_equal(d->minor, minor);
	assert_int_equal(d->read, strchr(access, 'r') != NULL);
	assert_int_equal(d->write, strchr(access, 'w') != NULL);
	assert_int_equal(d->mknod, strchr(access, 'm') != NULL);
}

static void check_lists(const struct resources *r)
{
	assert_int_equal(r->n_devices, 4);
	check_device(&r->devices[0], false, 'a', -1, -1, "rwm");
	check_device(&r->devices[1], true, 'c', 10, 229, "rw");
	check_device(&r->devices[2], true, 'b', -1, -1, "m");
	check_device(&r->devices[3], false, 'a', -1, -1, "rwm");
	assert_int_equal(r->n_hugetlb, 2);
	assert_string_equal(r->hugetlb[0].page_size, "2MB");
	assert_true(r->hugetlb[0].limit == UINT64_MAX);
	assert_string_equal(r->hugetlb[1].page_size, "64KB");
	assert_int_equal(r->n_priorities, 1);
	assert_string_equal(r->priorities[0].name, "eth0");
	assert_int_equal(r->priorities[0].priority, 500);
	assert_int_equal(r->n_rdma, 2);
	assert_string_equal(r->rdma[0].name, "mlx5_1");
	check_maybe(r->rdma[0].handles, 3);
	check_maybe(r->rdma[0].objects, 10000);
	assert_string_equal(r->rdma[1].name, "mlx4_0");
	assert_false(r->rdma[1].handles.set);
	assert_int_equal(r->n_unified, 2);
	assert_string_equal(r->unified[0].key, "memory.high");
	assert_string_equal(r->unified[0].value, "max");
	assert_string_equal(r->unified[1].key, "cgroup.max.depth");
}

static void resources_arrive_alone_and_within(void **state)
{
	auto_free char *whole = xasprintf(LINUX("'resources':%s"), resources_text);
	auto_(oci_free_p) struct oci *alone = parse_with(oci_parse_resources,
							 resources_text);
	auto_(oci_free_p) struct oci *within = parse(whole);

	(void)state;
	check_numbers(&alone->resources);
	check_block(&alone->resources);
	check_lists(&alone->resources);
	assert_false(alone->has_process);
	check_numbers(&within->resources);
	check_block(&within->resources);
	check_lists(&within->resources);
}

static void a_swappiness_of_minus_one_is_none(void **state)
{
	static const char *const v[] = {
		"{'memory':{'swappiness':-1}}",
		"{'memory':{'swappiness':18446744073709551615}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		auto_(oci_free_p) struct oci *o = parse_with(oci_parse_resources, v[i]);

		assert_false(o->resources.memory.swappiness.set);
	}
}

static void a_seccomp_profile_arrives(void **state)
{
	auto_(oci_free_p) struct oci *o = parse(LINUX(
		"'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,"
		"'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X32'],"
		"'flags':['SECCOMP_FILTER_FLAG_LOG'],'listenerPath':'/run/s',"
		"'listenerMetadata':'m','syscalls':[{'names':['read','write'],"
		"'action':'SCMP_ACT_ALLOW'},{'names':['clone'],'action':'SCMP_ACT_ERRNO',"
		"'errnoRet':0,'args':[{'index':5,'value':2114060288,"
		"'valueTwo':18446744073709551615,'op':'SCMP_CMP_MASKED_EQ'}]}]}"));
	const struct seccomp_profile *p = &o->seccomp;

	(void)state;
	assert_true(o->has_seccomp);
	assert_string_equal(p->default_action, "SCMP_ACT_ERRNO");
	assert_true(p->has_default_errno);
	assert_int_equal(p->default_errno, 38);
	assert_int_equal(p->n_arches, 2);
	assert_string_equal(p->arches[1], "SCMP_ARCH_X32");
	assert_int_equal(p->n_flags, 1);
	assert_string_equal(p->flags[0], "SECCOMP_FILTER_FLAG_LOG");
	assert_string_equal(p->listener_path, "/run/s");
	assert_string_equal(p->listener_metadata, "m");
	assert_int_equal(p->n_rules, 2);
	assert_int_equal(p->rules[0].n_names, 2);
	assert_string_equal(p->rules[0].names[1], "write");
	assert_string_equal(p->rules[0].action, "SCMP_ACT_ALLOW");
	assert_false(p->rules[0].has_errno);
	assert_int_equal(p->rules[0].n_args, 0);
	assert_true(p->rules[1].has_errno);
	assert_int_equal(p->rules[1].errno_ret, 0);
	assert_int_equal(p->rules[1].args[0].index, 5);
	assert_int_equal(p->rules[1].args[0].value, 2114060288);
	assert_true(p->rules[1].args[0].value_two == UINT64_MAX);
	assert_string_equal(p->rules[1].args[0].op, "SCMP_CMP_MASKED_EQ");
}

/* ---- what dynorun writes itself ---- */

static void the_default_can_be_read(void **state)
{
	for (int rootless = 0; rootless <= 1; rootless++) {
		auto_free char *text = oci_default_config(rootless, !rootless);
		auto_(oci_free_p) struct oci *o = parse(text);

		(void)state;
		assert_string_equal(o->version, OCI_VERSION);
		assert_string_equal(o->root_path, "rootfs");
		assert_true(o->root_readonly);
		assert_true(o->process.terminal);
		assert_true(o->process.no_new_privileges);
		STRINGS(&o->process.args, "sh");
		assert_int_equal(o->process.capabilities.bounding,
				 1ULL << CAP_AUDIT_WRITE | 1ULL << CAP_KILL |
				 1ULL << CAP_NET_BIND_SERVICE);
		assert_int_equal(o->n_mounts, 7);
		assert_int_equal(o->namespaces[OCI_NS_USER].set, rootless);
		assert_int_equal(o->namespaces[OCI_NS_NETWORK].set, !rootless);
		assert_int_equal(o->namespaces[OCI_NS_CGROUP].set, !rootless);
		assert_int_equal(o->n_uid_maps, rootless);
		assert_int_equal(o->resources.n_devices, !rootless);
		for (size_t i = 0; i < o->n_mounts; i++)
			for (size_t k = 0; k < o->mounts[i].options.n; k++)
				assert_false(rootless &&
					     str_eq(o->mounts[i].options.v[k], "gid=5"));
	}
}

static void features_can_be_read(void **state)
{
	auto_free char *text = oci_features();
	json_t *f = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *l;

	(void)state;
	assert_non_null(f);
	assert_string_equal(json_string_value(json_object_get(f, "ociVersionMin")),
			    "1.0.0");
	assert_string_equal(json_string_value(json_object_get(f, "ociVersionMax")),
			    OCI_VERSION);
	assert_int_equal(json_array_size(json_object_get(f, "hooks")), OCI_HOOK_KINDS);
	assert_true(json_array_size(json_object_get(f, "mountOptions")) > 60);
	l = json_object_get(f, "linux");
	assert_int_equal(json_array_size(json_object_get(l, "namespaces")),
			 OCI_NS_KINDS);
	assert_int_equal(json_array_size(json_object_get(l, "capabilities")),
			 CAP_LAST_CAP + 1);
	assert_string_equal(json_string_value(json_array_get(
		json_object_get(l, "capabilities"), CAP_SYS_ADMIN)), "CAP_SYS_ADMIN");
	assert_true(json_is_true(json_object_get(json_object_get(l, "seccomp"),
						 "enabled")));
	assert_true(json_is_false(json_object_get(json_object_get(l, "intelRdt"),
						  "enabled")));
	json_decref(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_configuration_is_empty),
		cmocka_unit_test(the_outermost_members_arrive),
		cmocka_unit_test(null_and_empty_text_are_absent),
		cmocka_unit_test(versions_of_major_one_are_accepted),
		cmocka_unit_test(the_process_arrives_alone_and_within),
		cmocka_unit_test(a_size_without_a_terminal_is_ignored),
		cmocka_unit_test(capability_names_are_those_of_the_kernel),
		cmocka_unit_test(mounts_arrive),
		cmocka_unit_test(mappings_arrive_out_of_options),
		cmocka_unit_test(hooks_arrive),
		cmocka_unit_test(namespaces_arrive),
		cmocka_unit_test(a_joined_user_namespace_has_its_mappings),
		cmocka_unit_test(the_linux_object_arrives),
		cmocka_unit_test(sysctls_arrive_as_paths),
		cmocka_unit_test(resources_arrive_alone_and_within),
		cmocka_unit_test(a_swappiness_of_minus_one_is_none),
		cmocka_unit_test(a_seccomp_profile_arrives),
		cmocka_unit_test(the_default_can_be_read),
		cmocka_unit_test(features_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
