/*
 * test-plan.c - what the child will do, without doing it.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/etc.h"
#include "runtime/plan_dyno.h"
#include "runtime/runtime.h"

#include <arpa/inet.h>
#include <linux/mount.h>
#include <setjmp.h>
#include <cmocka.h>

#define NOSUID_RO (MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY)
#define UUID "00112233-4455-4677-8899-aabbccddeeff"
#define SLUG "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *const argv_[] = { (char *)"/bin/bash", (char *)"-c", (char *)"x", NULL };
static char *const envp_[] = { (char *)"A=b", NULL };

static struct dyno_spec spec_good(void)
{
	return (struct dyno_spec){
		.uuid = UUID, .hostname = UUID, .slug = SLUG,
		.argv = argv_, .envp = envp_, .stdio = DYNO_STDIO_LOG,
		.limits = {
			.memory = 512 << 20, .memory_swap = 1 << 30,
			.tmpfs = 1 << 20, .inodes = 1000, .pids = 256,
			.cpu_shares = 1024, .cpus = 2, .files = 10000,
		},
	};
}

static cpu_set_t cpus_first(int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < n; i++)
		CPU_SET(i, &set);
	return set;
}

static struct plan_dyno input_of(const struct dyno_spec *spec,
				  const cpu_set_t *cpus)
{
	return (struct plan_dyno){
		.spec = spec, .slot = 3, .first_id = 0x10030000,
		.trees = { 10, 11, 12 }, .address.s_addr = htonl(0xac100002),
		.host_resolv = "nameserver 127.0.0.53\nnameserver 10.1.2.3\n",
		.cpus = cpus,
		.max_files = { RLIM_INFINITY, RLIM_INFINITY },
		.max_procs = { RLIM_INFINITY, RLIM_INFINITY },
	};
}

static const struct plan_op *op_find(const struct plan *p, enum plan_kind kind,
				     const char *to)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == kind &&
		    (!to || (p->ops[i].to && str_eq(p->ops[i].to, to))))
			return &p->ops[i];
	return NULL;
}

static const char *option_of(const struct plan *p, const struct plan_op *op,
			     const char *key)
{
	const struct plan_option *o = p->options + op->first_option;

	for (size_t i = 0; i < op->n_options; i++)
		if (str_eq(o[i].key, key))
			return o[i].value ? o[i].value : "";
	return NULL;
}

static size_t first_of(const struct plan *p, enum plan_stage stage)
{
	size_t n, first = plan_stage_begin(p, stage, &n);

	assert_true(n > 0);
	return first;
}

static const struct plan_op *stage_of(const struct plan *p)
{
	return &p->ops[first_of(p, PLAN_IN_LAYERS)];
}

/* The mask of processors that the plan sets. */
static cpu_set_t cpus_of(const struct plan *p)
{
	const struct plan_op *op = op_find(p, PLAN_AFFINITY, NULL);
	cpu_set_t set;

	assert_non_null(op);
	assert_int_equal(op->text_len, sizeof(set));
	memcpy(&set, op->text, sizeof(set));
	return set;
}

/* ---- what was asked ---- */

static void a_good_spec_passes(void **state)
{
	struct dyno_spec s = spec_good();

	assert_int_equal(plan_dyno_check(&s, NULL), 0);
	s.slug = NULL;
	assert_int_equal(plan_dyno_check(&s, NULL), 0);
}

static void what_cannot_be_is_refused_before_anything_is_made(void **state)
{
	static char *const relative[] = { (char *)"bash", NULL };
	static char *const empty[] = { NULL };
	struct dyno_spec s;
	struct error e;

	s = spec_good(), s.uuid = "../../etc";
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.hostname = "a/b";
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.hostname = "";
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.slug = "../x";
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.argv = relative;
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.argv = empty;
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.limits.memory_swap = 1;
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.limits.inodes = 5;
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
	s = spec_good(), s.stdio = 77;
	assert_int_equal(plan_dyno_check(&s, &e), -EINVAL);
}

/* ---- the root ---- */

static void everything_written_is_in_one_limited_tmpfs(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	plan_dyno_build(&p, &in);
	assert_int_equal(stage_of(&p)->kind, PLAN_STAGE);
	assert_string_equal(option_of(&p, stage_of(&p), "size"), "1048576");
	assert_string_equal(option_of(&p, stage_of(&p), "nr_inodes"), "1000");
	for (size_t i = 0; i < p.n_ops; i++)
		if (p.ops[i].kind == PLAN_MOUNT)
			assert_string_not_equal(p.ops[i].from, "tmpfs");
	plan_deinit(&p);
}

