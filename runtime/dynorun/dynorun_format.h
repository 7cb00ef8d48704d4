#pragma once

/*
 * dynorun_format.h - "--format table|json" and "--json" of the commands that
 * print something.
 */
#include "base/base.h"
#include "runtime/dynorun/dynorun_option.h"

#include <jansson.h>

struct error;

/* First in the struct of options. */
struct dynorun_format {
	const char *name;
	bool json;
};

#define DYNORUN_FORMAT_OPTION(doc) { "format", 'f', OPTION_TEXT, \
	offsetof(struct dynorun_format, name), "FORMAT", doc }
#define DYNORUN_FORMAT_JSON_OPTION { "json", 0, OPTION_FLAG, \
	offsetof(struct dynorun_format, json), NULL, "print JSON" }

/* EINVAL: neither. */
int dynorun_format_check(const struct dynorun_format *f, bool *ret_json,
			 struct error *e);

/* On one line of standard output. */
void dynorun_format_print(const json_t *json);
