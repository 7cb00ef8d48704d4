/*
 * slug_name.c - which slug the user means: its SHA-256, or the first digits.
 */
#include "slugstore/dyno-slug/slug.h"
#include "base/error.h"
#include "slugstore/store.h"

#include <stdio.h>

#define NAME_DIGITS_MIN 8

static bool name_is_prefix(const char *text)
{
	size_t n = strlen(text);

	return n >= NAME_DIGITS_MIN && n < SHA256_HEX_MAX - 1 &&
	       strspn(text, "0123456789abcdef") == n;
}

int slug_name(struct slug *g, const char *text, char ret[SHA256_HEX_MAX])
{
	auto_strv all = STRV_INIT;
	const char *found = NULL;
	struct error e;

	/* What is neither is refused by the store. */
	if (!name_is_prefix(text)) {
		snprintf(ret, SHA256_HEX_MAX, "%s", text);
		return 0;
	}
	if (store_list(g->store, &all, &e) < 0)
		return slug_fail(&e);
	for (size_t i = 0; i < all.n; i++) {
		if (!str_after(all.v[i], text))
			continue;
		if (found) {
			error_set(&e, EINVAL, "%s begins the names of several"
				  " slugs", text);
			return slug_fail(&e);
		}
		found = all.v[i];
	}
	if (!found)
		return slug_absent(text);
	memcpy(ret, found, SHA256_HEX_MAX);
	return 0;
}
