/*
 * test-seccomp-profile.c - OCI profiles: the program is asked call by call what
 * it would do.
 */
#include "base/base.h"
#include "base/error.h"
#include "runtime/filter/seccomp.h"
#include "tests/runtime/bpf.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <cmocka.h>

#define FAIL(error) (SECCOMP_RET_ERRNO | (error))
#define ALLOW "SCMP_ACT_ALLOW"
#define ERRNO "SCMP_ACT_ERRNO"

#define NAMES(...) .names = (const char *const[]){ __VA_ARGS__ }, \
	.n_names = ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ }))
#define ARGS(...) .args = (const struct seccomp_arg[]){ __VA_ARGS__ }, \
	.n_args = ARRAY_SIZE(((const struct seccomp_arg[]){ __VA_ARGS__ }))

static uint32_t ask_arch(const struct seccomp_filter *f, uint32_t arch, long nr,
			 uint64_t a, uint64_t b)
{
	struct seccomp_data d = {
		.nr = (int)nr, .arch = arch, .args = { a, b },
	};

	return bpf_run(&f->prog, &d);
}

static uint32_t ask(const struct seccomp_filter *f, const char *name, uint64_t a,
		    uint64_t b)
{
	int nr = seccomp_syscall_resolve_name(name);

	assert_true(nr >= 0);
	return ask_arch(f, seccomp_arch_native(), nr, a, b);
}

