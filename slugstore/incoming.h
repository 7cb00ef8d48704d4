#pragma once

/*
 * incoming.h - what is being written: a file or directory of a random name
 * below incoming/, locked by its writer. The lock dies with the writer, and
 * then anybody who opens the store removes the rest.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;
struct store;

#define INCOMING_NAME_MAX 33

struct incoming {
	struct store *store;	/* NULL: nothing there */
	int fd;			/* holds the lock */
	char name[INCOMING_NAME_MAX];
};

#define INCOMING_INIT ((struct incoming){ .fd = -1 })

/* A file open for writing, 0600, or a directory, 0700. */
int incoming_new_file(struct incoming *ret, struct store *s, struct error *e);
int incoming_new_dir(struct incoming *ret, struct store *s, struct error *e);

/* Move a file or directory in, to be removed by incoming_deinit(): dirfd/path
 * is gone from there at once. Nothing there: *ret stays. */
int incoming_take(struct incoming *ret, struct store *s, int dirfd,
		  const char *path, struct error *e);

/* The same, and remove it now. */
int incoming_discard(struct store *s, int dirfd, const char *path,
		     struct error *e);

/* A small file, complete from the moment it is there; not synced. One that has
 * that name is replaced. */
int incoming_write(struct store *s, int dirfd, const char *path, const char *text,
		   mode_t mode, struct error *e);

/* It has got its final name: forget it. Else incoming_deinit() removes it. */
void incoming_moved(struct incoming *in);
void incoming_deinit(struct incoming *in);

/* Remove what no living process holds. */
void incoming_sweep(struct store *s);
