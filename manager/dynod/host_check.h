#pragma once

/*
 * host_check.h - what this machine offers to dynos: "dynod --check".
 */
#include "base/base.h"

struct root;

/* Print a line for each facility to standard output, with what becomes of dynos
 * where it is missing. Returns whether all that they cannot do without is there.
 * Changes nothing on the machine; needs root. */
bool host_check(const struct root *root);
