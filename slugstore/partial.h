#pragma once

/*
 * partial.h - partial/<sha256>: the first bytes of a blob whose digest is known
 * but not yet checked, kept from one attempt to the next. Who writes holds its
 * lock (flock, exclusive); who waits for the lock waits for the blob.
 *
 * partial/<sha256>.from says of which version of the source the bytes are.
 */
#include "base/base.h"
#include "base/id.h"

struct error;
struct store;

#define PARTIAL_BUSY 1		/* another process writes it */
#define PARTIAL_FROM_MAX 1024

struct partial {
	struct store *store;	/* NULL: nothing there */
	int fd;			/* holds the lock; open for reading and writing */
	char sha256[SHA256_HEX_MAX];
};

#define PARTIAL_INIT ((struct partial){ .fd = -1 })

/* One attempt to lock it, made if it is absent; does not wait. */
int partial_claim(struct partial *ret, struct store *s, const char *sha256,
		  uint64_t *ret_size, struct error *e);

/* What partial_write_from() has put down, or NULL. */
char *partial_read_from(const struct partial *p);
int partial_write_from(const struct partial *p, const char *text,
		       struct error *e);

/* Back to no bytes, of no version. */
int partial_empty(const struct partial *p, struct error *e);

/* Before it gets its final name: bytes without a version are nobody's, but a
 * version without bytes would stay. */
int partial_forget_from(const struct partial *p, struct error *e);

/* It has got its final name: forget it. */
void partial_moved(struct partial *p);

/* It is not worth keeping. */
void partial_drop(struct partial *p);

/* Keeps the bytes, if there are any. */
void partial_deinit(struct partial *p);
