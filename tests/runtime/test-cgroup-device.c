/*
 * test-cgroup-device.c - the device program, run by an interpreter of the few
 * instructions that it is made of, against rules applied one by one.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup_device.h"
#include "runtime/cgroup/cgroup_group.h"

#include <linux/bpf.h>
#include <setjmp.h>
#include <cmocka.h>

#define MKNOD BPF_DEVCG_ACC_MKNOD
#define READ BPF_DEVCG_ACC_READ
#define WRITE BPF_DEVCG_ACC_WRITE

#define RULE(yes, t, maj, min, acc) \
	{ .allow = yes, .type = t, .major = maj, .minor = min, \
	  .read = (acc) & READ, .write = (acc) & WRITE, .mknod = (acc) & MKNOD }

/* ---- the interpreter ---- */

static uint32_t load(const struct bpf_cgroup_dev_ctx *ctx, int16_t off)
{
	uint32_t x;

	assert_true(off >= 0 && (size_t)off + sizeof(x) <= sizeof(*ctx));
	memcpy(&x, (const char *)ctx + off, sizeof(x));
	return x;
}

/* One instruction; returns where the next one is. */
static size_t step(const struct bpf_insn *in, size_t pc, uint64_t reg[11],
		   const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t *dst = &reg[in->dst_reg];

	switch (in->code) {
	case BPF_LDX | BPF_MEM | BPF_W:
		assert_int_equal(in->src_reg, BPF_REG_1);
		*dst = load(ctx, in->off);
		break;
	case BPF_ALU | BPF_MOV | BPF_X:
		*dst = (uint32_t)reg[in->src_reg];
		break;
	case BPF_ALU64 | BPF_MOV | BPF_K:
		*dst = (uint64_t)(int64_t)in->imm;
		break;
	case BPF_ALU | BPF_AND | BPF_K:
		*dst = (uint32_t)*dst & (uint32_t)in->imm;
		break;
	case BPF_ALU | BPF_RSH | BPF_K:
		*dst = (uint32_t)*dst >> in->imm;
		break;
	case BPF_JMP32 | BPF_JNE | BPF_K:
		pc += (uint32_t)*dst != (uint32_t)in->imm ? (size_t)in->off : 0;
		break;
	case BPF_JMP32 | BPF_JEQ | BPF_K:
		pc += (uint32_t)*dst == (uint32_t)in->imm ? (size_t)in->off : 0;
		break;
	default:
		fail_msg("instruction %zu: code 0x%x", pc, in->code);
	}
	assert_true(in->off >= 0);
	return pc + 1;
}

static bool run(const struct cgroup_device_program *p, unsigned type,
		uint32_t major, uint32_t minor, unsigned access)
{
	const struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | type, .major = major,
		.minor = minor,
	};
	uint64_t reg[11] = { 99 };
	size_t pc = 0;

	/* Jumps go forward only, so it ends. */
	for (;;) {
		assert_true(pc < p->n);
		if (p->v[pc].code == (BPF_JMP | BPF_EXIT))
			break;
		pc = step(&p->v[pc], pc, reg, &ctx);
	}
	assert_true(reg[0] <= 1);
	return reg[0];
}

/* The kernel refuses what no way leads to. */
static void check_reachable(const struct cgroup_device_program *p)
{
	bool *seen = xcalloc(p->n + 1, sizeof(*seen));

	seen[0] = true;
	for (size_t i = 0; i < p->n; i++) {
		unsigned class = BPF_CLASS(p->v[i].code);

		if (!seen[i])
			fail_msg("instruction %zu is never reached", i);
		if (p->v[i].code == (BPF_JMP | BPF_EXIT))
			continue;
		seen[i + 1] = true;
		if (class == BPF_JMP32)
			seen[i + 1 + (size_t)p->v[i].off] = true;
	}
	assert_false(seen[p->n]);
	free(seen);
}

static struct cgroup_device_program assembled(const struct resources_device *v,
					      size_t n)
{
	struct cgroup_device_program p = CGROUP_DEVICE_PROGRAM_INIT;
	struct error e = { 0 };

	if (cgroup_device_assemble(&p, v, n, &e) < 0)
		fail_msg("%s", e.msg);
	check_reachable(&p);
	return p;
}

