#pragma once

/*
 * seccomp_tree.h - a filter as a search tree over the numbers of system calls.
 *
 * When a filter is loaded, the kernel walks it once for each call there is (to
 * know those that are always allowed), so its depth is most of what it costs.
 * Neighbours with the same verdict are one leaf here.
 */
#include "base/base.h"

#include <linux/filter.h>

struct buf;

#define SECCOMP_TREE_TESTS 2

/* Of an argument's lower 32 bits, which are all that the kernel takes of an int,
 * of an ioctl's number and of clone's flags; or of the upper ones, which count
 * in a pointer. */
struct seccomp_tree_test {
	unsigned arg;
	uint32_t mask, value;		/* (args[arg] & mask) == value */
	bool high;			/* of the upper half */
};

/* If all its tests hold: this verdict, else that of the first case that follows
 * and holds. The last case, and no other, has no tests. */
struct seccomp_tree_case {
	uint32_t verdict;		/* SECCOMP_RET_* */
	unsigned n_tests;
	struct seccomp_tree_test tests[SECCOMP_TREE_TESTS];
};

/* Calls from number "first" on, up to the next range: a verdict, or what to do to
 * come to one. */
struct seccomp_tree_range {
	uint32_t first;
	uint32_t verdict;
	const struct seccomp_tree_case *cases;	/* two at least; or NULL */
	const struct sock_filter *body;		/* instructions; or NULL */
	size_t body_len;
};

/* Append the program for AUDIT_ARCH_* "arch", of n >= 2 sorted ranges, the first
 * from 0 on. For any other architecture it goes on with what is appended next.
 * false: it would be too large for the short jumps that there are (some 250
 * instructions); *code is of no use any more. */
bool seccomp_tree_add(struct buf *code, uint32_t arch,
		      const struct seccomp_tree_range *ranges, size_t n);
