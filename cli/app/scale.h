#pragma once

/*
 * scale.h - "web=2", "worker+1", "web=1:standard-2x" as the API's updates.
 */
#include "base/base.h"

#include <jansson.h>

struct error;

/* Append {"type", "quantity", "size"} to the array. quantity is the text with
 * its sign, as the Heroku CLI sends it. EINVAL: another form. */
int scale_parse(const char *text, json_t *updates, struct error *e);
