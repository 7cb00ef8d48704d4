#pragma once

/*
 * pass.h - one pass of reconciling: the supervisor's lists as reconcile.h wants
 * them, and what is to be done. Made to be carried out, or only to be shown.
 *
 * Points into the supervisor: dead as soon as anything there changes.
 */
#include "manager/model/reconcile.h"

struct life;
struct supervisor;

struct pass {
	struct reconcile_want *want;	/* index = supervisor.wanted.items */
	size_t n_want;
	struct reconcile_have *have;
	struct life **lives;		/* the same order */
	size_t n_have;
	struct reconcile_action *actions;
	size_t n;
};

#define PASS_INIT ((struct pass){ 0 })

void pass_make(const struct supervisor *s, struct pass *ret);
void pass_deinit(struct pass *p);

/* A creation that draining forbids. */
bool pass_is_held(const struct supervisor *s, const struct reconcile_action *a);