static void no_mount_has_set_user_id_and_only_devices_have_devices(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	plan_dyno_build(&p, &in);
	for (size_t i = 0; i < p.n_ops; i++) {
		const struct plan_op *op = &p.ops[i];
		bool pts = op->from && str_eq(op->from, "devpts");

		switch ((int)op->kind) {
		case PLAN_STAGE: case PLAN_MOUNT: case PLAN_BIND:
		case PLAN_MASK: case PLAN_READONLY: case PLAN_DEVICE:
			assert_true(op->attr & MOUNT_ATTR_NOSUID);
			assert_true(op->kind == PLAN_DEVICE || pts ||
				    (op->attr & MOUNT_ATTR_NODEV));
		}
	}
	plan_deinit(&p);
}

static void terminals_are_bounded(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	const struct plan_op *op;
	struct plan p;

	plan_dyno_build(&p, &in);
	op = op_find(&p, PLAN_MOUNT, "root/dev/pts");
	assert_non_null(op);
	assert_string_equal(option_of(&p, op, "max"), "64");
	plan_deinit(&p);
}

static void the_overlay_is_slug_over_stack(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	const struct plan_op *op;
	struct plan p;

	plan_dyno_build(&p, &in);
	op = op_find(&p, PLAN_MOUNT, "root");
	assert_non_null(op);
	assert_string_equal(option_of(&p, op, "lowerdir"), "slug:stack");
	assert_non_null(option_of(&p, op, "userxattr"));
	assert_true(op_find(&p, PLAN_MOUNT, "root/usr")->attr & MOUNT_ATTR_RDONLY);
	plan_deinit(&p);

	s.slug = NULL;
	in.trees[PLAN_TREE_USR] = -1;
	plan_dyno_build(&p, &in);
	assert_string_equal(option_of(&p, op_find(&p, PLAN_MOUNT, "root"), "lowerdir"),
			    "stack");
	assert_null(op_find(&p, PLAN_TREE, "slug"));
	assert_null(op_find(&p, PLAN_MOUNT, "root/usr"));
	assert_true(op_find(&p, PLAN_DIR, "upper/app")->for_app);
	assert_false(op_find(&p, PLAN_DIR, "upper/etc")->for_app);
	plan_deinit(&p);
}

static void a_helper_of_the_host_marks_by_trusted_attributes(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	in.by_host = true;
	plan_dyno_build(&p, &in);
	assert_string_equal(option_of(&p, stage_of(&p), "uid"), "268632064");
	assert_string_equal(option_of(&p, stage_of(&p), "gid"), "268632064");
	assert_null(option_of(&p, op_find(&p, PLAN_MOUNT, "root"), "userxattr"));
	assert_string_equal(option_of(&p, op_find(&p, PLAN_MOUNT, "root"),
				      "redirect_dir"), "nofollow");
	/* What only the dyno's own namespaces can make is left to the child. */
	for (size_t i = first_of(&p, PLAN_IN_LAYERS);
	     p.ops[i].stage == PLAN_IN_LAYERS; i++)
		assert_true(p.ops[i].kind != PLAN_BIND && p.ops[i].kind != PLAN_DEVICE &&
			    (p.ops[i].kind != PLAN_MOUNT ||
			     str_eq(p.ops[i].from, "overlay")));
	for (size_t i = first_of(&p, PLAN_IN_ROOTFS); i < p.n_ops; i++)
		assert_true(p.ops[i].kind != PLAN_FILE && p.ops[i].kind != PLAN_DIR &&
			    p.ops[i].kind != PLAN_LINK && p.ops[i].kind != PLAN_TREE);
	plan_deinit(&p);
}

/* Until the overlay is there, nothing that a slug brings can be in the way. */
static void files_of_ours_are_written_before_any_foreign_tree(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	plan_dyno_build(&p, &in);
	for (size_t i = 0; i < p.n_ops; i++) {
		enum plan_kind kind = p.ops[i].kind;

		if (kind == PLAN_DIR || kind == PLAN_FILE || kind == PLAN_LINK)
			assert_null(str_after(p.ops[i].to, "root/"));
		if (kind == PLAN_PIVOT)
			assert_int_not_equal(p.ops[i + 1].stage, PLAN_IN_ROOTFS);
	}
	plan_deinit(&p);
}

static void the_dynos_own_numbers_are_shown(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	plan_dyno_build(&p, &in);
	assert_string_equal(op_find(&p, PLAN_FILE, "cgroup/memory/"
			    "memory.limit_in_bytes")->text, "536870912\n");
	assert_string_equal(op_find(&p, PLAN_FILE, "cgroup/cpu.max")->text,
			    "200000 100000\n");
	assert_string_equal(op_find(&p, PLAN_FILE, "cgroup/pids.max")->text, "256\n");
	plan_deinit(&p);
}

