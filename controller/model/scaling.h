#pragma once

/*
 * scaling.h - change the formation of an app and its dynos with it.
 */
#include "controller/model/dynos.h"

/* updates: an array of update objects (formation.h); type: for a single one
 * without its own. *ret_touched: the changed entries, a new array. */
int scaling_update(struct engine *g, const struct doc *app,
		   const json_t *updates, const char *type,
		   json_t **ret_touched, struct error *e);
