/*
 * test-oci_errors.c - each wrong configuration is refused, and the message says
 * where and why.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/oci/oci.h"
#include "tests/runtime/oci_text.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

struct wrong {
	const char *text, *message;
};

typedef int parse_fn(struct oci **ret, const char *text, size_t n,
		     struct error *e);

static int check_one(parse_fn *parse, const char *quoted, const char *message)
{
	auto_free char *text = oci_text(quoted);
	auto_(oci_free_p) struct oci *o = NULL;
	struct error e = { 0 };
	int r = parse(&o, text, strlen(text), &e);

	if (r == -EINVAL && !o && e.code == EINVAL && str_eq(e.msg, message))
		return 0;
	print_error("%s\n  says   %d %s\n  wanted %s\n", text, r, e.msg, message);
	return 1;
}

static void check(parse_fn *parse, const struct wrong *v, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++)
		bad += check_one(parse, v[i].text, v[i].message);
	assert_int_equal(bad, 0);
}

#define CHECK(parse, v) check(parse, v, ARRAY_SIZE(v))

static void what_is_not_json_is_told_by_line(void **state)
{
	static const struct wrong v[] = {
		{ "", "line 1, column 0: '[' or '{' expected near end of file" },
		{ "{\n 'a': }", "line 2, column 7: unexpected token near '}'" },
		{ "{'a':1,'a':2}", "line 1, column 10: duplicate object key near '\"a\"'" },
		{ "{'a':'\\u0000'}",
		  "line 1, column 13: \\u0000 is not allowed without JSON_ALLOW_NUL near "
		  "'\"\\u0000\"'" },
		{ "{} {}", "line 1, column 4: end of file expected near '{'" },
		{ "{'a':01}", "line 1, column 6: invalid token near '0'" },
		{ "{'a':1.}", "line 1, column 7: invalid token near '1.'" },
		{ "{'a':1e}", "line 1, column 7: invalid token near '1e'" },
		{ "{'a':-}", "line 1, column 6: invalid token near '-'" },
		{ "{'a':'\x01'}",
		  "line 1, column 6: control character 0x1 near '\"'" },
		{ "[]", "not an object" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

static void the_outermost_members_are_checked(void **state)
{
	static const struct wrong v[] = {
		{ "{}", "ociVersion: missing" },
		{ "{'ociVersion':null}", "ociVersion: missing" },
		{ "{'ociVersion':1}", "ociVersion: not a string" },
		{ "{'ociVersion':''}", "ociVersion: empty" },
		{ "{'ociVersion':'1'}",
		  "ociVersion: \"1\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'1.2'}",
		  "ociVersion: \"1.2\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'1.02.0'}",
		  "ociVersion: \"1.02.0\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'1.2.0.1'}",
		  "ociVersion: \"1.2.0.1\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'1.2.0-'}",
		  "ociVersion: \"1.2.0-\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'1.2.0-a..b'}",
		  "ociVersion: \"1.2.0-a..b\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'1.2.0-a_b'}",
		  "ociVersion: \"1.2.0-a_b\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'v1.2.0'}",
		  "ociVersion: \"v1.2.0\" is not a version such as 1.2.0" },
		{ "{'ociVersion':'0.9.0'}",
		  "ociVersion: \"0.9.0\" is not supported, 1.x is" },
		{ "{'ociVersion':'2.0.0'}",
		  "ociVersion: \"2.0.0\" is not supported, 1.x is" },
		{ "{'ociVersion':'10.0.0'}",
		  "ociVersion: \"10.0.0\" is not supported, 1.x is" },
		{ "{'ociVersion':'1.2.0'}", "root: missing" },
		{ "{'ociVersion':'1.2.0','root':null}", "root: missing" },
		{ "{'ociVersion':'1.2.0','root':'/'}", "root: not an object" },
		{ "{'ociVersion':'1.2.0','root':{}}", "root.path: missing" },
		{ "{'ociVersion':'1.2.0','root':{'path':''}}", "root.path: empty" },
		{ "{'ociVersion':'1.2.0','root':{'path':[]}}",
		  "root.path: not a string" },
		{ "{'ociVersion':'1.2.0','root':{'path':'r','readonly':1}}",
		  "root.readonly: not true or false" },
		{ TOP("'hostname':7"), "hostname: not a string" },
		{ TOP("'hostname':'h'"), "hostname: needs a uts namespace" },
		{ TOP("'domainname':'d'"), "domainname: needs a uts namespace" },
		{ TOP("'domainname':{}"), "domainname: not a string" },
		{ TOP("'process':[]"), "process: not an object" },
		{ TOP("'linux':'yes'"), "linux: not an object" },
		{ TOP("'mounts':{}"), "mounts: not an array" },
		{ TOP("'hooks':[]"), "hooks: not an object" },
		{ TOP("'annotations':[]"), "annotations: not an object" },
		{ TOP("'annotations':{'a':1}"), "annotations.a: not a string" },
		{ TOP("'annotations':{'org.x/y':null}"),
		  "annotations[\"org.x/y\"]: not a string" },
		{ TOP("'annotations':{'':'x'}"), "annotations[\"\"]: no name" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

static void mounts_are_checked(void **state)
{
	static const struct wrong v[] = {
		{ TOP("'mounts':['/proc']"), "mounts[0]: not an object" },
		{ TOP("'mounts':[{}]"), "mounts[0].destination: missing" },
		{ TOP("'mounts':[{'destination':''}]"),
		  "mounts[0].destination: empty" },
		{ TOP("'mounts':[{'destination':'/a'},{'destination':3}]"),
		  "mounts[1].destination: not a string" },
		{ TOP("'mounts':[{'destination':'/a','type':false}]"),
		  "mounts[0].type: not a string" },
		{ TOP("'mounts':[{'destination':'/a','source':0}]"),
		  "mounts[0].source: not a string" },
		{ TOP("'mounts':[{'destination':'/a','options':'ro'}]"),
		  "mounts[0].options: not an array" },
		{ TOP("'mounts':[{'destination':'/a','options':['ro',null]}]"),
		  "mounts[0].options[1]: not a string" },
		{ TOP("'mounts':[{'destination':'/a','options':['idmap']}]"),
		  "mounts[0].options[0]: without mappings it needs a user namespace" },
		{ TOP("'mounts':[{'destination':'/a','options':['bind','ridmap']}]"),
		  "mounts[0].options[1]: without mappings it needs a user namespace" },
		{ TOP("'mounts':[{'destination':'/a','uidMappings':"
		      "[{'containerID':0,'hostID':1,'size':1}]}]"),
		  "mounts[0].gidMappings: missing beside uidMappings" },
		{ TOP("'mounts':[{'destination':'/a','gidMappings':"
		      "[{'containerID':0,'hostID':1,'size':1}]}]"),
		  "mounts[0].uidMappings: missing beside gidMappings" },
		{ TOP("'mounts':[{'destination':'/a','uidMappings':"
		      "[{'containerID':0,'hostID':1,'size':0}]}]"),
		  "mounts[0].uidMappings[0].size: not within 1..4294967295" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

static void mappings_in_options_are_checked(void **state)
{
	static const char *const v[] = {
		"", "uids=0-1-10", "gids=0-1-10", "uids=0-1-10;uids=0-1-10",
		"uids=;gids=0-1-1", "uids=0-1;gids=0-1-1", "uids=0-1-;gids=0-1-1",
		"uids=0-1-0;gids=0-1-1", "uids=0-1-1#;gids=0-1-1",
		"uids=-0-1-1;gids=0-1-1", "uids=0-1-1x;gids=0-1-1",
		"uids=0-1-1;gids=0-4294967296-1", "uids=0-1-1;gids=0-1-4294967295",
		"uids=4294967295-1-1;gids=0-1-1", "uids=@0-1-1;gids=0-1-1",
		"pids=0-1-1;gids=0-1-1", ";uids=0-1-1;gids=0-1-1",
	};
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		auto_free char *text = xasprintf(TOP("'mounts':[{'destination':'/a',"
			"'options':['bind','idmap=%s']}]"), v[i]);
		auto_free char *message = xasprintf("mounts[0].options[1]: \"%s\" is "
			"not a mapping such as uids=0-1000-10;gids=0-1000-10", v[i]);

		bad += check_one(oci_parse, text, message);
	}
	assert_int_equal(bad, 0);
}

static void hooks_are_checked(void **state)
{
	static const struct wrong v[] = {
		{ TOP("'hooks':{'prestart':{}}"), "hooks.prestart: not an array" },
		{ TOP("'hooks':{'createRuntime':['/bin/true']}"),
		  "hooks.createRuntime[0]: not an object" },
		{ TOP("'hooks':{'createContainer':[{}]}"),
		  "hooks.createContainer[0].path: missing" },
		{ TOP("'hooks':{'startContainer':[{'path':'bin/x'}]}"),
		  "hooks.startContainer[0].path: \"bin/x\" is not an absolute path" },
		{ TOP("'hooks':{'poststart':[{'path':''}]}"),
		  "hooks.poststart[0].path: empty" },
		{ TOP("'hooks':{'poststop':[{'path':'/x','args':'x'}]}"),
		  "hooks.poststop[0].args: not an array" },
		{ TOP("'hooks':{'poststop':[{'path':'/x','env':[1]}]}"),
		  "hooks.poststop[0].env[0]: not a string" },
		{ TOP("'hooks':{'poststop':[{'path':'/x','timeout':0}]}"),
		  "hooks.poststop[0].timeout: not within 1..2147483647" },
		{ TOP("'hooks':{'poststop':[{'path':'/x','timeout':-1}]}"),
		  "hooks.poststop[0].timeout: not within 1..2147483647" },
		{ TOP("'hooks':{'poststop':[{'path':'/x','timeout':'5'}]}"),
		  "hooks.poststop[0].timeout: not a number" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

#define LIMIT(members) PROCESS("'rlimits':[{" members "}]")
#define CORE "{'type':'RLIMIT_CORE','soft':0,'hard':0}"

static void the_process_is_checked(void **state)
{
	static const struct wrong v[] = {
		{ TOP("'process':{}"), "process.cwd: missing" },
		{ TOP("'process':{'cwd':''}"), "process.cwd: empty" },
		{ TOP("'process':{'cwd':'tmp'}"),
		  "process.cwd: \"tmp\" is not an absolute path" },
		{ TOP("'process':{'cwd':'/'}"), "process.args: missing" },
		{ TOP("'process':{'cwd':'/','args':[]}"), "process.args: empty" },
		{ TOP("'process':{'cwd':'/','args':'sh'}"),
		  "process.args: not an array" },
		{ TOP("'process':{'cwd':'/','args':['sh',5]}"),
		  "process.args[1]: not a string" },
		{ TOP("'process':{'cwd':'/','args':['']}"),
		  "process.args: the first is empty" },
		{ PROCESS("'terminal':'yes'"), "process.terminal: not true or false" },
		{ PROCESS("'terminal':true,'consoleSize':[]"),
		  "process.consoleSize: not an object" },
		{ PROCESS("'terminal':true,'consoleSize':{'width':80}"),
		  "process.consoleSize.height: missing" },
		{ PROCESS("'terminal':true,'consoleSize':{'height':25}"),
		  "process.consoleSize.width: missing" },
		{ PROCESS("'terminal':true,"
			  "'consoleSize':{'height':65536,'width':80}"),
		  "process.consoleSize.height: not within 0..65535" },
		{ PROCESS("'env':{'A':'b'}"), "process.env: not an array" },
		{ PROCESS("'env':['A=b',true]"), "process.env[1]: not a string" },
		{ PROCESS("'user':0"), "process.user: not an object" },
		{ PROCESS("'user':{'uid':'root'}"), "process.user.uid: not a number" },
		{ PROCESS("'user':{'uid':-1}"),
		  "process.user.uid: not within 0..4294967294" },
		{ PROCESS("'user':{'uid':4294967295}"),
		  "process.user.uid: not within 0..4294967294" },
		{ PROCESS("'user':{'gid':4294967296}"),
		  "process.user.gid: not within 0..4294967294" },
		{ PROCESS("'user':{'gid':1.5}"), "process.user.gid: not a whole number" },
		{ PROCESS("'user':{'gid':1e2}"), "process.user.gid: not a whole number" },
		{ PROCESS("'user':{'gid':1.0}"), "process.user.gid: not a whole number" },
		{ PROCESS("'user':{'uid':18446744073709551616}"),
		  "process.user.uid: not within 0..4294967294" },
		{ PROCESS("'user':{'umask':512}"),
		  "process.user.umask: not within 0..511" },
		{ PROCESS("'user':{'additionalGids':5}"),
		  "process.user.additionalGids: not an array" },
		{ PROCESS("'user':{'additionalGids':[0,-5]}"),
		  "process.user.additionalGids[1]: not within 0..4294967294" },
		{ PROCESS("'user':{'additionalGids':['x']}"),
		  "process.user.additionalGids[0]: not a number" },
		{ PROCESS("'noNewPrivileges':null,'oomScoreAdj':1001"),
		  "process.oomScoreAdj: not within -1000..1000" },
		{ PROCESS("'oomScoreAdj':-1001"),
		  "process.oomScoreAdj: not within -1000..1000" },
		{ PROCESS("'noNewPrivileges':0"),
		  "process.noNewPrivileges: not true or false" },
		{ PROCESS("'apparmorProfile':1"), "process.apparmorProfile: not a string" },
		{ PROCESS("'selinuxLabel':[]"), "process.selinuxLabel: not a string" },
		{ PROCESS("'rlimits':{}"), "process.rlimits: not an array" },
		{ LIMIT("'soft':1,'hard':1"), "process.rlimits[0].type: missing" },
		{ LIMIT("'type':'RLIMIT_FOO','soft':1,'hard':1"),
		  "process.rlimits[0].type: \"RLIMIT_FOO\" is not known" },
		{ LIMIT("'type':'NOFILE','soft':1,'hard':1"),
		  "process.rlimits[0].type: \"NOFILE\" is not known" },
		{ LIMIT("'type':'RLIMIT_CORE','hard':1"),
		  "process.rlimits[0].soft: missing" },
		{ LIMIT("'type':'RLIMIT_CORE','soft':1"),
		  "process.rlimits[0].hard: missing" },
		{ PROCESS("'rlimits':[" CORE ",{'type':'RLIMIT_AS','soft':0,'hard':0},"
			  "{'type':'RLIMIT_CPU','soft':'x','hard':0}]"),
		  "process.rlimits[2].soft: not a number" },
		{ LIMIT("'type':'RLIMIT_CORE','soft':-1,'hard':1"),
		  "process.rlimits[0].soft: out of range" },
		{ LIMIT("'type':'RLIMIT_CORE','soft':1,'hard':18446744073709551616"),
		  "process.rlimits[0].hard: out of range" },
		{ LIMIT("'type':'RLIMIT_CORE','soft':2,'hard':1"),
		  "process.rlimits[0].soft: above the hard limit" },
		{ LIMIT("'type':'RLIMIT_CORE','soft':18446744073709551615,"
			"'hard':18446744073709551614"),
		  "process.rlimits[0].soft: above the hard limit" },
		{ PROCESS("'rlimits':[" CORE "," CORE "]"),
		  "process.rlimits[1].type: given twice" },
		{ PROCESS("'capabilities':['CAP_KILL']"),
		  "process.capabilities: not an object" },
		{ PROCESS("'capabilities':{'bounding':'CAP_KILL'}"),
		  "process.capabilities.bounding: not an array" },
		{ PROCESS("'capabilities':{'ambient':[7]}"),
		  "process.capabilities.ambient[0]: not a string" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

#define DEADLINE "sched_setattr: `SCHED_DEADLINE` "

static void scheduling_is_checked(void **state)
{
	static const struct wrong v[] = {
		{ PROCESS("'scheduler':'x'"), "process.scheduler: not an object" },
		{ PROCESS("'scheduler':{}"), "process.scheduler.policy: missing" },
		{ PROCESS("'scheduler':{'policy':'SCHED_X'}"),
		  "process.scheduler.policy: \"SCHED_X\" is not known" },
		{ PROCESS("'scheduler':{'policy':3}"),
		  "process.scheduler.policy: not a string" },
		{ PROCESS("'scheduler':{'policy':'SCHED_OTHER','nice':20}"),
		  "process.scheduler.nice: not within -20..19" },
		{ PROCESS("'scheduler':{'policy':'SCHED_OTHER','nice':-21}"),
		  "process.scheduler.nice: not within -20..19" },
		{ PROCESS("'scheduler':{'policy':'SCHED_FIFO','priority':100}"),
		  "process.scheduler.priority: not within 0..99" },
		{ PROCESS("'scheduler':{'policy':'SCHED_OTHER','priority':1}"),
		  "process.scheduler.priority: only for SCHED_FIFO and SCHED_RR" },
		{ PROCESS("'scheduler':{'policy':'SCHED_RR','runtime':1}"),
		  "process.scheduler: runtime, deadline and period are only for "
		  "SCHED_DEADLINE" },
		{ PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','deadline':9}"),
		  "process.scheduler.runtime: " DEADLINE "requires `runtime`" },
		{ PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':9}"),
		  "process.scheduler.deadline: " DEADLINE "requires `deadline`" },
		{ PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':0,"
			  "'deadline':8}"),
		  "process.scheduler.runtime: " DEADLINE
		  "runtime must be greater than 0" },
		{ PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':9,"
			  "'deadline':8}"),
		  "process.scheduler.runtime: " DEADLINE
		  "runtime must be <= deadline" },
		{ PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':9,"
			  "'deadline':9,'period':8}"),
		  "process.scheduler.deadline: " DEADLINE
		  "deadline must be <= period" },
		{ PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','runtime':9,"
			  "'deadline':9}"),
		  "process.scheduler.runtime: " DEADLINE
		  "runtime must be between 1024 and 2^63" },
		{ PROCESS("'scheduler':{'policy':'SCHED_DEADLINE','period':-1}"),
		  "process.scheduler.period: out of range" },
		{ PROCESS("'scheduler':{'policy':'SCHED_RR','flags':'x'}"),
		  "process.scheduler.flags: not an array" },
		{ PROCESS("'scheduler':{'policy':'SCHED_RR','flags':['x']}"),
		  "process.scheduler.flags[0]: \"x\" is not known" },
		{ PROCESS("'ioPriority':{'priority':1}"),
		  "process.ioPriority.class: missing" },
		{ PROCESS("'ioPriority':{'class':'RT'}"),
		  "process.ioPriority.class: \"RT\" is not known" },
		{ PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':8}"),
		  "process.ioPriority.priority: not within 0..7" },
		{ PROCESS("'execCPUAffinity':{'initial':'0-'}"),
		  "process.execCPUAffinity.initial: \"0-\" is not a list such as 0-3,7" },
		{ PROCESS("'execCPUAffinity':{'final':'a'}"),
		  "process.execCPUAffinity.final: \"a\" is not a list such as 0-3,7" },
		{ PROCESS("'execCPUAffinity':{'final':'1,'}"),
		  "process.execCPUAffinity.final: \"1,\" is not a list such as 0-3,7" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

static void namespaces_and_ids_are_checked(void **state)
{
	static const struct wrong v[] = {
		{ LINUX("'memoryPolicy':{}"), "linux.memoryPolicy.mode: missing" },
		{ LINUX("'memoryPolicy':{'mode':'BIND'}"),
		  "linux.memoryPolicy.mode: \"BIND\" is not known" },
		{ LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'all'}"),
		  "linux.memoryPolicy.nodes: \"all\" is not a list such as 0-3,7" },
		{ LINUX("'namespaces':{}"), "linux.namespaces: not an array" },
		{ LINUX("'namespaces':['pid']"), "linux.namespaces[0]: not an object" },
		{ LINUX("'namespaces':[{}]"), "linux.namespaces[0].type: missing" },
		{ LINUX("'namespaces':[{'type':'pid'},{'type':'foo'}]"),
		  "linux.namespaces[1].type: \"foo\" is not known" },
		{ LINUX("'namespaces':[{'type':'net'}]"),
		  "linux.namespaces[0].type: \"net\" is not known" },
		{ LINUX("'namespaces':[{'type':'pid'},{'type':'ipc'},{'type':'pid'}]"),
		  "linux.namespaces[2].type: given twice" },
		{ LINUX("'namespaces':[{'type':'pid','path':'proc/1/ns/pid'}]"),
		  "linux.namespaces[0].path: \"proc/1/ns/pid\" is not an absolute path" },
		{ LINUX("'namespaces':[{'type':'pid','path':4}]"),
		  "linux.namespaces[0].path: not a string" },
		{ LINUX("'uidMappings':{}"), "linux.uidMappings: not an array" },
		{ OWN_IDS("'uidMappings':[{'hostID':0,'size':1}]"),
		  "linux.uidMappings[0].containerID: missing" },
		{ OWN_IDS("'uidMappings':[{'containerID':0,'size':1}]"),
		  "linux.uidMappings[0].hostID: missing" },
		{ OWN_IDS("'gidMappings':[{'containerID':0,'hostID':0}]"),
		  "linux.gidMappings[0].size: missing" },
		{ OWN_IDS("'gidMappings':[{'containerID':0,'hostID':0,'size':0}]"),
		  "linux.gidMappings[0].size: not within 1..4294967295" },
		{ OWN_IDS("'gidMappings':[{'containerID':-1,'hostID':0,'size':1}]"),
		  "linux.gidMappings[0].containerID: not within 0..4294967294" },
		{ OWN_IDS("'gidMappings':[{'containerID':0,'hostID':4294967295,'size':1}]"),
		  "linux.gidMappings[0].hostID: not within 0..4294967294" },
		{ OWN_IDS("'gidMappings':[{'containerID':1,'hostID':0,'size':4294967295}]"),
		  "linux.gidMappings[0].size: more than there are ids" },
		{ OWN_IDS("'uidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
		  "linux.gidMappings: missing beside uidMappings" },
		{ OWN_IDS("'gidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
		  "linux.uidMappings: missing beside gidMappings" },
		{ OWN_IDS("'uidMappings':[],'gidMappings':[]"),
		  "linux.uidMappings: missing: a new user namespace needs it" },
		{ LINUX("'namespaces':[{'type':'user','path':''}]"),
		  "linux.uidMappings: missing: a new user namespace needs it" },
		{ LINUX("'uidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
		  "linux.uidMappings: needs a user namespace" },
		{ LINUX("'gidMappings':[{'containerID':0,'hostID':0,'size':1}]"),
		  "linux.gidMappings: needs a user namespace" },
		{ OWN("'timeOffsets':5"), "linux.timeOffsets: not an object" },
		{ OWN("'timeOffsets':{'monotonic':5}"),
		  "linux.timeOffsets.monotonic: not an object" },
		{ OWN("'timeOffsets':{'boottime':{'secs':'5'}}"),
		  "linux.timeOffsets.boottime.secs: not a number" },
		{ OWN("'timeOffsets':{'boottime':{'secs':9223372036854775808}}"),
		  "linux.timeOffsets.boottime.secs: out of range" },
		{ OWN("'timeOffsets':{'boottime':{'nanosecs':1000000000}}"),
		  "linux.timeOffsets.boottime.nanosecs: not within 0..999999999" },
		{ OWN("'timeOffsets':{'realtime':{}}"),
		  "linux.timeOffsets.realtime: no such clock" },
		{ LINUX("'timeOffsets':{'monotonic':{'secs':1}}"),
		  "linux.timeOffsets: needs a time namespace" },
		{ LINUX("'namespaces':[{'type':'time','path':'/t'}],"
			"'timeOffsets':{'monotonic':{'secs':1}}"),
		  "linux.timeOffsets: not with a joined time namespace" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

#define DEVICE(members) LINUX("'devices':[{" members "}]")

static void the_linux_object_is_checked(void **state)
{
	static const struct wrong v[] = {
		{ LINUX("'devices':{}"), "linux.devices: not an array" },
		{ DEVICE("'type':'c','major':1,'minor':3"),
		  "linux.devices[0].path: missing" },
		{ DEVICE("'path':'dev/x','type':'c','major':1,'minor':3"),
		  "linux.devices[0].path: \"dev/x\" is not an absolute path" },
		{ DEVICE("'path':'/dev/x','major':1,'minor':3"),
		  "linux.devices[0].type: missing" },
		{ DEVICE("'path':'/dev/x','type':'a','major':1,'minor':3"),
		  "linux.devices[0].type: \"a\" is not known" },
		{ DEVICE("'path':'/dev/x','type':'c','minor':3"),
		  "linux.devices[0].major: missing" },
		{ DEVICE("'path':'/dev/x','type':'b','major':1"),
		  "linux.devices[0].minor: missing" },
		{ DEVICE("'path':'/dev/x','type':'u','major':-1,'minor':0"),
		  "linux.devices[0].major: not within 0..4095" },
		{ DEVICE("'path':'/dev/x','type':'c','major':1,'minor':1048576"),
		  "linux.devices[0].minor: not within 0..1048575" },
		{ DEVICE("'path':'/dev/x','type':'c','major':1,'minor':1,'fileMode':'6'"),
		  "linux.devices[0].fileMode: not a number" },
		{ DEVICE("'path':'/dev/x','type':'c','major':1,'minor':1,'uid':-1"),
		  "linux.devices[0].uid: not within 0..4294967294" },
		{ LINUX("'cgroupsPath':5"), "linux.cgroupsPath: not a string" },
		{ LINUX("'cgroupsPath':'/a/../b'"),
		  "linux.cgroupsPath: \"/a/../b\" goes upwards" },
		{ LINUX("'cgroupsPath':'..'"), "linux.cgroupsPath: \"..\" goes upwards" },
		{ LINUX("'cgroupsPath':'a//..'"),
		  "linux.cgroupsPath: \"a//..\" goes upwards" },
		{ LINUX("'rootfsPropagation':'open'"),
		  "linux.rootfsPropagation: \"open\" is not known" },
		{ LINUX("'rootfsPropagation':true"),
		  "linux.rootfsPropagation: not a string" },
		{ LINUX("'mountLabel':0"), "linux.mountLabel: not a string" },
		{ OWN("'maskedPaths':'/proc/kcore'"), "linux.maskedPaths: not an array" },
		{ OWN("'maskedPaths':['/a','b']"),
		  "linux.maskedPaths[1]: \"b\" is not an absolute path" },
		{ OWN("'maskedPaths':['']"),
		  "linux.maskedPaths[0]: \"\" is not an absolute path" },
		{ OWN("'readonlyPaths':['./a']"),
		  "linux.readonlyPaths[0]: \"./a\" is not an absolute path" },
		{ LINUX("'maskedPaths':['/a']"),
		  "linux.maskedPaths: needs a mount namespace" },
		{ LINUX("'readonlyPaths':['/a']"),
		  "linux.readonlyPaths: needs a mount namespace" },
		{ LINUX("'personality':{}"), "linux.personality.domain: missing" },
		{ LINUX("'personality':{'domain':'BSD'}"),
		  "linux.personality.domain: \"BSD\" is not known" },
		{ LINUX("'personality':{'domain':'LINUX','flags':1}"),
		  "linux.personality.flags: not an array" },
		{ LINUX("'personality':{'domain':'LINUX','flags':['A']}"),
		  "linux.personality.flags[0]: \"A\" is not known" },
		{ LINUX("'intelRdt':{}"), "linux.intelRdt: not supported" },
		{ LINUX("'sysctl':[]"), "linux.sysctl: not an object" },
		{ LINUX("'resources':[]"), "linux.resources: not an object" },
		{ LINUX("'seccomp':[]"), "linux.seccomp: not an object" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

#define SYSCTL_OWN(key) OWN("'sysctl':{'" key "':'1'}")
#define SYSCTL_HOST(key) LINUX("'sysctl':{'" key "':'1'}")

static void sysctls_must_be_of_a_namespace_of_the_container(void **state)
{
	static const struct wrong v[] = {
		{ OWN("'sysctl':{'net.ipv4.ip_forward':1}"),
		  "linux.sysctl[\"net.ipv4.ip_forward\"]: not a string" },
		{ SYSCTL_HOST("net.ipv4.ip_forward"),
		  "linux.sysctl[\"net.ipv4.ip_forward\"]: needs a network namespace" },
		{ SYSCTL_HOST("net/ipv4/ip_forward"),
		  "linux.sysctl[\"net/ipv4/ip_forward\"]: needs a network namespace" },
		{ SYSCTL_HOST("kernel.sem"),
		  "linux.sysctl[\"kernel.sem\"]: needs an ipc namespace" },
		{ SYSCTL_HOST("kernel.shm_rmid_forced"),
		  "linux.sysctl[\"kernel.shm_rmid_forced\"]: needs an ipc namespace" },
		{ SYSCTL_HOST("fs.mqueue.msg_max"),
		  "linux.sysctl[\"fs.mqueue.msg_max\"]: needs an ipc namespace" },
		{ SYSCTL_HOST("kernel.domainname"),
		  "linux.sysctl[\"kernel.domainname\"]: needs a uts namespace" },
		{ SYSCTL_HOST("user.max_user_namespaces"),
		  "linux.sysctl[\"user.max_user_namespaces\"]: needs a user namespace" },
		{ SYSCTL_OWN("kernel.hostname"),
		  "linux.sysctl[\"kernel.hostname\"]: set by \"hostname\" only" },
		{ SYSCTL_OWN("kernel.core_pattern"),
		  "linux.sysctl[\"kernel.core_pattern\"]: belongs to the whole machine" },
		{ SYSCTL_OWN("kernel.semaphore"),
		  "linux.sysctl[\"kernel.semaphore\"]: belongs to the whole machine" },
		{ SYSCTL_OWN("kernel.shmmax.x"),
		  "linux.sysctl[\"kernel.shmmax.x\"]: belongs to the whole machine" },
		{ SYSCTL_OWN("vm.swappiness"),
		  "linux.sysctl[\"vm.swappiness\"]: belongs to the whole machine" },
		{ SYSCTL_OWN("fs.file-max"),
		  "linux.sysctl[\"fs.file-max\"]: belongs to the whole machine" },
		{ SYSCTL_OWN("net"),
		  "linux.sysctl.net: belongs to the whole machine" },
		{ SYSCTL_OWN("net."),
		  "linux.sysctl[\"net.\"]: not a name below /proc/sys" },
		{ SYSCTL_OWN("net..x"),
		  "linux.sysctl[\"net..x\"]: not a name below /proc/sys" },
		{ SYSCTL_OWN("net/../kernel/core_pattern"),
		  "linux.sysctl[\"net/../kernel/core_pattern\"]: "
		  "not a name below /proc/sys" },
		{ SYSCTL_OWN("net.//.kernel.core_pattern"),
		  "linux.sysctl[\"net.//.kernel.core_pattern\"]: "
		  "not a name below /proc/sys" },
		{ SYSCTL_OWN("net/./x"),
		  "linux.sysctl[\"net/./x\"]: not a name below /proc/sys" },
		{ SYSCTL_OWN("/net/ipv4/x"),
		  "linux.sysctl[\"/net/ipv4/x\"]: not a name below /proc/sys" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

#define MEMORY(m) RESOURCES("'memory':{" m "}")
#define CPU(m) RESOURCES("'cpu':{" m "}")
#define BLOCK(m) RESOURCES("'blockIO':{" m "}")
#define RATE(m) BLOCK("'throttleReadBpsDevice':[{" m "}]")
#define WEIGHTS(m) BLOCK("'weightDevice':[{" m "}]")
#define NETWORK(m) RESOURCES("'network':{" m "}")
#define ALLOW(m) RESOURCES("'devices':[{" m "}]")
#define PAGES(m) RESOURCES("'hugepageLimits':[{" m "}]")

static void resources_are_checked(void **state)
{
	static const struct wrong v[] = {
		{ RESOURCES("'memory':5"), "linux.resources.memory: not an object" },
		{ MEMORY("'limit':'5m'"), "linux.resources.memory.limit: not a number" },
		{ MEMORY("'limit':-2"),
		  "linux.resources.memory.limit: out of range: below -1 or too large" },
		{ MEMORY("'swap':9223372036854775808"),
		  "linux.resources.memory.swap: out of range: below -1 or too large" },
		{ MEMORY("'reservation':0.5"),
		  "linux.resources.memory.reservation: not a whole number" },
		{ MEMORY("'kernel':true"), "linux.resources.memory.kernel: not a number" },
		{ MEMORY("'kernelTCP':[]"),
		  "linux.resources.memory.kernelTCP: not a number" },
		{ MEMORY("'swappiness':101"),
		  "linux.resources.memory.swappiness: not within 0..100" },
		{ MEMORY("'swappiness':'x'"),
		  "linux.resources.memory.swappiness: not a number" },
		{ MEMORY("'disableOOMKiller':1"),
		  "linux.resources.memory.disableOOMKiller: not true or false" },
		{ MEMORY("'useHierarchy':0"),
		  "linux.resources.memory.useHierarchy: not true or false" },
		{ MEMORY("'checkBeforeUpdate':''"),
		  "linux.resources.memory.checkBeforeUpdate: not true or false" },
		{ CPU("'shares':-1"),
		  "linux.resources.cpu.shares: out of range: below 0 or too large" },
		{ CPU("'quota':-2"),
		  "linux.resources.cpu.quota: out of range: below -1 or too large" },
		{ CPU("'period':'x'"), "linux.resources.cpu.period: not a number" },
		{ CPU("'burst':{}"), "linux.resources.cpu.burst: not a number" },
		{ CPU("'quota':10,'burst':11"),
		  "linux.resources.cpu.burst: above the quota" },
		{ CPU("'realtimeRuntime':-2"), "linux.resources.cpu.realtimeRuntime: "
		  "out of range: below -1 or too large" },
		{ CPU("'realtimePeriod':-1"), "linux.resources.cpu.realtimePeriod: "
		  "out of range: below 0 or too large" },
		{ CPU("'idle':2"), "linux.resources.cpu.idle: not within 0..1" },
		{ CPU("'cpus':'0-3;7'"),
		  "linux.resources.cpu.cpus: \"0-3;7\" is not a list such as 0-3,7" },
		{ CPU("'cpus':3"), "linux.resources.cpu.cpus: not a string" },
		{ CPU("'mems':'0\\n1'"),
		  "linux.resources.cpu.mems: \"0?1\" is not a list such as 0-3,7" },
		{ RESOURCES("'pids':{'limit':-2}"),
		  "linux.resources.pids.limit: out of range: below -1 or too large" },
		{ BLOCK("'weight':9"), "linux.resources.blockIO.weight: not within 10..1000" },
		{ BLOCK("'weight':1001"),
		  "linux.resources.blockIO.weight: not within 0..1000" },
		{ BLOCK("'leafWeight':1"),
		  "linux.resources.blockIO.leafWeight: not within 10..1000" },
		{ WEIGHTS("'major':8,'minor':0"),
		  "linux.resources.blockIO.weightDevice[0]: "
		  "neither weight nor leafWeight" },
		{ WEIGHTS("'minor':0,'weight':10"),
		  "linux.resources.blockIO.weightDevice[0].major: missing" },
		{ WEIGHTS("'major':8,'minor':0,'leafWeight':5"),
		  "linux.resources.blockIO.weightDevice[0].leafWeight: "
		  "not within 10..1000" },
		{ RATE("'major':8,'minor':0"),
		  "linux.resources.blockIO.throttleReadBpsDevice[0].rate: missing" },
		{ RATE("'major':8,'minor':-1,'rate':1"),
		  "linux.resources.blockIO.throttleReadBpsDevice[0].minor: "
		  "not within 0..1048575" },
		{ RATE("'major':8,'minor':0,'rate':-1"),
		  "linux.resources.blockIO.throttleReadBpsDevice[0].rate: out of range" },
		{ BLOCK("'throttleWriteIOPSDevice':{}"),
		  "linux.resources.blockIO.throttleWriteIOPSDevice: not an array" },
		{ ALLOW("'type':'c'"), "linux.resources.devices[0].allow: missing" },
		{ ALLOW("'allow':'yes'"),
		  "linux.resources.devices[0].allow: not true or false" },
		{ ALLOW("'allow':true,'type':'x'"),
		  "linux.resources.devices[0].type: \"x\" is not known" },
		{ ALLOW("'allow':true,'major':-2"),
		  "linux.resources.devices[0].major: not within -1..4095" },
		{ ALLOW("'allow':true,'access':'rx'"),
		  "linux.resources.devices[0].access: \"rx\" is not made of r, w, m" },
		{ ALLOW("'allow':true,'access':7"),
		  "linux.resources.devices[0].access: not a string" },
		{ PAGES("'limit':5"), "linux.resources.hugepageLimits[0].pageSize: missing" },
		{ PAGES("'pageSize':'2MB'"),
		  "linux.resources.hugepageLimits[0].limit: missing" },
		{ PAGES("'pageSize':'2mb','limit':1"),
		  "linux.resources.hugepageLimits[0].pageSize: "
		  "\"2mb\" is not a size such as 2MB" },
		{ PAGES("'pageSize':'../../x','limit':1"),
		  "linux.resources.hugepageLimits[0].pageSize: "
		  "\"../../x\" is not a size such as 2MB" },
		{ PAGES("'pageSize':'2','limit':1"),
		  "linux.resources.hugepageLimits[0].pageSize: "
		  "\"2\" is not a size such as 2MB" },
		{ NETWORK("'classID':4294967296"),
		  "linux.resources.network.classID: not within 0..4294967295" },
		{ NETWORK("'priorities':[{'priority':1}]"),
		  "linux.resources.network.priorities[0].name: missing" },
		{ NETWORK("'priorities':[{'name':'eth0'}]"),
		  "linux.resources.network.priorities[0].priority: missing" },
		{ NETWORK("'priorities':[{'name':'eth 0','priority':1}]"),
		  "linux.resources.network.priorities[0].name: "
		  "\"eth 0\" is not the name of a device" },
		{ NETWORK("'priorities':[{'name':'a-name-too-long0','priority':1}]"),
		  "linux.resources.network.priorities[0].name: "
		  "\"a-name-too-long0\" is too long for a link" },
		{ RESOURCES("'rdma':[]"), "linux.resources.rdma: not an object" },
		{ RESOURCES("'rdma':{'mlx':5}"),
		  "linux.resources.rdma.mlx: not an object" },
		{ RESOURCES("'rdma':{'mlx':{'hcaHandles':-1}}"),
		  "linux.resources.rdma.mlx.hcaHandles: not within 0..4294967295" },
		{ RESOURCES("'rdma':{'m x':{}}"),
		  "linux.resources.rdma[\"m x\"]: \"m x\" is not the name of a device" },
		{ RESOURCES("'unified':['x']"),
		  "linux.resources.unified: not an object" },
		{ RESOURCES("'unified':{'memory.high':5}"),
		  "linux.resources.unified[\"memory.high\"]: not a string" },
		{ RESOURCES("'unified':{'memory':'5'}"),
		  "linux.resources.unified.memory: the specified key "
		  "has not the form CONTROLLER.VALUE `memory`" },
		{ RESOURCES("'unified':{'../memory.high':'5'}"),
		  "linux.resources.unified[\"../memory.high\"]: the specified key "
		  "has not the form CONTROLLER.VALUE `../memory.high`" },
		{ RESOURCES("'unified':{'.high':'5'}"),
		  "linux.resources.unified[\".high\"]: the specified key "
		  "has not the form CONTROLLER.VALUE `.high`" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

static void a_seccomp_profile_is_checked(void **state)
{
	static const struct wrong v[] = {
		{ LINUX("'seccomp':{}"), "linux.seccomp.defaultAction: missing" },
		{ LINUX("'seccomp':{'defaultAction':''}"),
		  "linux.seccomp.defaultAction: empty" },
		{ LINUX("'seccomp':{'defaultAction':'ALLOW'}"),
		  "linux.seccomp.defaultAction: \"ALLOW\" is not known" },
		{ SECCOMP("'defaultErrnoRet':-1"),
		  "linux.seccomp.defaultErrnoRet: not within 0..65535" },
		{ SECCOMP("'architectures':'x'"),
		  "linux.seccomp.architectures: not an array" },
		{ SECCOMP("'architectures':['SCMP_ARCH_VAX']"),
		  "linux.seccomp.architectures[0]: \"SCMP_ARCH_VAX\" is not known" },
		{ SECCOMP("'flags':['X']"), "linux.seccomp.flags[0]: \"X\" is not known" },
		{ SECCOMP("'listenerPath':'sock'"),
		  "linux.seccomp.listenerPath: \"sock\" is not an absolute path" },
		{ SECCOMP("'listenerMetadata':'x'"),
		  "linux.seccomp.listenerMetadata: only with listenerPath" },
		{ SECCOMP("'syscalls':{}"), "linux.seccomp.syscalls: not an array" },
		{ SECCOMP("'syscalls':[{'action':'SCMP_ACT_LOG'}]"),
		  "linux.seccomp.syscalls[0].names: missing" },
		{ SECCOMP("'syscalls':[{'names':[],'action':'SCMP_ACT_LOG'}]"),
		  "linux.seccomp.syscalls[0].names: empty" },
		{ SECCOMP("'syscalls':[{'names':['read',0],'action':'SCMP_ACT_LOG'}]"),
		  "linux.seccomp.syscalls[0].names[1]: not a string" },
		{ SECCOMP("'syscalls':[{'names':['read']}]"),
		  "linux.seccomp.syscalls[0].action: missing" },
		{ SECCOMP("'syscalls':[{'names':['read'],'action':'X'}]"),
		  "linux.seccomp.syscalls[0].action: \"X\" is not known" },
		{ RULE("'errnoRet':65536"),
		  "linux.seccomp.syscalls[0].errnoRet: not within 0..65535" },
		{ RULE("'args':{}"), "linux.seccomp.syscalls[0].args: not an array" },
		{ RULE("'args':[{'value':1,'op':'SCMP_CMP_EQ'}]"),
		  "linux.seccomp.syscalls[0].args[0].index: missing" },
		{ RULE("'args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]"),
		  "linux.seccomp.syscalls[0].args[0].index: not within 0..5" },
		{ RULE("'args':[{'index':0,'op':'SCMP_CMP_EQ'}]"),
		  "linux.seccomp.syscalls[0].args[0].value: missing" },
		{ RULE("'args':[{'index':0,'value':-1,'op':'SCMP_CMP_EQ'}]"),
		  "linux.seccomp.syscalls[0].args[0].value: out of range" },
		{ RULE("'args':[{'index':0,'value':1,'valueTwo':'x','op':'SCMP_CMP_EQ'}]"),
		  "linux.seccomp.syscalls[0].args[0].valueTwo: not a number" },
		{ RULE("'args':[{'index':0,'value':1}]"),
		  "linux.seccomp.syscalls[0].args[0].op: missing" },
		{ RULE("'args':[{'index':0,'value':1,'op':'=='}]"),
		  "linux.seccomp.syscalls[0].args[0].op: \"==\" is not known" },
	};

	(void)state;
	CHECK(oci_parse, v);
}

static void parts_are_told_by_paths_of_their_own(void **state)
{
	static const struct wrong process[] = {
		{ "{}", "cwd: missing" },
		{ "[]", "not an object" },
		{ "{'cwd':'/','args':['a'],'rlimits':[{'type':'X'}]}",
		  "rlimits[0].type: \"X\" is not known" },
	};
	static const struct wrong resources[] = {
		{ "[5]", "not an object" },
		{ "{'memory':{'limit':''}}", "memory.limit: not a number" },
		{ "{'unified':{'a/b.c':''}}",
		  "unified[\"a/b.c\"]: the specified key has not the form "
		  "CONTROLLER.VALUE `a/b.c`" },
	};

	(void)state;
	CHECK(oci_parse_process, process);
	CHECK(oci_parse_resources, resources);
}

/* ---- bounds ---- */