/* ---- the rest ---- */

static void dynos_spread_over_the_cpus(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(4), got;
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	s.limits.cpus = 1;
	for (unsigned slot = 0; slot < 8; slot++) {
		in.slot = slot;
		plan_dyno_build(&p, &in);
		got = cpus_of(&p);
		assert_int_equal(CPU_COUNT(&got), 1);
		assert_true(CPU_ISSET(slot % 4, &got));
		plan_deinit(&p);
	}
	s.limits.cpus = 3;
	in.slot = 1;
	plan_dyno_build(&p, &in);
	got = cpus_of(&p);
	assert_int_equal(CPU_COUNT(&got), 3);
	plan_deinit(&p);
	s.limits.cpus = 16;
	plan_dyno_build(&p, &in);
	got = cpus_of(&p);
	assert_int_equal(CPU_COUNT(&got), 4);
	plan_deinit(&p);
}

static void ids_map_one_range_or_share_the_stores_owner(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	plan_dyno_build(&p, &in);
	assert_string_equal(p.uid_map, "0 268632064 65536\n");
	assert_string_equal(p.gid_map, p.uid_map);
	assert_int_equal(p.outside.app_uid, 0x10030000 + PLAN_APP_ID);
	plan_deinit(&p);

	in.shared_id = 990;
	in.shared_gid = 991;
	plan_dyno_build(&p, &in);
	assert_string_equal(p.uid_map, "0 268632064 1000\n1000 990 1\n"
			    "1001 268633065 64535\n");
	assert_string_equal(p.gid_map, "0 268632064 1000\n1000 991 1\n"
			    "1001 268633065 64535\n");
	assert_int_equal(p.outside.app_uid, 990);
	assert_int_equal(p.outside.app_gid, 991);
	plan_deinit(&p);
}

static void the_command_goes_to_dyno_init(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	const struct plan_op *op;
	struct plan p;

	s.stdio = DYNO_STDIO_PTY;
	s.cols = 132;
	plan_dyno_build(&p, &in);
	op = &p.ops[p.n_ops - 1];
	assert_int_equal(op->kind, PLAN_EXEC_FD);
	assert_string_equal(op->argv[0], "dyno-init");
	assert_string_equal(op->argv[1], "-t");
	assert_string_equal(op->argv[2], "--");
	assert_string_equal(op->argv[3], "/bin/bash");
	assert_null(op->argv[6]);
	assert_ptr_equal(op->envp, envp_);
	op = op_find(&p, PLAN_TERMINAL, NULL);
	assert_non_null(op);
	assert_true(op->num[0] == 24 && op->num[1] == 132);
	plan_deinit(&p);
}

static void hard_limits_are_never_raised(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	struct plan p;

	in.max_files = (struct rlimit){ 1024, 4096 };
	plan_dyno_build(&p, &in);
	for (size_t i = 0; i < p.n_ops; i++) {
		const uint64_t *l = p.ops[i].num;

		if (p.ops[i].kind != PLAN_RLIMIT)
			continue;
		if (l[0] == RLIMIT_NOFILE)
			assert_int_equal(l[2], 4096);
		if (l[0] == RLIMIT_NPROC)
			assert_int_equal(l[2], 256);
	}
	plan_deinit(&p);
}

static void crashes_call_no_handler_on_the_host(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	size_t found = 0;
	struct plan p;

	plan_dyno_build(&p, &in);
	for (size_t i = 0; i < p.n_ops; i++) {
		const uint64_t *l = p.ops[i].num;

		if (p.ops[i].kind != PLAN_RLIMIT || l[0] != RLIMIT_CORE)
			continue;
		assert_int_equal(l[1], 1);
		assert_int_equal(l[2], 1);
		found++;
	}
	assert_int_equal(found, 1);
	plan_deinit(&p);
}

static void privileges_go_before_the_filter_and_the_filter_is_last(void **state)
{
	struct dyno_spec s = spec_good();
	cpu_set_t cpus = cpus_first(2);
	struct plan_dyno in = input_of(&s, &cpus);
	const struct plan_op *caps;
	struct plan p;

	plan_dyno_build(&p, &in);
	caps = op_find(&p, PLAN_CAPS, NULL);
	assert_true(caps && !caps->num[0] && !caps->num[1] && !caps->num[2] &&
		    !caps->num[3]);
	assert_int_equal(op_find(&p, PLAN_BOUNDING, NULL)->num[0], 0);
	assert_int_equal(p.ops[p.n_ops - 3].kind, PLAN_NO_NEW_PRIVS);
	assert_int_equal(p.ops[p.n_ops - 2].kind, PLAN_FILTER);
	assert_int_equal(p.ops[p.n_ops - 1].kind, PLAN_EXEC_FD);
	plan_deinit(&p);
}

