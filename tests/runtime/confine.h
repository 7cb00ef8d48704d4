#pragma once

/*
 * confine.h - puts the calling process behind the walls of a dyno, without the
 * dyno: for tests of what programs think of them.
 */
#include "base/base.h"

struct error;

/* Gain no privileges any more; then read, write and make files as a dyno. Not a
 * failure if the kernel has no Landlock: *ret_done tells. */
int confine_files(bool *ret_done, struct error *e);

/* Gain no privileges any more; then make system calls as a dyno. */
int confine_calls(struct error *e);
