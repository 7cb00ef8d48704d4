#pragma once

/*
 * source.h - where the bytes of a slug come from: a file, standard input ("-"),
 * http, https, S3. One interface for all.
 */
#include "base/base.h"

struct error;
struct source;
struct store_import;
struct target_spec;

#define SOURCE_ABSENT 1		/* there is no such slug */
#define SOURCE_PIECED 2		/* all is here, from more than one answer: if its
				 * digest is wrong, the pieces did not fit */

/* Bytes of the import so far; total 0: not known. on_progress may be NULL. */
struct source_watch {
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;
};

/* Opens a file (as the caller; a job may change who it is later), takes an
 * address apart. EINVAL: no kind of address. */
int source_new(struct source **ret, const struct target_spec *spec,
	       struct error *e);
struct source *source_free(struct source *src);
DEFINE_AUTO(struct source, source_free)

/* Wipe its secrets; it may only be freed then. */
void source_forget(struct source *src);

/* For messages. */
const char *source_name(const struct source *src);

/* Put all bytes into the import, which may hold the first of them already. Once
 * their number is known, there is room for all of them or an error. */
int source_read(struct source *src, struct store_import *imp,
		const struct source_watch *watch, struct error *e);
