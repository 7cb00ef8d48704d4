#pragma once

/*
 * lease.h - flock on locks/<sha256>: shared = leased, exclusive = being changed.
 * The time of the file is that of the last lease, or 0 if there was none. It is
 * not synced: a power cut may make a slug look less recently used.
 */
#include "base/base.h"

struct error;
struct store;

#define LEASE_BUSY 1

/* One attempt, does not wait. exclusive: nobody else has it in any way. */
int lease_try(struct store *s, const char *sha256, bool exclusive, int *ret_fd,
	      struct error *e);

/* The slug is used now. */
void lease_touch(struct store *s, const char *sha256);

enum lease_state { LEASE_FREE, LEASE_HELD, LEASE_CHANGING };

/* Who has it at this moment; makes no lock file. *ret_usec: when it was last
 * leased, 0: never. */
int lease_look(struct store *s, const char *sha256, enum lease_state *ret,
	       uint64_t *ret_usec, struct error *e);

/* Remove the lock file; the caller holds it exclusively. */
void lease_forget(struct store *s, const char *sha256);
