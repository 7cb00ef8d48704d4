#pragma once

/*
 * seals.h - what was stored before there was a vault, or with an older key of it,
 * is sealed anew.
 */
#include "base/base.h"

struct engine;
struct error;

/* Go through the docs of all apps: members that are sealed, and those that should
 * be (the vars of configs, the env of dynos). What no key opens is left as it is,
 * with a warning in the log. *ret_n: how many docs were written. */
int seals_renew(struct engine *g, size_t *ret_n, struct error *e);
