#pragma once

/*
 * wait.h - is the formation up, as far as the API's objects say?
 */
#include "base/base.h"

#include <jansson.h>

struct wait_state {
	size_t wanted;		/* dynos that the formation asks for */
	size_t up;		/* of them: up, and of the newest release */
	const char *crashed;	/* name of one that has crashed, borrowed; or NULL */
};

struct buf;

/* type NULL = all types. release: version of the newest. */
void wait_look(const json_t *formation, const json_t *dynos, const char *type,
	       int release, struct wait_state *ret);

/* What is waited for: "web.1 is crashed, web.2 is up with v3 and 4 more". */
void wait_words(struct buf *out, const json_t *dynos, const char *type, int release);