static void compile(struct seccomp_filter *f, const struct seccomp_profile *p)
{
	struct error e = { 0 };

	if (seccomp_profile_compile(f, p, NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

static void refused(const struct seccomp_profile *p, int code, const char *why)
{
	struct seccomp_filter f;
	struct error e = { 0 };

	assert_int_equal(seccomp_profile_compile(&f, p, NULL, &e), -code);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, why);
}

static void one_rule(struct seccomp_filter *f, const char *default_action,
		     const struct seccomp_rule *rule)
{
	const struct seccomp_profile p = {
		.default_action = default_action, .rules = rule, .n_rules = 1,
	};

	compile(f, &p);
}

/* ---- what is said ---- */

static void every_action_does_what_it_is_called(void **state)
{
	static const struct {
		const char *name;
		uint32_t want;
	} actions[] = {
		{ "SCMP_ACT_KILL",		SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD",	SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS",	SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP",		SECCOMP_RET_TRAP },
		{ "SCMP_ACT_ERRNO",		FAIL(EPERM) },
		{ "SCMP_ACT_TRACE",		SECCOMP_RET_TRACE | EPERM },
		{ "SCMP_ACT_LOG",		SECCOMP_RET_LOG },
		{ "SCMP_ACT_NOTIFY",		SECCOMP_RET_USER_NOTIF },
	};
	struct seccomp_filter f;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		const struct seccomp_rule rule = {
			NAMES("mkdirat"), .action = actions[i].name,
		};
		const struct seccomp_profile p = {
			.default_action = ALLOW, .rules = &rule, .n_rules = 1,
			.listener_path = "/agent",
		};

		compile(&f, &p);
		assert_int_equal(ask(&f, "mkdirat", 0, 0), actions[i].want);
		assert_int_equal(ask(&f, "read", 0, 0), SECCOMP_RET_ALLOW);
		seccomp_filter_deinit(&f);
	}
	for (size_t i = 0; seccomp_actions[i]; i++)	/* and none is left out */
		assert_true(i < ARRAY_SIZE(actions) + 1);
}

static void an_errno_is_returned_where_an_action_takes_one(void **state)
{
	const struct seccomp_rule rules[] = {
		{ NAMES("mkdirat"), .action = ERRNO, .has_errno = true, .errno_ret = 100 },
		{ NAMES("unlinkat"), .action = "SCMP_ACT_TRACE", .has_errno = true,
		  .errno_ret = 0xabc },
		{ NAMES("read"), .action = ALLOW },
	};
	const struct seccomp_profile p = {
		.default_action = ERRNO, .has_default_errno = true,
		.default_errno = ENXIO, .rules = rules, .n_rules = ARRAY_SIZE(rules),
	};
	struct seccomp_filter f;

	compile(&f, &p);
	assert_int_equal(ask(&f, "mkdirat", 0, 0), FAIL(100));
	assert_int_equal(ask(&f, "unlinkat", 0, 0), SECCOMP_RET_TRACE | 0xabc);
	assert_int_equal(ask(&f, "read", 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&f, "dup", 0, 0), FAIL(ENXIO));
	seccomp_filter_deinit(&f);
}

static void every_operator_compares_64_bits(void **state)
{
	const uint64_t big = 1ULL << 40;
	static const struct {
		const char *op;
		bool below, same, above;
	} operators[] = {
		{ "SCMP_CMP_NE", true, false, true },
		{ "SCMP_CMP_LT", true, false, false },
		{ "SCMP_CMP_LE", true, true, false },
		{ "SCMP_CMP_EQ", false, true, false },
		{ "SCMP_CMP_GE", false, true, true },
		{ "SCMP_CMP_GT", false, false, true },
	};
	struct seccomp_filter f;

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		const struct seccomp_rule rule = {
			NAMES("dup"), .action = "SCMP_ACT_TRAP",
			ARGS({ .index = 1, .value = big, .op = operators[i].op }),
		};

		one_rule(&f, ALLOW, &rule);
		assert_int_equal(ask(&f, "dup", 0, big - 1) == SECCOMP_RET_TRAP,
				 operators[i].below);
		assert_int_equal(ask(&f, "dup", 0, big) == SECCOMP_RET_TRAP,
				 operators[i].same);
		assert_int_equal(ask(&f, "dup", 0, big + 1) == SECCOMP_RET_TRAP,
				 operators[i].above);
		seccomp_filter_deinit(&f);
	}
}

static void a_mask_is_value_and_what_remains_value_two(void **state)
{
	const struct seccomp_rule rule = {
		NAMES("clone"), .action = ERRNO,
		ARGS({ .index = 0, .value = 0xff00, .value_two = 0x1200,
		       .op = "SCMP_CMP_MASKED_EQ" }),
	};
	struct seccomp_filter f;

	one_rule(&f, ALLOW, &rule);
	assert_int_equal(ask(&f, "clone", 0x1234, 0), FAIL(EPERM));
	assert_int_equal(ask(&f, "clone", 0xf1200, 0), FAIL(EPERM));
	assert_int_equal(ask(&f, "clone", 0x1300, 0), SECCOMP_RET_ALLOW);
	seccomp_filter_deinit(&f);
}

static void conditions_on_different_arguments_must_all_hold(void **state)
{
	const struct seccomp_rule rule = {
		NAMES("dup"), .action = ERRNO,
		ARGS({ 0, 7, 0, "SCMP_CMP_EQ" }, { 1, 9, 0, "SCMP_CMP_EQ" }),
	};
	struct seccomp_filter f;

	one_rule(&f, ALLOW, &rule);
	assert_int_equal(ask(&f, "dup", 7, 9), FAIL(EPERM));
	assert_int_equal(ask(&f, "dup", 7, 8), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&f, "dup", 6, 9), SECCOMP_RET_ALLOW);
	seccomp_filter_deinit(&f);
}

static void conditions_on_the_same_argument_are_alternatives(void **state)
{
	const struct seccomp_rule rule = {
		NAMES("dup", "no_such_call"), .action = ERRNO,
		ARGS({ 0, 7, 0, "SCMP_CMP_EQ" }, { 0, 8, 0, "SCMP_CMP_EQ" },
		     { 1, 9, 0, "SCMP_CMP_EQ" }),
	};
	struct seccomp_filter f;

	one_rule(&f, ALLOW, &rule);
	assert_int_equal(ask(&f, "dup", 7, 0), FAIL(EPERM));
	assert_int_equal(ask(&f, "dup", 8, 0), FAIL(EPERM));
	assert_int_equal(ask(&f, "dup", 0, 9), FAIL(EPERM));
	assert_int_equal(ask(&f, "dup", 0, 0), SECCOMP_RET_ALLOW);
	seccomp_filter_deinit(&f);
}

static void unknown_calls_and_repetitions_are_skipped(void **state)
{
	const struct seccomp_rule rules[] = {
		{ NAMES("no_such_call", "read", "", NULL), .action = ALLOW },
		{ NAMES("read", "read"), .action = ALLOW },
		{ NAMES("write"), .action = ERRNO },
		{ .action = ALLOW },
	};
	const struct seccomp_profile p = {
		.default_action = ERRNO, .rules = rules, .n_rules = ARRAY_SIZE(rules),
	};
	struct seccomp_filter f;

	compile(&f, &p);
	assert_int_equal(ask(&f, "read", 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&f, "write", 0, 0), FAIL(EPERM));
	seccomp_filter_deinit(&f);
}

