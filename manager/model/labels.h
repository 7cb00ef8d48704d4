#pragma once

/*
 * labels.h - what an operator calls a host, "zone=a, disk=ssd". Pure.
 */
#include "http/json.h"

struct error;

#define LABELS_MAX 64
#define LABELS_KEY_MAX 63		/* bytes: letters, digits, "-_./" */
#define LABELS_VALUE_MAX 255		/* bytes: all but control characters and "," */

/* An object of strings, a new reference; of nothing (NULL too) an empty one. EINVAL
 * says what is no label; a key that comes twice is none. */
int labels_parse(json_t **ret, const char *text, struct error *e);