/* ---- what is right ---- */

static bool fits(const struct resources_device *d, unsigned type, uint32_t major,
		 uint32_t minor)
{
	if (d->type == 'a' && d->major < 0 && d->minor < 0)
		return true;
	return (d->type == 'a' ||
		(d->type == 'b') == (type == BPF_DEVCG_DEV_BLOCK)) &&
	       (d->major < 0 || d->major == major) &&
	       (d->minor < 0 || d->minor == minor);
}

/* Each kind of access by itself: the last rule about it decides. */
static bool expected(const struct resources_device *v, size_t n, unsigned type,
		     uint32_t major, uint32_t minor, unsigned access)
{
	unsigned allowed = 0;

	for (size_t i = 0; i < n; i++) {
		bool all = v[i].type == 'a' && v[i].major < 0 && v[i].minor < 0;
		unsigned bits = (v[i].read ? READ : 0) |
				(v[i].write ? WRITE : 0) |
				(v[i].mknod ? MKNOD : 0);

		if (all || (!bits && !v[i].allow))
			bits = READ | WRITE | MKNOD;
		if (fits(&v[i], type, major, minor))
			allowed = v[i].allow ? allowed | bits : allowed & ~bits;
	}
	return (access & ~allowed) == 0;
}

/* ---- the tests ---- */

static void nothing_is_allowed_without_rules(void **state)
{
	struct cgroup_device_program p = assembled(NULL, 0);

	for (unsigned access = 1; access < 8; access++)
		assert_false(run(&p, BPF_DEVCG_DEV_CHAR, 1, 3, access));
	cgroup_device_program_deinit(&p);
}