/* ---- what is wrong ---- */

static void what_is_wrong_is_named(void **state)
{
	const struct seccomp_rule action = { NAMES("dup"), .action = "SCMP_ACT_JUMP" };
	const struct seccomp_rule none = { NAMES("dup") };
	const struct seccomp_rule operator = {
		NAMES("dup"), .action = ERRNO, ARGS({ 0, 1, 0, "SCMP_CMP_NEAR" }),
	};
	const struct seccomp_rule no_operator = {
		NAMES("dup"), .action = ERRNO, ARGS({ 0, 1, 0, NULL }),
	};
	const struct seccomp_rule index = {
		NAMES("dup"), .action = ERRNO, ARGS({ 6, 1, 0, "SCMP_CMP_EQ" }),
	};
	const struct seccomp_rule number = {
		NAMES("dup"), .action = ALLOW, .has_errno = true, .errno_ret = 1,
	};
	const struct seccomp_rule large = {
		NAMES("dup"), .action = ERRNO, .has_errno = true, .errno_ret = 4096,
	};
	const struct {
		const struct seccomp_rule *rule;
		const char *why;
	} rules[] = {
		{ &action, "unknown action SCMP_ACT_JUMP" },
		{ &none, "unknown action (none)" },
		{ &operator, "unknown operator SCMP_CMP_NEAR" },
		{ &no_operator, "unknown operator (none)" },
		{ &index, "there is no argument 6" },
		{ &number, "SCMP_ACT_ALLOW takes no errno" },
		{ &large, "errno 4096 is too large" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		refused(&(struct seccomp_profile){
			.default_action = ALLOW, .rules = rules[i].rule, .n_rules = 1,
		}, EINVAL, rules[i].why);
	refused(&(struct seccomp_profile){ 0 }, EINVAL, "unknown action (none)");
	refused(&(struct seccomp_profile){
		.default_action = "ALLOW" }, EINVAL, "unknown action ALLOW");
	refused(&(struct seccomp_profile){
		.default_action = ALLOW, .n_arches = 1,
		.arches = (const char *const[]){ "SCMP_ARCH_PDP11" },
	}, EINVAL, "unknown architecture SCMP_ARCH_PDP11");
	refused(&(struct seccomp_profile){
		.default_action = ALLOW, .n_flags = 1,
		.flags = (const char *const[]){ "SECCOMP_FILTER_FLAG_FAST" },
	}, EINVAL, "unknown flag SECCOMP_FILTER_FLAG_FAST");
}

static void rules_that_contradict_each_other_are_refused(void **state)
{
	const struct seccomp_rule rules[] = {
		{ NAMES("dup"), .action = ERRNO, ARGS({ 0, 1, 0, "SCMP_CMP_EQ" }) },
		{ NAMES("dup"), .action = "SCMP_ACT_TRAP", ARGS({ 0, 1, 0, "SCMP_CMP_EQ" }) },
	};

	refused(&(struct seccomp_profile){
		.default_action = ALLOW, .rules = rules, .n_rules = ARRAY_SIZE(rules),
	}, EINVAL, "rule of dup: another one says otherwise");
}

static void a_program_too_long_for_the_kernel_is_refused(void **state)
{
	enum { N = 1200 };
	struct seccomp_arg *args = xcalloc(N, sizeof(*args));
	const struct seccomp_rule rule = {
		NAMES("dup"), .action = ERRNO, .args = args, .n_args = N,
	};

	for (size_t i = 0; i < N; i++)
		args[i] = (struct seccomp_arg){ 0, (uint64_t)i << 32 | i, 0,
						"SCMP_CMP_EQ" };
	refused(&(struct seccomp_profile){
		.default_action = ALLOW, .rules = &rule, .n_rules = 1,
	}, E2BIG, "instructions, but the kernel takes 4096");
	free(args);
}

/* ---- newer calls ---- */

static const struct seccomp_rule small_rules[] = {
	{ NAMES("read", "write", "close", "openat", "exit_group"), .action = ALLOW },
	{ NAMES("faccessat2"), .action = ALLOW },	/* 439 everywhere */
	{ NAMES("pidfd_getfd"), .action = ERRNO },
};

static struct seccomp_profile small(const char *default_action)
{
	return (struct seccomp_profile){
		.default_action = default_action,
		.rules = small_rules, .n_rules = ARRAY_SIZE(small_rules),
	};
}

static void calls_newer_than_the_profile_do_not_exist(void **state)
{
	static const char *const refusing[] = {
		ERRNO, "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP",
	};
	const uint32_t native = seccomp_arch_native();
	struct seccomp_filter f;

	for (size_t i = 0; i < ARRAY_SIZE(refusing); i++) {
		const struct seccomp_profile p = small(refusing[i]);

		compile(&f, &p);
		assert_int_equal(ask(&f, "faccessat2", 0, 0), SECCOMP_RET_ALLOW);
		assert_int_not_equal(ask(&f, "pidfd_getfd", 0, 0), FAIL(ENOSYS));
		assert_int_not_equal(ask(&f, "dup", 0, 0), FAIL(ENOSYS));
		assert_int_equal(ask_arch(&f, native, 440, 0, 0), FAIL(ENOSYS));
		assert_int_equal(ask_arch(&f, native, 1000, 0, 0), FAIL(ENOSYS));
		seccomp_filter_deinit(&f);
	}
}

static void who_lets_unknown_calls_pass_gets_newer_ones_too(void **state)
{
	static const struct {
		const char *action;
		uint32_t want;
	} passing[] = {
		{ ALLOW, SECCOMP_RET_ALLOW },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM },
	};
	struct seccomp_filter f;

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++) {
		const struct seccomp_profile p = small(passing[i].action);

		compile(&f, &p);
		assert_int_equal(ask_arch(&f, seccomp_arch_native(), 440, 0, 0),
				 passing[i].want);
		seccomp_filter_deinit(&f);
	}
}

