/*
 * seccomp.c - a profile's program, from the cache or compiled.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/filter/seccomp.h"
#include "runtime/filter/seccomp_cache.h"
#include "runtime/filter/seccomp_profile.h"

int seccomp_profile_compile(struct seccomp_filter *ret,
			    const struct seccomp_profile *p, const char *cache_dir,
			    struct error *e)
{
	auto_buf key = BUF_INIT;
	int r;

	if (cache_dir) {
		seccomp_cache_key(&key, p);
		if (seccomp_cache_load(cache_dir, &key, ret))
			return 0;
	}
	r = seccomp_profile_build(ret, p, e);
	if (r < 0)
		return error_prefix(e, r, "system call filter");
	if (cache_dir)
		seccomp_cache_store(cache_dir, &key, ret);
	return 0;
}

void seccomp_filter_deinit(struct seccomp_filter *f)
{
	free(f->prog.filter);
	*f = (struct seccomp_filter){ .flags = 0 };
}

void seccomp_policy_free(struct sock_fprog *f)
{
	free(f->filter);
	*f = (struct sock_fprog){ .len = 0 };
}
