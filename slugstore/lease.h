#pragma once

/*
 * lease.h - flock on locks/<sha256>: shared = leased, exclusive = being changed.
 */
#include "base/base.h"

struct error;
struct store;

#define LEASE_BUSY 1

/* One attempt, does not wait. exclusive: nobody else has it in any way. */
int lease_try(struct store *s, const char *sha256, bool exclusive, int *ret_fd,
	      struct error *e);

/* Remove the lock file; the caller holds it exclusively. */
void lease_forget(struct store *s, const char *sha256);
