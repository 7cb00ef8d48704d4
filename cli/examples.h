#pragma once

/*
 * examples.h - lines to copy, for each verb.
 */

/* NULL-terminated; NULL: the verb has none. */
const char *const *examples_of(const char *verb);
