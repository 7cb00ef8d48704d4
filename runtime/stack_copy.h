#pragma once

/*
 * stack_copy.h - the part of the host's /etc that dynos see: a closed list.
 *
 * Only what everybody may read on the host is taken, only regular files and
 * links, and only so much. Collecting comes first and gives a fingerprint, so
 * that an unchanged host needs no copying.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;

#define STACK_COPY_FILES_MAX 8192
#define STACK_COPY_FILE_BYTES (4 * 1024 * 1024)
#define STACK_COPY_BYTES (32 * 1024 * 1024)

struct stack_entry {
	char *path;		/* below /etc */
	char *target;		/* of a link, else NULL */
	mode_t mode;		/* of a directory or file */
};

struct stack_copy {
	struct stack_entry *v;	/* directories before what is in them */
	size_t n;
	uint64_t bytes;
	uint64_t fingerprint;
};

#define STACK_COPY_INIT ((struct stack_copy){ NULL, 0, 0, 0 })

/* etc_fd: the host's /etc. What is absent, unreadable for others or of another
 * kind is left out. EFBIG: more than the bounds. */
int stack_copy_collect(struct stack_copy *c, int etc_fd, struct error *e);
void stack_copy_deinit(struct stack_copy *c);

/* Write the entries below the directory to_fd. */
int stack_copy_write(const struct stack_copy *c, int etc_fd, int to_fd,
		     struct error *e);

/* Fold bytes into a fingerprint (FNV-1a). */
uint64_t stack_copy_fold(uint64_t hash, const void *data, size_t n);
