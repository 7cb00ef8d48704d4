#pragma once

/*
 * seccomp_profile.h - from an OCI profile to a program, by libseccomp.
 */
struct error;
struct seccomp_filter;
struct seccomp_profile;

/* As seccomp_profile_compile(), without a cache. */
int seccomp_profile_build(struct seccomp_filter *ret,
			  const struct seccomp_profile *p, struct error *e);
