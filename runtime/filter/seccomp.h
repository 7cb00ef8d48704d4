#pragma once

/*
 * seccomp.h - which system calls a container may use, as a program for the
 * kernel: the policy of dynos, and profiles in the terms of the OCI runtime
 * specification (config-linux.md, "Seccomp").
 */
#include "base/base.h"

#include <linux/filter.h>

struct error;

struct seccomp_arg {
	unsigned index;			/* 0..5 */
	uint64_t value, value_two;
	const char *op;			/* "SCMP_CMP_EQ" */
};

struct seccomp_rule {
	const char *const *names;	/* system calls; unknown ones are skipped */
	size_t n_names;
	const char *action;		/* "SCMP_ACT_ALLOW" */
	bool has_errno;
	unsigned errno_ret;
	const struct seccomp_arg *args;
	size_t n_args;
};

/* Borrowed throughout. */
struct seccomp_profile {
	const char *default_action;
	bool has_default_errno;
	unsigned default_errno;
	const char *const *arches;	/* "SCMP_ARCH_X86"; none: the native one */
	size_t n_arches;
	const char *const *flags;	/* "SECCOMP_FILTER_FLAG_LOG" */
	size_t n_flags;
	const char *listener_path, *listener_metadata;	/* or NULL */
	const struct seccomp_rule *rules;
	size_t n_rules;
};

/* What seccomp(2) is given. */
struct seccomp_filter {
	struct sock_fprog prog;
	unsigned flags;			/* SECCOMP_FILTER_FLAG_* */
	bool listener;			/* a notify descriptor comes back */
};

/*
 * Compile a profile. Slow (milliseconds): with cache_dir (may be NULL), a
 * directory of root's, a program that was compiled before by the same library
 * for the same profile is read from there, else stored. EINVAL names what in
 * the profile is wrong; ENOTSUP what this kernel or library cannot do.
 */
int seccomp_profile_compile(struct seccomp_filter *ret,
			    const struct seccomp_profile *p, const char *cache_dir,
			    struct error *e);
void seccomp_filter_deinit(struct seccomp_filter *f);

/* Compile the policy of dynos: a tenth of a millisecond. ENOTSUP: there is none
 * for this architecture (AUDIT_ARCH_*; else the native one). */
int seccomp_policy_compile(struct sock_fprog *ret, struct error *e);
int seccomp_policy_compile_for(struct sock_fprog *ret, uint32_t arch,
			       struct error *e);
void seccomp_policy_free(struct sock_fprog *f);

/* Names that profiles may use, for "dynorun features"; NULL ends a list. */
extern const char *const seccomp_actions[];
extern const char *const seccomp_operators[];
extern const char *const seccomp_arches[];
extern const char *const seccomp_flags[];
