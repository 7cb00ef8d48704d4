/*
 * seccomp_slim.c - the same filter with fewer instructions.
 *
 * The program is walked with a known architecture and number up to its verdict,
 * or to where it first looks at an argument; what can be reached from there is
 * kept word for word. A program only compares a number with constants, so it
 * does the same for all numbers between two of them.
 */
#include "base/buf.h"
#include "runtime/filter/seccomp_slim.h"
#include "runtime/filter/seccomp_tree.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#define AT_NUMBER offsetof(struct seccomp_data, nr)
#define AT_ARCH offsetof(struct seccomp_data, arch)

struct slim_body {
	struct sock_filter *code;
	size_t len;
};

struct slim {
	const struct sock_filter *code;
	size_t len;
	struct slim_body *bodies;	/* by the instruction they begin at */
	uint32_t *points;		/* where a number's verdict may change */
	size_t n_points;
	struct seccomp_tree_range *ranges;
};

static bool slim_jumps(const struct sock_filter *f, uint32_t a)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == f->k;
	case BPF_JGT:
		return a > f->k;
	default:
		return a >= f->k;
	}
}

static bool slim_is_compare(const struct sock_filter *f)
{
	return f->code == (BPF_JMP | BPF_JEQ | BPF_K) ||
	       f->code == (BPF_JMP | BPF_JGT | BPF_K) ||
	       f->code == (BPF_JMP | BPF_JGE | BPF_K);
}

/* The instruction that returns or looks at an argument; false: neither. */
static bool slim_walk(const struct slim *s, uint32_t arch, uint32_t nr,
		      size_t *ret_pc)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < s->len; pc++) {
		const struct sock_filter *f = &s->code[pc];

		*ret_pc = pc;
		if (f->code == (BPF_RET | BPF_K))
			return true;
		if (f->code == (BPF_JMP | BPF_JA)) {
			pc += f->k;
		} else if (slim_is_compare(f)) {
			pc += slim_jumps(f, a) ? f->jt : f->jf;
		} else if (f->code == (BPF_LD | BPF_W | BPF_ABS)) {
			if (f->k != AT_NUMBER && f->k != AT_ARCH)
				return true;
			a = f->k == AT_NUMBER ? nr : arch;
		} else {
			return false;
		}
	}
	return false;
}

/* ---- what looks at arguments ---- */

/* Marks all that can be reached; false: it looks at the number again. */
static bool slim_reach(const struct slim *s, size_t from, bool *reached)
{
	reached[from] = true;
	for (size_t pc = from; pc < s->len; pc++) {
		const struct sock_filter *f = &s->code[pc];

		if (!reached[pc] || BPF_CLASS(f->code) == BPF_RET)
			continue;
		if (BPF_CLASS(f->code) == BPF_LD &&
		    (f->code != (BPF_LD | BPF_W | BPF_ABS) || f->k == AT_NUMBER ||
		     f->k == AT_ARCH))
			return false;
		if (BPF_CLASS(f->code) != BPF_JMP) {
			reached[pc + 1] = true;
		} else if (BPF_OP(f->code) == BPF_JA) {
			reached[pc + 1 + f->k] = true;
		} else {
			reached[pc + 1 + f->jt] = true;
			reached[pc + 1 + f->jf] = true;
		}
	}
	return true;
}

/* Without what lies between, jumps become shorter. */
static void slim_close_up(const struct slim *s, size_t from, const bool *reached,
			  struct slim_body *ret)
{
	size_t *place = xcalloc(s->len, sizeof(*place)), n = 0;

	for (size_t pc = from; pc < s->len; pc++)
		if (reached[pc])
			place[pc] = n++;
	ret->code = xcalloc(n, sizeof(*ret->code));
	ret->len = n;
	for (size_t pc = from; pc < s->len; pc++) {
		struct sock_filter f = s->code[pc];

		if (!reached[pc])
			continue;
		if (f.code == (BPF_JMP | BPF_JA)) {
			f.k = (uint32_t)(place[pc + 1 + f.k] - place[pc] - 1);
		} else if (BPF_CLASS(f.code) == BPF_JMP) {
			f.jt = (uint8_t)(place[pc + 1 + f.jt] - place[pc] - 1);
			f.jf = (uint8_t)(place[pc + 1 + f.jf] - place[pc] - 1);
		}
		ret->code[place[pc]] = f;
	}
	free(place);
}

