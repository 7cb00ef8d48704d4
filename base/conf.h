#pragma once

/*
 * conf.h - configuration files: "key = value", "#" comments, no sections.
 *
 * The keys of a program are one table; defaults, bounds, "unknown key" and
 * the manual page all come from it. A daemon reads <etc>/<name>.conf, then
 * <etc>/<name>.conf.d/<any>.conf in alphabetical order; absent files are fine.
 */
#include "base/base.h"

struct error;

enum conf_type {
	CONF_STRING,		/* char *: owned by the struct */
	CONF_BOOL,		/* bool: yes/no, true/false, on/off, 1/0 */
	CONF_UINT,		/* uint64_t within min..max */
	CONF_SEC,		/* uint64_t: seconds within min..max */
	CONF_BYTES,		/* uint64_t: number with optional K, M, G (1024) */
};

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset;		/* in the struct that is filled */
	uint64_t min, max;	/* both 0: unbounded */
	const char *def;	/* default, in text; NULL for a string = NULL */
	const char *doc;	/* one sentence */
};

/* Set every key to its default. */
void conf_defaults(const struct conf_key *keys, size_t n, void *out);

/* Set one key from text. Errors name the key and what is allowed. "_" in name
 * is as good as "-". */
int conf_set(const struct conf_key *keys, size_t n, void *out,
	     const char *name, const char *value, struct error *e);

/* Read dir/name.conf and dir/name.conf.d/. Errors name file and line. */
int conf_load(const struct conf_key *keys, size_t n, void *out,
	      const char *dir, const char *name, struct error *e);

/* The same for a path: it and path.d/. */
int conf_load_file(const struct conf_key *keys, size_t n, void *out,
		   const char *path, struct error *e);

/* Free the strings. */
void conf_free(const struct conf_key *keys, size_t n, void *out);