/* ---- architectures and flags ---- */

#if defined(__x86_64__)
static void other_architectures_have_numbers_of_their_own(void **state)
{
	static const char *const arches[] = {
		"SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_X86",
	};
	struct seccomp_profile p = small(ERRNO);
	struct seccomp_filter f;

	/* Without being named: killed. The native one needs no name. */
	compile(&f, &p);
	assert_int_equal(ask(&f, "read", 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_I386, 3, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_X86_64, 0x40000000, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_AARCH64, 63, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
	seccomp_filter_deinit(&f);

	p.arches = arches;
	p.n_arches = ARRAY_SIZE(arches);
	compile(&f, &p);
	assert_int_equal(ask(&f, "read", 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_I386, 3, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_I386, 2, 0, 0), FAIL(EPERM));
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_I386, 440, 0, 0), FAIL(ENOSYS));
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_X86_64, 0x40000000, 0, 0),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_X86_64, 0x40000000 | 440, 0, 0),
			 FAIL(ENOSYS));
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_X86_64, 440, 0, 0), FAIL(ENOSYS));
	assert_int_equal(ask_arch(&f, AUDIT_ARCH_AARCH64, 63, 0, 0),
			 SECCOMP_RET_KILL_PROCESS);
	seccomp_filter_deinit(&f);
}
#endif

/* Those of the other byte order, too: no process here could have it. */
static void every_architecture_that_is_named_compiles(void **state)
{
	struct seccomp_profile p = small(ERRNO);
	struct seccomp_filter f;
	size_t n = 0;

	for (; seccomp_arches[n]; n++) {
		p.arches = &seccomp_arches[n];
		p.n_arches = 1;
		compile(&f, &p);
		assert_int_equal(ask(&f, "read", 0, 0), SECCOMP_RET_ALLOW);
		seccomp_filter_deinit(&f);
	}
	assert_true(n > 15);
	p.arches = seccomp_arches;
	p.n_arches = n;
	compile(&f, &p);
	seccomp_filter_deinit(&f);
}

