#pragma once

/*
 * seccomp_cache.h - compiled profiles in files, so that a short-lived process
 * need not compile the profile that the one before it compiled.
 *
 * A file holds the whole profile it was made of, word for word, beside the
 * program: two profiles that share a file name merely displace each other.
 */
#include "base/base.h"

struct buf;
struct seccomp_filter;
struct seccomp_profile;

#define SECCOMP_CACHE_FILES_MAX 64

/* Everything that the program depends on, as bytes. Appends to *ret. */
void seccomp_cache_key(struct buf *ret, const struct seccomp_profile *p);

/* false: not there, not ours, not whole, or of another profile. */
bool seccomp_cache_load(const char *dir, const struct buf *key,
			struct seccomp_filter *ret);

/* Keep it, and drop the oldest if there are too many. What cannot be stored
 * is compiled again next time. */
void seccomp_cache_store(const char *dir, const struct buf *key,
			 const struct seccomp_filter *f);
