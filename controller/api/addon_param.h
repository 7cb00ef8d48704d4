#pragma once

/*
 * addon_param.h - the addons that a request is about: all that the asker may see, or
 * one that is named without its app.
 */
#include "controller/api/api.h"

/* Each of them, with its app. fn returns 0 to go on. */
typedef int (*addon_param_fn)(struct api_call *call, const json_t *app,
			      const json_t *addon, void *userdata);

int addon_param_each(struct api_call *call, addon_param_fn fn, void *userdata,
		     struct error *e);

/* By name or id, or by an attachment's id; fills call->app. Foreign ones are as
 * unknown ones: OUTCOME_NOT_FOUND. */
int addon_param_find(struct api_call *call, const char *which, json_t **ret,
		     struct error *e);

/* A member that is a name or an id, or an object with one of them; or NULL. */
const char *addon_param_member(const json_t *body, const char *member);
