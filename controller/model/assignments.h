#pragma once

/*
 * assignments.h - the complete list of what a host shall run, in the form of
 * PROTOCOL.upstream, 2.
 */
#include "http/json.h"

struct engine;
struct error;

/* A new reference. */
int assignments_list(struct engine *g, const char *host, json_t **ret,
		     struct error *e);
