#include "runtime/cgroup/cgroup_device.h"
#include "base/error.h"

#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>

enum { MKNOD = BPF_DEVCG_ACC_MKNOD, READ = BPF_DEVCG_ACC_READ,
       WRITE = BPF_DEVCG_ACC_WRITE, ALL = MKNOD | READ | WRITE };

static unsigned device_access(const struct resources_device *d)
{
	unsigned access = (d->mknod ? MKNOD : 0) | (d->read ? READ : 0) |
			  (d->write ? WRITE : 0);

	return access || d->allow ? access : ALL;
}

/* Everything, whatever else it says. */
static bool device_everything(const struct resources_device *d)
{
	return d->type == 'a' && d->major < 0 && d->minor < 0;
}

/* ---- version 1 ---- */

static void device_number(char out[24], int64_t x)
{
	if (x < 0)
		snprintf(out, 24, "*");
	else
		snprintf(out, 24, "%" PRId64, x);
}

size_t cgroup_device_text(const struct resources_device *d,
			  char out[CGROUP_DEVICE_TEXTS][CGROUP_DEVICE_TEXT_MAX])
{
	const char *types = d->type == 'a' ? "bc" : d->type == 'b' ? "b" : "c";
	unsigned access = device_access(d);
	char major[24], minor[24];
	size_t n = 0;

	if (device_everything(d)) {
		snprintf(out[0], CGROUP_DEVICE_TEXT_MAX, "a");
		return 1;
	}
	device_number(major, d->major);
	device_number(minor, d->minor);
	for (; access && *types; types++)
		snprintf(out[n++], CGROUP_DEVICE_TEXT_MAX, "%c %s:%s %s%s%s",
			 *types, major, minor, access & READ ? "r" : "",
			 access & WRITE ? "w" : "", access & MKNOD ? "m" : "");
	return n;
}

/* ---- version 2: the assembler ---- */

/*
 * r1 is the context that the kernel passes, r2 the device's type, r3 the kinds
 * of access that no rule has allowed yet, r4 and r5 its numbers; r0 is the
 * answer.
 */
#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), \
			    .off = (int16_t)(o), .imm = (int32_t)(i) })
#define LOAD(dst, field) \
	INSN(BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, \
	     offsetof(struct bpf_cgroup_dev_ctx, field), 0)
#define MOVE(dst, src)	INSN(BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, imm)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define AND(dst, imm)	INSN(BPF_ALU | BPF_AND | BPF_K, dst, 0, 0, imm)
#define SHIFT(dst, imm)	INSN(BPF_ALU | BPF_RSH | BPF_K, dst, 0, 0, imm)
#define UNLESS(dst, imm) INSN(BPF_JMP32 | BPF_JNE | BPF_K, dst, 0, 0, imm)
#define UNLESS_ANY(dst)	INSN(BPF_JMP32 | BPF_JEQ | BPF_K, dst, 0, 0, 0)
#define EXIT		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define RULE_INSNS_MAX 8	/* of one rule */
#define FRAME_INSNS 8		/* before the first and after the last */

static void program_add(struct cgroup_device_program *p, struct bpf_insn x)
{
	p->v[p->n++] = x;
}

static void program_answer(struct cgroup_device_program *p, int answer)
{
	program_add(p, SET(BPF_REG_0, answer));
	program_add(p, EXIT);
}

/* All jumps of a rule lead behind it. */
static void program_link(struct cgroup_device_program *p, size_t start)
{
	for (size_t i = start; i < p->n; i++)
		if (BPF_CLASS(p->v[i].code) == BPF_JMP32)
			p->v[i].off = (int16_t)(p->n - i - 1);
}

static void program_rule(struct cgroup_device_program *p,
			 const struct resources_device *d)
{
	unsigned access = device_access(d);
	size_t start = p->n;

	if (d->type != 'a')
		program_add(p, UNLESS(BPF_REG_2, d->type == 'b'
				      ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
	if (d->major >= 0)
		program_add(p, UNLESS(BPF_REG_4, d->major));
	if (d->minor >= 0)
		program_add(p, UNLESS(BPF_REG_5, d->minor));
	if (access != ALL && d->allow) {
		program_add(p, AND(BPF_REG_3, ~access));
		program_add(p, UNLESS(BPF_REG_3, 0));
	} else if (access != ALL) {
		program_add(p, MOVE(BPF_REG_0, BPF_REG_3));
		program_add(p, AND(BPF_REG_0, access));
		program_add(p, UNLESS_ANY(BPF_REG_0));
	}
	program_answer(p, d->allow ? 1 : 0);
	program_link(p, start);
}

/* From the last rule to the first: the first of these that knows the answer has
 * it. Nothing may follow a rule about everything: the kernel's verifier refuses
 * what is never reached. */
int cgroup_device_assemble(struct cgroup_device_program *ret,
			   const struct resources_device *rules, size_t n,
			   struct error *e)
{
	struct cgroup_device_program p = { .n = 0 };

	if (n > CGROUP_DEVICE_RULES_MAX)
		return error_set(e, E2BIG, "%zu device rules: at most %d", n,
				 CGROUP_DEVICE_RULES_MAX);
	p.v = xcalloc(n * RULE_INSNS_MAX + FRAME_INSNS, sizeof(*p.v));
	program_add(&p, LOAD(BPF_REG_2, access_type));
	program_add(&p, MOVE(BPF_REG_3, BPF_REG_2));
	program_add(&p, AND(BPF_REG_2, 0xffff));
	program_add(&p, SHIFT(BPF_REG_3, 16));
	program_add(&p, LOAD(BPF_REG_4, major));
	program_add(&p, LOAD(BPF_REG_5, minor));
	while (n > 0) {
		const struct resources_device *d = &rules[--n];

		if (device_everything(d)) {
			program_answer(&p, d->allow ? 1 : 0);
			*ret = p;
			return 0;
		}
		if (device_access(d) != 0)
			program_rule(&p, d);
	}
	program_answer(&p, 0);
	*ret = p;
	return 0;
}

void cgroup_device_program_deinit(struct cgroup_device_program *p)
{
	free(p->v);
	p->v = NULL;
	p->n = 0;
}
