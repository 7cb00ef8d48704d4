#pragma once

/*
 * oci_refuse.h - telling what is wrong in a configuration, with the path to it:
 * "process.rlimits[2].soft: not a number".
 */
#include "runtime/oci/oci_arena.h"
#include "runtime/oci/oci_json.h"

struct error;

struct oci_reader {
	struct oci_arena *arena;	/* of what the structs point to */
	const struct oci_json *json;	/* strings are borrowed from it */
	struct error *e;
};

/* Where in the tree: a chain on the stack. */
struct oci_at {
	const struct oci_at *up;
	const char *name;		/* NULL: an entry of an array */
	size_t index;
};

/* -EINVAL, "process.args[0]: ..." */
int oci_refuse(const struct oci_reader *r, const struct oci_at *at,
	       const char *fmt, ...) PRINTF(3, 4);

/* The same for a member of the object at "at". */
int oci_refuse_member(const struct oci_reader *r, const struct oci_at *at,
		      const char *name, const char *fmt, ...) PRINTF(4, 5);

/* A text of a stranger, fit for a message: short, quoted, on one line. */
struct oci_quoted {
	char text[80];
};
struct oci_quoted oci_refuse_quote(const char *s);