static const struct slim_body *slim_body(struct slim *s, size_t from)
{
	struct slim_body *b = &s->bodies[from];
	bool *reached;

	if (b->code)
		return b;
	reached = xcalloc(s->len + 1, sizeof(*reached));
	if (slim_reach(s, from, reached))
		slim_close_up(s, from, reached, b);
	free(reached);
	return b->code ? b : NULL;
}

/* ---- ranges ---- */

static int slim_compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void slim_find_points(struct slim *s)
{
	s->points = xcalloc(2 * s->len + 1, sizeof(*s->points));
	s->n_points = 1;			/* 0 */
	for (size_t pc = 0; pc < s->len; pc++)
		if (slim_is_compare(&s->code[pc])) {
			s->points[s->n_points++] = s->code[pc].k;
			if (s->code[pc].k < UINT32_MAX)
				s->points[s->n_points++] = s->code[pc].k + 1;
		}
	qsort(s->points, s->n_points, sizeof(*s->points), slim_compare);
	s->ranges = xcalloc(s->n_points + 1, sizeof(*s->ranges));
}

/* The number of ranges; 0: not understood. */
static size_t slim_find_ranges(struct slim *s, uint32_t arch)
{
	size_t n = 0, pc;

	for (size_t i = 0; i < s->n_points; i++) {
		struct seccomp_tree_range r = { .first = s->points[i] };

		if (!slim_walk(s, arch, r.first, &pc))
			return 0;
		if (BPF_CLASS(s->code[pc].code) == BPF_RET) {
			r.verdict = s->code[pc].k;
		} else {
			const struct slim_body *b = slim_body(s, pc);

			if (!b)
				return 0;
			r.body = b->code;
			r.body_len = b->len;
		}
		if (n > 0 && s->ranges[n - 1].verdict == r.verdict &&
		    s->ranges[n - 1].body == r.body)
			continue;
		s->ranges[n++] = r;
	}
	if (n == 1) {			/* a tree has two leaves at least */
		s->ranges[n] = s->ranges[0];
		s->ranges[n++].first = UINT32_MAX;
	}
	return n;
}

/* ---- the program ---- */

static bool slim_has_seen(const uint32_t *arches, size_t n, uint32_t arch)
{
	for (size_t i = 0; i < n; i++)
		if (arches[i] == arch)
			return true;
	return false;
}

/* An architecture that no instruction knows. */
static uint32_t slim_stranger(const struct slim *s)
{
	uint32_t arch = 1;

	for (size_t i = 0; i < s->n_points; i++)
		if (s->points[i] == arch)
			arch++;
	return arch;
}

static bool slim_write(struct slim *s, struct buf *out, const uint32_t *arches,
		       size_t n_arches)
{
	size_t n, pc;

	for (size_t i = 0; i < n_arches; i++) {
		/* x32 calls are large numbers of x86-64. */
		uint32_t arch = arches[i] == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64
							   : arches[i];

		if (slim_has_seen(arches, i, arch))
			continue;
		n = slim_find_ranges(s, arch);
		if (n == 0 || !seccomp_tree_add(out, arch, s->ranges, n))
			return false;
	}
	/* The same for all numbers, or it is not understood. */
	if (slim_find_ranges(s, slim_stranger(s)) != 2 ||
	    s->ranges[1].first != UINT32_MAX || s->ranges[0].body ||
	    !slim_walk(s, slim_stranger(s), 0, &pc))
		return false;
	buf_add(out, &s->code[pc], sizeof(s->code[pc]));
	return true;
}

void seccomp_slim(struct buf *code, const uint32_t *arches, size_t n_arches)
{
	struct slim s = {
		.code = (const struct sock_filter *)(const void *)code->data,
		.len = code->len / sizeof(struct sock_filter),
	};
	auto_buf out = BUF_INIT;

	s.bodies = xcalloc(s.len + 1, sizeof(*s.bodies));
	slim_find_points(&s);
	if (slim_write(&s, &out, arches, n_arches) && out.len < code->len) {
		struct buf old = *code;

		*code = out;
		out = old;
	}
	for (size_t i = 0; i < s.len; i++)
		free(s.bodies[i].code);
	free(s.bodies);
	free(s.points);
	free(s.ranges);
}
