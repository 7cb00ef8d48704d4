#pragma once

/*
 * app_call.h - verbs that are one call below an app: ask, then print the answer as it
 * is (--json) or in words.
 */
#include "base/base.h"

#include <jansson.h>

struct cli;

/* Rows of a list; app: its name. */
typedef void (*app_call_show_fn)(const char *app, const json_t *answer);

/* For verbs without options of their own: GET /apps/APP<rest>; the exit status. */
int app_call_list(struct cli *cli, int argc, char **argv, const char *rest,
		  app_call_show_fn show);

/*
 * Any call; takes body. Without --json the words of fmt are printed when it is done.
 * Returns the exit status.
 */
int app_call_do(struct cli *cli, const char *method, const char *path, json_t *body,
		const char *fmt, ...) PRINTF(5, 6);

/* For "NOUN:remove NAME": DELETE /apps/APP<nouns>/NAME. fmt has two %s: the name and
 * the app. The exit status. */
int app_call_remove(struct cli *cli, int argc, char **argv, const char *nouns,
		    const char *fmt);

/* A member's text, "" if there is none. */
const char *app_call_text(const json_t *object, const char *key);
