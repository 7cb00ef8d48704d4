/*
 * dynorun_match.c - a command for all containers whose name fits.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/error.h"
#include "base/strv.h"
#include "runtime/oci/container.h"

#include <regex.h>

int dynorun_match(struct dynorun *d, const char *pattern, dynorun_match_fn fn,
		  void *arg, struct error *e)
{
	auto_strv ids = STRV_INIT;
	regex_t regex;
	int r = container_list(d->root, &ids, e);

	if (r < 0)
		return r;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return error_set(e, EINVAL, "invalid regular expression \"%s\"",
				 pattern);
	for (size_t i = 0; i < ids.n; i++) {
		struct error other;
		int one = 0;

		if (regexec(&regex, ids.v[i], 0, NULL, 0) == 0)
			one = fn(d, ids.v[i], arg, r < 0 ? &other : e);
		r = r < 0 ? r : one;
	}
	regfree(&regex);
	return r;
}
