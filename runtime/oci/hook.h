#pragma once

/*
 * hook.h - run the hooks of a container on the host's side, one after another
 * (runtime-spec config.md, "POSIX-platform Hooks").
 */
#include "base/base.h"
#include "runtime/oci/oci.h"

struct error;

/*
 * Each gets the state document on its standard input and its own environment
 * (ours, if it has none: as with runc and crun), and is killed when its time-out
 * passes. The first that
 * fails ends it: EIO with its path, exit status or signal and the last of what
 * it wrote to stderr (bounded), ETIMEDOUT. The caller decides whether that
 * matters (poststart, poststop: it is a warning).
 */
int hook_run(const struct oci_hooks *hooks, const char *state, struct error *e);