static void repeat(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_adds(b, s);
}

static void depth_and_size_are_bounded(void **state)
{
	auto_buf b = BUF_INIT;

	(void)state;
	repeat(&b, "[", 101);
	assert_int_equal(check_one(oci_parse, buf_str(&b), "nested deeper than 100"), 0);

	buf_clear(&b);
	buf_adds(&b, "{'a':[0");
	repeat(&b, ",0", 262144);
	buf_adds(&b, "]}");
	assert_int_equal(check_one(oci_parse, buf_str(&b), "more than 262144 values"), 0);

	buf_clear(&b);
	repeat(&b, " ", OCI_CONFIG_MAX);
	buf_adds(&b, "{");
	assert_int_equal(check_one(oci_parse, buf_str(&b),
				   "larger than 16777216 bytes"), 0);
}

static void lists_are_bounded(void **state)
{
	static const struct {
		const char *head, *one, *tail;
		size_t max;
		const char *message;
	} cases[] = {
		{ "{'ociVersion':'1.0.0','root':{'path':'r'},'mounts':[{'destination':'/a'}",
		  ",{'destination':'/a'}", "]}", 4096, "mounts: more than 4096 entries" },
		{ "{'ociVersion':'1.0.0','root':{'path':'r'},'process':{'cwd':'/','args':['a'",
		  ",'a'", "]}}", 32768, "process.args: more than 32768 entries" },
		{ "{'ociVersion':'1.0.0','root':{'path':'r'},'linux':{'namespaces':"
		  "[{'type':'user'}],'uidMappings':[{'containerID':0,'hostID':0,'size':1}",
		  ",{'containerID':0,'hostID':0,'size':1}", "]}}", 340,
		  "linux.uidMappings: more than 340 entries" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf b = BUF_INIT;

		buf_adds(&b, cases[i].head);
		repeat(&b, cases[i].one, cases[i].max);
		buf_adds(&b, cases[i].tail);
		assert_int_equal(check_one(oci_parse, buf_str(&b),
					   cases[i].message), 0);
	}
}

static void messages_stay_short_and_on_one_line(void **state)
{
	auto_buf b = BUF_INIT;
	auto_free char *text = NULL;
	struct oci *o = NULL;
	struct error e = { 0 };

	(void)state;
	buf_adds(&b, "{'ociVersion':'1.2.0','root':{'path':'r'},'annotations':{'");
	repeat(&b, "\\n\\u00e4", 300);
	buf_adds(&b, "':5}}");
	text = oci_text(buf_str(&b));
	assert_int_equal(oci_parse(&o, text, strlen(text), &e), -EINVAL);
	assert_true(strlen(e.msg) < 120);
	assert_null(strchr(e.msg, '\n'));
	assert_non_null(strstr(e.msg, "...\"]: not a string"));
}

static void invalid_utf8_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check_one(oci_parse, "{'a':'\xff'}", "line 1, column 6: "
				   "unable to decode byte 0xff near '\"'"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_json_is_told_by_line),
		cmocka_unit_test(the_outermost_members_are_checked),
		cmocka_unit_test(mounts_are_checked),
		cmocka_unit_test(mappings_in_options_are_checked),
		cmocka_unit_test(hooks_are_checked),
		cmocka_unit_test(the_process_is_checked),
		cmocka_unit_test(scheduling_is_checked),
		cmocka_unit_test(namespaces_and_ids_are_checked),
		cmocka_unit_test(the_linux_object_is_checked),
		cmocka_unit_test(sysctls_must_be_of_a_namespace_of_the_container),
		cmocka_unit_test(resources_are_checked),
		cmocka_unit_test(a_seccomp_profile_is_checked),
		cmocka_unit_test(parts_are_told_by_paths_of_their_own),
		cmocka_unit_test(depth_and_size_are_bounded),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(messages_stay_short_and_on_one_line),
		cmocka_unit_test(invalid_utf8_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
