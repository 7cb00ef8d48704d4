#pragma once

/*
 * procfile.h - "TYPE: COMMAND" lines.
 *
 * Lines of another form are ignored, so comments and blank lines are harmless;
 * the last definition of a type wins; CR LF is LF.
 */
#include "base/base.h"

#include <jansson.h>

struct error;

#define PROCFILE_MAX (64 * 1024)

/* *ret becomes an object TYPE -> COMMAND. EINVAL: no type is defined, or the
 * text is not UTF-8. */
int procfile_parse(const char *text, size_t n, json_t **ret, struct error *e);
