#pragma once

/*
 * fixed_id.h - UUIDs of things that have none of their own: sizes, stacks,
 * regions, the default domain. The same name gives the same UUID everywhere.
 */
#include "base/id.h"

/* Returns out. */
char *fixed_id(char out[UUID_TEXT_MAX], const char *kind, const char *name);
