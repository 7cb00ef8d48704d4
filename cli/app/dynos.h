#pragma once

/*
 * dynos.h - "dynoctl ps": dynos of an app in the layout of "heroku ps".
 */
#include "base/base.h"

#include <jansson.h>

struct buf;

/*
 * The text for a list of the API's dyno objects. Dynos of one type, size and
 * command are a group, in the order of the list; one-offs are a group of their
 * own; within a group the order is that of the numbers.
 */
void dynos_layout(struct buf *out, const char *app, const json_t *list,
		  uint64_t now_usec);
