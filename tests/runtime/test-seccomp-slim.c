/*
 * test-seccomp-slim.c - libseccomp's program before and after: fewer
 * instructions, the same verdict on everything.
 */
#include "base/base.h"
#include "base/buf.h"
#include "runtime/filter/seccomp_slim.h"
#include "tests/runtime/bpf.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cmocka.h>

static const uint32_t arches[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 };

static struct sock_fprog program(const struct buf *code)
{
	return (struct sock_fprog){
		.len = (unsigned short)(code->len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(void *)code->data,
	};
}

static scmp_filter_ctx begin(uint32_t action)
{
	scmp_filter_ctx ctx = seccomp_init(action);

	assert_non_null(ctx);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
					  SCMP_ACT_KILL_PROCESS), 0);
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (seccomp_arch_exist(ctx, arches[i]) < 0)
			assert_int_equal(seccomp_arch_add(ctx, arches[i]), 0);
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	return ctx;
}

static void finish(scmp_filter_ctx ctx, uint32_t optimize, struct buf *ret)
{
	auto_close int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;

	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize), 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	assert_int_equal(fstat(fd, &st), 0);
	buf_reserve(ret, (size_t)st.st_size);
	assert_int_equal(pread(fd, ret->data, (size_t)st.st_size, 0), st.st_size);
	ret->len = (size_t)st.st_size;
	seccomp_release(ctx);
}

/* Most calls, some of them with conditions, some with other actions. */
static scmp_filter_ctx large(void)
{
	scmp_filter_ctx ctx = begin(SCMP_ACT_ERRNO(38));
	const struct scmp_arg_cmp clone = SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0);
	const struct scmp_arg_cmp person[] = {
		SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A0(SCMP_CMP_EQ, 8),
		SCMP_A0(SCMP_CMP_EQ, 0xffffffff),
	};
	const struct scmp_arg_cmp audit[] = {
		SCMP_A0(SCMP_CMP_EQ, 16), SCMP_A2(SCMP_CMP_EQ, 9),
	};
	const struct scmp_arg_cmp other[] = {
		SCMP_A2(SCMP_CMP_NE, 9), SCMP_A0(SCMP_CMP_NE, 16),
	};

	/* i386 has it instead of socket(): the rules below cannot be told there. */
	assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
						SCMP_SYS(socketcall), 0, NULL), 0);
	for (int nr = 0; nr < 400; nr++)
		if (nr % 17 && nr != SCMP_SYS(clone) && nr != SCMP_SYS(socket) &&
		    nr != SCMP_SYS(personality))
			seccomp_rule_add_array(ctx, nr % 31 ? SCMP_ACT_ALLOW :
					       SCMP_ACT_TRAP, nr, 0, NULL);
	assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone),
						1, &clone), 0);
	for (size_t i = 0; i < ARRAY_SIZE(person); i++)
		assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
			SCMP_SYS(personality), 1, &person[i]), 0);
	assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(22),
						SCMP_SYS(socket), 2, audit), 0);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
			SCMP_SYS(socket), 1, &other[i]), 0);
	return ctx;
}

static size_t differences(const struct buf *a, const struct buf *b)
{
	static const uint32_t asked[] = {
		AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, 1, 3,
	};
	static const uint64_t values[] = {
		0, 8, 9, 16, 0x20000, 0x10000000, 0xffffffff, 1ULL << 32, 1ULL << 63 | 8,
	};
	static const uint32_t high[] = { 0, 0x40000000, 0x80000000, 0xfffffe00 };
	const struct sock_fprog p = program(a), q = program(b);
	size_t n = 0;

	for (size_t arch = 0; arch < ARRAY_SIZE(asked); arch++)
		for (uint32_t nr = 0; nr < 512 * ARRAY_SIZE(high); nr++)
			for (size_t i = 0; i < ARRAY_SIZE(values) * ARRAY_SIZE(values); i++) {
				struct seccomp_data d = {
					.arch = asked[arch],
					.nr = (int)(nr % 512 + high[nr / 512]),
					.args = { values[i % ARRAY_SIZE(values)], 0,
						  values[i / ARRAY_SIZE(values)] },
				};

				n += bpf_run(&p, &d) != bpf_run(&q, &d);
			}
	return n;
}

static void a_slimmed_program_says_the_same(void **state)
{
	for (uint32_t optimize = 1; optimize <= 2; optimize++) {
		auto_buf before = BUF_INIT, after = BUF_INIT;

		finish(large(), optimize, &before);
		buf_add(&after, before.data, before.len);
		seccomp_slim(&after, arches, ARRAY_SIZE(arches));
		assert_true(after.len < before.len / 2);
		assert_int_equal(differences(&before, &after), 0);
	}
}

static void a_program_with_one_verdict_stays_whole(void **state)
{
	auto_buf before = BUF_INIT, after = BUF_INIT;

	finish(begin(SCMP_ACT_ALLOW), 2, &before);
	buf_add(&after, before.data, before.len);
	seccomp_slim(&after, arches, ARRAY_SIZE(arches));
	assert_true(after.len <= before.len);
	assert_int_equal(differences(&before, &after), 0);
}

/* Alternating verdicts: a tree that its own jumps could not cross. */
static void what_would_become_too_large_is_left_alone(void **state)
{
	scmp_filter_ctx ctx = begin(SCMP_ACT_ALLOW);
	auto_buf before = BUF_INIT, after = BUF_INIT;

	for (int nr = 0; nr < 440; nr++)
		seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((uint32_t)nr % 300 + 1), nr,
				       0, NULL);
	finish(ctx, 2, &before);
	buf_add(&after, before.data, before.len);
	seccomp_slim(&after, arches, ARRAY_SIZE(arches));
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
}

static void what_is_not_understood_is_left_alone(void **state)
{
	static const struct sock_filter other[][4] = {
		/* counts with the number */
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		  BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
		  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) },
		/* tests its bits */
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP) },
		/* looks at it behind an argument */
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
		  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) },
		/* does not end */
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		auto_buf code = BUF_INIT;

		buf_add(&code, other[i], sizeof(other[i]));
		seccomp_slim(&code, arches, ARRAY_SIZE(arches));
		assert_int_equal(code.len, sizeof(other[i]));
		assert_memory_equal(code.data, other[i], sizeof(other[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slimmed_program_says_the_same),
		cmocka_unit_test(a_program_with_one_verdict_stays_whole),
		cmocka_unit_test(what_would_become_too_large_is_left_alone),
		cmocka_unit_test(what_is_not_understood_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
