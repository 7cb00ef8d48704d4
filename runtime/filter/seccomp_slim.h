#pragma once

/*
 * seccomp_slim.h - the same filter with fewer instructions.
 *
 * libseccomp asks for each call's number by itself, so that a usual profile for
 * three architectures has 1400 instructions, and loading a filter costs by the
 * instruction. Asked number by number, most of a profile is long ranges with
 * the same answer.
 */
#include "base/base.h"

struct buf;

/* Rewrite a program for these SCMP_ARCH_* (all others are treated alike). It is
 * left as it is if it is not understood whole, or would not become smaller. */
void seccomp_slim(struct buf *code, const uint32_t *arches, size_t n_arches);