static void flags_are_those_of_the_kernel(void **state)
{
	struct seccomp_profile p = small(ALLOW);
	struct seccomp_filter f;

	compile(&f, &p);
	assert_int_equal(f.flags, 0);
	assert_false(f.listener);
	seccomp_filter_deinit(&f);

	p.flags = seccomp_flags;
	while (seccomp_flags[p.n_flags])
		p.n_flags++;
	compile(&f, &p);
	/* There is nobody to wait for without a listener. */
	assert_int_equal(f.flags, SECCOMP_FILTER_FLAG_TSYNC |
			 SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	seccomp_filter_deinit(&f);
}

static void notifications_need_a_listener(void **state)
{
	struct seccomp_rule rule = { NAMES("mkdirat"), .action = "SCMP_ACT_NOTIFY" };
	struct seccomp_profile p = {
		.default_action = ALLOW, .rules = &rule, .n_rules = 1,
		.flags = seccomp_flags, .n_flags = 1,
	};
	struct seccomp_filter f;

	refused(&p, EINVAL, "SCMP_ACT_NOTIFY without a listenerPath");
	p.listener_path = "/agent";
	p.listener_metadata = "x";
	compile(&f, &p);
	assert_true(f.listener);
	assert_int_equal(f.flags, SECCOMP_FILTER_FLAG_NEW_LISTENER |
			 SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
	assert_int_equal(ask(&f, "mkdirat", 0, 0), SECCOMP_RET_USER_NOTIF);
	seccomp_filter_deinit(&f);

	/* Even where no call is told of. */
	rule.action = ERRNO;
	compile(&f, &p);
	assert_true(f.listener);
	seccomp_filter_deinit(&f);

	p.listener_path = NULL;
	refused(&p, EINVAL, "listenerMetadata without a listenerPath");
	p.listener_metadata = NULL;
	p.default_action = "SCMP_ACT_NOTIFY";
	refused(&p, EINVAL, "cannot be the default");
	p.default_action = ALLOW;
	p.listener_path = "/agent";
	rule = (struct seccomp_rule){ NAMES("write"), .action = "SCMP_ACT_NOTIFY" };
	refused(&p, EINVAL, "cannot be used for the write");
}

/* ---- with the kernel ---- */

/* Returns the errno of a call in a process that loaded the program. */
static int errno_behind(const struct seccomp_filter *f, long nr)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags,
			    &f->prog) < 0)
			_exit(255);
		/* A sanitizer's _exit() would make calls that are not allowed. */
		syscall(SYS_exit_group, syscall(nr, -1, -1, -1) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_kernel_takes_it_and_does_as_told(void **state)
{
	const struct seccomp_rule rule = {
		NAMES("read", "write", "close", "exit_group", "faccessat2"),
		.action = ALLOW,
	};
	struct seccomp_profile p = {
		.default_action = ERRNO, .has_default_errno = true,
		.default_errno = 100, .rules = &rule, .n_rules = 1,
		.flags = seccomp_flags, .n_flags = 1,
	};
	struct seccomp_filter f;

	compile(&f, &p);
	assert_int_equal(errno_behind(&f, SYS_close), EBADF);
	assert_int_equal(errno_behind(&f, SYS_dup), 100);
	assert_int_equal(errno_behind(&f, 440), ENOSYS);
	seccomp_filter_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action_does_what_it_is_called),
		cmocka_unit_test(an_errno_is_returned_where_an_action_takes_one),
		cmocka_unit_test(every_operator_compares_64_bits),
		cmocka_unit_test(a_mask_is_value_and_what_remains_value_two),
		cmocka_unit_test(conditions_on_different_arguments_must_all_hold),
		cmocka_unit_test(conditions_on_the_same_argument_are_alternatives),
		cmocka_unit_test(unknown_calls_and_repetitions_are_skipped),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(rules_that_contradict_each_other_are_refused),
		cmocka_unit_test(a_program_too_long_for_the_kernel_is_refused),
		cmocka_unit_test(calls_newer_than_the_profile_do_not_exist),
		cmocka_unit_test(who_lets_unknown_calls_pass_gets_newer_ones_too),
#if defined(__x86_64__)
		cmocka_unit_test(other_architectures_have_numbers_of_their_own),
#endif
		cmocka_unit_test(every_architecture_that_is_named_compiles),
		cmocka_unit_test(flags_are_those_of_the_kernel),
		cmocka_unit_test(notifications_need_a_listener),
		cmocka_unit_test(the_kernel_takes_it_and_does_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