static void a_plan_is_printed_step_by_step(void **state)
{
	struct plan p;

	plan_init(&p);
	p.stage = PLAN_IN_ROOTFS;
	plan_add(&p, PLAN_MOUNT, "tmpfs", "tmp")->attr = NOSUID_RO;
	plan_option(&p, "size", "64k");
	plan_option(&p, "noswap", NULL);
	p.stage = PLAN_IN_EXEC;
	plan_add(&p, PLAN_EXEC, NULL, NULL)->text = "sh";
	auto_free char *text = plan_text(&p);

	assert_string_equal(text, "rootfs: mount tmpfs at tmp (ro, nosuid, size=64k, "
			    "noswap)\nexec: execute sh\n");
	plan_deinit(&p);
}

static void operations_have_words(void **state)
{
	struct plan_op op = { .kind = PLAN_MOUNT, .from = "proc", .to = "root/proc" };
	auto_free char *text = plan_op_text(&op);

	assert_string_equal(text, "mount proc at root/proc");
}

/* ---- /etc ---- */

static void loopback_name_servers_stay_on_the_host(void **state)
{
	auto_buf b = BUF_INIT;

	etc_resolv(&b, NULL, "search x\nnameserver 127.0.0.53\nnameserver ::1\n"
		   "nameserver 10.1.2.3\nnameserver fd00::1\n# nameserver 9.9.9.9\n"
		   "nameserver junk; rm\n");
	assert_string_equal(buf_str(&b), "nameserver 10.1.2.3\nnameserver fd00::1\n");
}

static void configured_name_servers_replace_the_hosts(void **state)
{
	auto_buf b = BUF_INIT;

	etc_resolv(&b, "1.1.1.1  8.8.8.8 bad 9.9.9.9 4.4.4.4", "nameserver 10.1.2.3\n");
	assert_string_equal(buf_str(&b), "nameserver 1.1.1.1\nnameserver 8.8.8.8\n"
			    "nameserver 9.9.9.9\n");
}

static void the_user_is_u_and_digits_and_stays_the_same(void **state)
{
	auto_free char *a = etc_user(UUID), *b = etc_user(UUID);
	auto_buf text = BUF_INIT;
	unsigned n;

	assert_string_equal(a, b);
	assert_int_equal(a[0], 'u');
	n = (unsigned)strtoul(a + 1, NULL, 10);
	assert_in_range(n, 10000, 59999);
	etc_passwd(&text, "u12345", 1000);
	assert_non_null(strstr(buf_str(&text),
			       "\nu12345:x:1000:1000::/app:/bin/bash\n"));
	etc_group(&text, 1000);
	assert_non_null(strstr(buf_str(&text), "\ndyno:x:1000:\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_spec_passes),
		cmocka_unit_test(what_cannot_be_is_refused_before_anything_is_made),
		cmocka_unit_test(everything_written_is_in_one_limited_tmpfs),
		cmocka_unit_test(no_mount_has_set_user_id_and_only_devices_have_devices),
		cmocka_unit_test(terminals_are_bounded),
		cmocka_unit_test(the_overlay_is_slug_over_stack),
		cmocka_unit_test(a_helper_of_the_host_marks_by_trusted_attributes),
		cmocka_unit_test(files_of_ours_are_written_before_any_foreign_tree),
		cmocka_unit_test(the_dynos_own_numbers_are_shown),
		cmocka_unit_test(dynos_spread_over_the_cpus),
		cmocka_unit_test(ids_map_one_range_or_share_the_stores_owner),
		cmocka_unit_test(the_command_goes_to_dyno_init),
		cmocka_unit_test(hard_limits_are_never_raised),
		cmocka_unit_test(crashes_call_no_handler_on_the_host),
		cmocka_unit_test(privileges_go_before_the_filter_and_the_filter_is_last),
		cmocka_unit_test(operations_have_words),
		cmocka_unit_test(a_plan_is_printed_step_by_step),
		cmocka_unit_test(loopback_name_servers_stay_on_the_host),
		cmocka_unit_test(configured_name_servers_replace_the_hosts),
		cmocka_unit_test(the_user_is_u_and_digits_and_stays_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
