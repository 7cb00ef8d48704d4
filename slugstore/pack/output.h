#pragma once

/*
 * output.h - a file that appears whole or not at all.
 *
 * It has no name until it is complete and on disk; where the file system has
 * no such files, a temporary one beside its name. For standard output it lies
 * in $TMPDIR or /tmp and is copied at the end.
 */
#include "base/base.h"

struct error;

struct output {
	const char *path;		/* borrowed; "-": standard output */
	char *temp;			/* its name, or NULL */
	int fd;				/* write here; also open for reading */
};

#define OUTPUT_INIT ((struct output){ .fd = -1 })

/* EINVAL: the path exists and is no file, or standard output is a terminal. */
int output_open(struct output *o, const char *path, struct error *e);
int output_publish(struct output *o, struct error *e);
void output_deinit(struct output *o);	/* unpublished: gone */
