#pragma once

/*
 * erase.h - remove an object of an S3 object store.
 */
#include "base/base.h"

struct error;
struct target;

#define ERASE_ABSENT 1		/* and the store said so; most do not */

/* EACCES: not allowed; EINVAL: no s3 address; EIO: no success after all tries. */
int erase_run(const struct target *t, struct error *e);
