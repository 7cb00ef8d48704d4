#pragma once

/*
 * oci_json.h - a JSON text as a tree, with whole numbers up to 2^64 - 1 exact.
 *
 * jansson keeps integers in 64 bits with a sign, and refuses what is larger;
 * configurations have RLIM_INFINITY. Refused too: a text or tree that is too
 * large or too deep, names given twice, NUL in strings, anything but UTF-8.
 */
#include "base/base.h"

#include <jansson.h>

struct error;

#define OCI_JSON_DEPTH_MAX 100
#define OCI_JSON_VALUES_MAX 262144

struct oci_json {
	json_t *root;
	uint64_t *large;		/* numbers above INT64_MAX */
	size_t n_large;
};

/* EINVAL: not JSON; the message says line and column. */
int oci_json_parse(struct oci_json *ret, const char *text, size_t n,
		   struct error *e);
void oci_json_deinit(struct oci_json *j);

/* A whole number. */
struct oci_number {
	bool negative;
	uint64_t value;			/* negative: as int64_t */
};

enum oci_json_outcome {
	OCI_JSON_NO_NUMBER = 1,
	OCI_JSON_FRACTION,		/* 1.5, 1e3 */
	OCI_JSON_TOO_LARGE,		/* beyond 64 bits */
};

/* 0 or an outcome. */
int oci_json_number(const struct oci_json *j, const json_t *value,
		    struct oci_number *ret);
