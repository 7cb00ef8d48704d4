#pragma once

/*
 * names.h - which names apps, process types and config vars may have.
 */
#include "base/base.h"

#define NAMES_APP_MAX 30
#define NAMES_TYPE_MAX 128
#define NAMES_HOST_MAX 63

bool names_app_ok(const char *s);	/* ^[a-z][a-z0-9-]{1,28}[a-z0-9]$ */
bool names_type_ok(const char *s);	/* ^[-\w]{1,128}$ */
bool names_dyno_ok(const char *s);	/* a type, a dot, a number */
bool names_host_ok(const char *s);	/* ^[a-z0-9][a-z0-9.-]{0,62}$ */
bool names_env_ok(const char *s);	/* ^\w+$, not beginning with a digit */

/* "gentle-meadow-48213": a name for an app that was given none. */
char *names_app_random(void);
