#pragma once

/*
 * seccomp_names.h - the words of a seccomp profile and what they stand for.
 * The lists of the names alone are in seccomp.h.
 */
#include "base/base.h"

/* Each: false if there is no such name (NULL is none). */
bool seccomp_names_action(const char *name, uint32_t *ret);	/* SCMP_ACT_* */
bool seccomp_names_operator(const char *name, uint32_t *ret);	/* SCMP_CMP_* */
bool seccomp_names_arch(const char *name, uint32_t *ret);	/* SCMP_ARCH_* */
bool seccomp_names_flag(const char *name, uint32_t *ret);	/* SECCOMP_FILTER_FLAG_* */
