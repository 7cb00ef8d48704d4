/*
 * seccomp_tree.c - a filter as a search tree over the numbers of system calls.
 *
 * Loading costs per instruction, too (the kernel checks and translates each), so
 * there is one "return" per verdict, at the end.
 */
#include "base/buf.h"
#include "runtime/filter/seccomp_tree.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the lower half of an argument is read at its first byte"
#endif

#define TREE_EXITS_MAX 512

/* A jump that leads to a verdict. */
struct tree_exit {
	size_t jump;
	bool on;			/* when it is true; else when false */
	uint32_t verdict;
};

struct tree {
	struct buf *code;
	struct tree_exit exits[TREE_EXITS_MAX];
	size_t n_exits;
	bool too_large;
};

static size_t tree_len(const struct tree *t)
{
	return t->code->len / sizeof(struct sock_filter);
}

static void tree_stmt(struct tree *t, unsigned op, uint32_t k)
{
	buf_add(t->code, &(struct sock_filter)BPF_STMT((unsigned short)op, k),
		sizeof(struct sock_filter));
}

static void tree_load(struct tree *t, size_t offset)
{
	tree_stmt(t, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

/* Goes to the next instruction until told otherwise; returns its place. */
static size_t tree_jump(struct tree *t, unsigned op, uint32_t k)
{
	buf_add(t->code, &(struct sock_filter)BPF_JUMP((unsigned short)op, k, 0, 0),
		sizeof(struct sock_filter));
	return tree_len(t) - 1;
}

/* It goes to what comes next, if it is true ("on") or false. */
static void tree_land(struct tree *t, size_t jump, bool on)
{
	struct sock_filter *f = (struct sock_filter *)(void *)t->code->data + jump;
	size_t distance = tree_len(t) - jump - 1;

	t->too_large |= distance > UINT8_MAX;
	*(on ? &f->jt : &f->jf) = (uint8_t)distance;
}

static void tree_leave(struct tree *t, size_t jump, bool on, uint32_t verdict)
{
	if (t->n_exits == TREE_EXITS_MAX) {
		t->too_large = true;
		return;
	}
	t->exits[t->n_exits++] = (struct tree_exit){ jump, on, verdict };
}

/* All that lead to the same verdict as the first one, and drop them. */
static void tree_return(struct tree *t)
{
	const uint32_t verdict = t->exits[0].verdict;
	size_t left = 0;

	for (size_t i = 0; i < t->n_exits; i++) {
		const struct tree_exit x = t->exits[i];

		if (x.verdict == verdict)
			tree_land(t, x.jump, x.on);
		else
			t->exits[left++] = x;
	}
	t->n_exits = left;
	tree_stmt(t, BPF_RET | BPF_K, verdict);
}

static bool tree_is_loaded(const struct seccomp_tree_case *before,
			   const struct seccomp_tree_test *test)
{
	return before->n_tests == 1 && before->tests[0].arg == test->arg &&
	       before->tests[0].high == test->high &&
	       before->tests[0].mask == UINT32_MAX;
}

/* Where it fails, the next case begins, or nothing else is left to be said. */
static void tree_case(struct tree *t, const struct seccomp_tree_case *c, bool first)
{
	const struct seccomp_tree_case *next = c + 1;
	size_t jumps[SECCOMP_TREE_TESTS] = { 0 };

	for (unsigned i = 0; i < c->n_tests; i++) {
		const struct seccomp_tree_test *test = &c->tests[i];

		if (i > 0 || first || !tree_is_loaded(c - 1, test))
			tree_load(t, offsetof(struct seccomp_data, args[test->arg]) +
				     (test->high ? sizeof(uint32_t) : 0));
		if (test->mask != UINT32_MAX)
			tree_stmt(t, BPF_ALU | BPF_AND | BPF_K, test->mask);
		jumps[i] = tree_jump(t, BPF_JMP | BPF_JEQ | BPF_K, test->value);
	}
	tree_leave(t, jumps[c->n_tests - 1], true, c->verdict);
	for (unsigned i = 0; i < c->n_tests; i++) {
		if (next->n_tests > 0)
			tree_land(t, jumps[i], false);
		else
			tree_leave(t, jumps[i], false, next->verdict);
	}
}

static void tree_node(struct tree *t, const struct seccomp_tree_range *v, size_t n);

static void tree_branch(struct tree *t, size_t jump, bool on,
			const struct seccomp_tree_range *v, size_t n)
{
	if (n == 1 && !v->cases && !v->body) {
		tree_leave(t, jump, on, v->verdict);
		return;
	}
	tree_land(t, jump, on);
	if (n > 1) {
		tree_node(t, v, n);
		return;
	}
	if (v->body) {
		buf_add(t->code, v->body, v->body_len * sizeof(*v->body));
		return;
	}
	for (const struct seccomp_tree_case *c = v->cases; c->n_tests > 0; c++)
		tree_case(t, c, c == v->cases);
}

static void tree_node(struct tree *t, const struct seccomp_tree_range *v, size_t n)
{
	size_t jump = tree_jump(t, BPF_JMP | BPF_JGE | BPF_K, v[n / 2].first);

	tree_branch(t, jump, false, v, n / 2);
	tree_branch(t, jump, true, v + n / 2, n - n / 2);
}

bool seccomp_tree_add(struct buf *code, uint32_t arch,
		      const struct seccomp_tree_range *ranges, size_t n)
{
	struct tree t = { .code = code };
	size_t ours, past;

	assert(n > 1 && ranges[0].first == 0);
	tree_load(&t, offsetof(struct seccomp_data, arch));
	ours = tree_jump(&t, BPF_JMP | BPF_JEQ | BPF_K, arch);
	past = tree_len(&t);
	tree_stmt(&t, BPF_JMP | BPF_JA, 0);	/* the far end */
	tree_land(&t, ours, true);
	tree_load(&t, offsetof(struct seccomp_data, nr));
	tree_node(&t, ranges, n);
	while (t.n_exits > 0)
		tree_return(&t);
	((struct sock_filter *)(void *)code->data)[past].k =
		(uint32_t)(tree_len(&t) - past - 1);
	return !t.too_large;
}
