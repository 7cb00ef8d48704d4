#pragma once

/*
 * help.h - what "dynoctl help" says: verbs by subject, usage, other names, examples.
 */
#include "base/base.h"

#include <stdio.h>

struct verb;

/* All verbs, by subject. */
void help_overview(FILE *f);

/* The verbs of a noun ("host", "config"), to standard output; false: there are none. */
bool help_noun(const char *noun);

/* Usage, sentence, other names and examples of a verb, to standard output. */
void help_verb(const struct verb *v);

/* The subject under which a verb is listed; NULL: none has its noun. */
const char *help_subject(const struct verb *v);
