#pragma once

/*
 * host_check.h - what this machine offers to dynos: "dynod --check".
 */
#include "base/base.h"

/* Print a line for each facility to standard output. Returns whether all that
 * dynos cannot do without is there. Changes nothing on the machine; needs
 * root. */
bool host_check(void);
