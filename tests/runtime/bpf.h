#pragma once

/*
 * bpf.h - asks a system call filter for its verdict, without loading it: an
 * interpreter of what seccomp filters may consist of.
 */
#include "base/base.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

/* SECCOMP_RET_*; fails the test if the kernel would refuse the program. */
uint32_t bpf_run(const struct sock_fprog *p, const struct seccomp_data *d);
