/*
 * bpf.c - an interpreter of what seccomp filters may consist of.
 */
#include "tests/runtime/bpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool bpf_jumps(const struct sock_filter *f, uint32_t a)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == f->k;
	case BPF_JGT:
		return a > f->k;
	case BPF_JGE:
		return a >= f->k;
	case BPF_JSET:
		return a & f->k;
	}
	fail_msg("jump %x", f->code);
	return false;
}

uint32_t bpf_run(const struct sock_fprog *p, const struct seccomp_data *d)
{
	uint32_t a = 0, value;

	for (size_t pc = 0; pc < p->len; pc++) {
		const struct sock_filter *f = &p->filter[pc];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			assert_int_equal(f->code, BPF_LD | BPF_W | BPF_ABS);
			assert_true(f->k <= sizeof(*d) - 4 && f->k % 4 == 0);
			memcpy(&value, (const char *)d + f->k, sizeof(value));
			a = value;
			break;
		case BPF_ALU:
			assert_int_equal(f->code, BPF_ALU | BPF_AND | BPF_K);
			a &= f->k;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				pc += f->k;
			else
				pc += bpf_jumps(f, a) ? f->jt : f->jf;
			break;
		case BPF_RET:
			assert_int_equal(f->code, BPF_RET | BPF_K);
			return f->k;
		default:
			fail_msg("instruction %x", f->code);
		}
	}
	fail_msg("the program does not end");
	return 0;
}