static void a_table_of_accesses_is_decided_right(void **state)
{
	static const struct resources_device rules[] = {
		RULE(false, 'a', -1, -1, READ | WRITE | MKNOD),
		RULE(true, 'c', 1, 3, READ | WRITE),
		RULE(true, 'c', 1, 5, READ),
		RULE(true, 'c', 1, 5, WRITE),
		RULE(true, 'c', 10, -1, READ | WRITE | MKNOD),
		RULE(false, 'c', 10, 229, WRITE),
		RULE(true, 'b', -1, -1, MKNOD),
		RULE(true, 'c', 0xffffffff, -1, READ),
	};
	static const struct {
		unsigned type;
		uint32_t major, minor;
		unsigned access;
		bool allowed;
	} table[] = {
		{ BPF_DEVCG_DEV_CHAR, 1, 3, READ | WRITE, true },
		{ BPF_DEVCG_DEV_CHAR, 1, 3, MKNOD, false },
		{ BPF_DEVCG_DEV_CHAR, 1, 3, READ | MKNOD, false },
		{ BPF_DEVCG_DEV_BLOCK, 1, 3, READ, false },
		{ BPF_DEVCG_DEV_CHAR, 1, 4, READ, false },
		/* one rule for each half */
		{ BPF_DEVCG_DEV_CHAR, 1, 5, READ | WRITE, true },
		{ BPF_DEVCG_DEV_CHAR, 10, 229, READ, true },
		{ BPF_DEVCG_DEV_CHAR, 10, 229, WRITE, false },
		{ BPF_DEVCG_DEV_CHAR, 10, 229, READ | WRITE, false },
		{ BPF_DEVCG_DEV_CHAR, 10, 200, READ | WRITE | MKNOD, true },
		{ BPF_DEVCG_DEV_BLOCK, 8, 0, MKNOD, true },
		{ BPF_DEVCG_DEV_BLOCK, 8, 0, MKNOD | READ, false },
		{ BPF_DEVCG_DEV_CHAR, 0xffffffff, 7, READ, true },
	};
	struct cgroup_device_program p = assembled(rules, ARRAY_SIZE(rules));

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (run(&p, table[i].type, table[i].major, table[i].minor,
			table[i].access) != table[i].allowed)
			fail_msg("row %zu", i);
	cgroup_device_program_deinit(&p);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

static void any_rules_decide_as_if_applied_one_by_one(void **state)
{
	uint64_t seed = 42;

	for (unsigned round = 0; round < 2000; round++) {
		struct resources_device v[12];
		size_t n = next_random(&seed) % (ARRAY_SIZE(v) + 1);
		struct cgroup_device_program p;

		for (size_t i = 0; i < n; i++) {
			unsigned access = next_random(&seed) % 8;

			v[i] = (struct resources_device)RULE(
				next_random(&seed) % 2,
				"abccbc"[next_random(&seed) % 6],
				(int64_t)(next_random(&seed) % 4) - 1,
				(int64_t)(next_random(&seed) % 4) - 1, access);
		}
		p = assembled(v, n);
		for (unsigned i = 0; i < 2 * 4 * 4 * 7; i++) {
			unsigned type = i % 2 ? BPF_DEVCG_DEV_BLOCK
					      : BPF_DEVCG_DEV_CHAR;
			unsigned major = i / 2 % 4, minor = i / 8 % 4;
			unsigned access = i / 32 + 1;

			if (run(&p, type, major, minor, access) !=
			    expected(v, n, type, major, minor, access))
				fail_msg("round %u, access %u", round, i);
		}
		cgroup_device_program_deinit(&p);
	}
}

static void too_many_rules_are_refused(void **state)
{
	struct cgroup_device_program p = CGROUP_DEVICE_PROGRAM_INIT;
	struct error e = { 0 };
	struct resources_device *v = xcalloc(CGROUP_DEVICE_RULES_MAX + 1,
					     sizeof(*v));

	assert_int_equal(cgroup_device_assemble(&p, v,
						CGROUP_DEVICE_RULES_MAX + 1, &e),
			 -E2BIG);
	free(v);
}

static void rules_become_the_words_of_version_1(void **state)
{
	static const struct {
		struct resources_device rule;
		size_t n;
		const char *text[2];
	} table[] = {
		{ RULE(false, 'a', -1, -1, 7), 1, { "a" } },
		{ RULE(true, 'a', -1, -1, READ), 1, { "a" } },
		{ RULE(true, 'c', 1, 3, READ | WRITE), 1, { "c 1:3 rw" } },
		{ RULE(true, 'b', 8, -1, 7), 1, { "b 8:* rwm" } },
		{ RULE(true, 'c', -1, -1, MKNOD), 1, { "c *:* m" } },
		/* the kernel would take "a 5:1 r" for everything */
		{ RULE(true, 'a', 5, 1, READ), 2, { "b 5:1 r", "c 5:1 r" } },
		{ RULE(true, 'c', 5, 1, 0), 0, { NULL } },
		{ RULE(false, 'c', 5, 1, 0), 1, { "c 5:1 rwm" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char text[CGROUP_DEVICE_TEXTS][CGROUP_DEVICE_TEXT_MAX];

		assert_int_equal(cgroup_device_text(&table[i].rule, text),
				 table[i].n);
		for (size_t k = 0; k < table[i].n; k++)
			assert_string_equal(text[k], table[i].text[k]);
	}
}

static void every_container_has_the_usual_devices(void **state)
{
	static const struct resources_device own[] = {
		RULE(false, 'a', -1, -1, 7), RULE(false, 'c', 1, 3, WRITE),
	};
	size_t n;
	struct resources_device *v = cgroup_group_devices(own, 2, &n);
	struct cgroup_device_program p = assembled(v, n);

	assert_true(n > 2);
	assert_true(run(&p, BPF_DEVCG_DEV_CHAR, 1, 3, READ | WRITE | MKNOD));
	assert_true(run(&p, BPF_DEVCG_DEV_CHAR, 136, 77, READ | WRITE));
	assert_true(run(&p, BPF_DEVCG_DEV_BLOCK, 8, 0, MKNOD));
	assert_false(run(&p, BPF_DEVCG_DEV_BLOCK, 8, 0, READ));
	assert_false(run(&p, BPF_DEVCG_DEV_CHAR, 10, 237, READ));
	cgroup_device_program_deinit(&p);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allowed_without_rules),
		cmocka_unit_test(a_table_of_accesses_is_decided_right),
		cmocka_unit_test(any_rules_decide_as_if_applied_one_by_one),
		cmocka_unit_test(too_many_rules_are_refused),
		cmocka_unit_test(rules_become_the_words_of_version_1),
		cmocka_unit_test(every_container_has_the_usual_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
