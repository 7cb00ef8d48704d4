#pragma once

/*
 * seccomp_newer.h - calls that are newer than a profile do not exist.
 *
 * A profile that refuses by default refuses also what its authors could not
 * know, with an errno (EPERM) that no library takes for "use the older call".
 * The kernel numbers calls in the order of their birth, so what lies above the
 * highest number that the profile names is newer, and gets ENOSYS.
 */
#include "base/base.h"

#include <linux/filter.h>

struct buf;
struct seccomp_profile;

/* Append that test for one architecture (SCMP_ARCH_*) to a program; it goes in
 * front of everything else. Nothing if the profile names no call it has. */
void seccomp_newer_add(struct buf *code, const struct seccomp_profile *p,
		       uint32_t arch);
