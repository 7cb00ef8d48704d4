#pragma once

/*
 * seccomp.h - which system calls a dyno may use, as a program for the kernel.
 */
#include "base/base.h"

#include <linux/filter.h>

struct error;

/* Compile the policy. Slow (milliseconds): once per process. */
int seccomp_policy_compile(struct sock_fprog *ret, struct error *e);
void seccomp_policy_free(struct sock_fprog *f);
