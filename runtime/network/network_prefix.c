/*
 * network_prefix.c - networks as people write them.
 */
#include "base/error.h"
#include "runtime/network/network.h"

#include <arpa/inet.h>

#define PREFIX_BITS 32

/* "10.1.0.0/16"; a single address is a network of one. */
static bool prefix_read(char *word, struct network_prefix *ret)
{
	char *slash = strchr(word, '/'), *end;
	unsigned long length = PREFIX_BITS;

	if (slash) {
		*slash = '\0';
		length = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || length > PREFIX_BITS)
			return false;
	}
	ret->length = (unsigned)length;
	if (inet_pton(AF_INET, word, &ret->address) != 1)
		return false;
	/* Bits of hosts mean that somebody has mistaken one for the other. */
	return length == PREFIX_BITS ||
		(ntohl(ret->address.s_addr) & (UINT32_MAX >> length)) == 0;
}

int network_prefixes(const char *list, struct network_prefix ret[NETWORK_ALLOWED_MAX],
		     size_t *ret_n, struct error *e)
{
	auto_free char *words = xstrdup(list);
	char *next = words;

	*ret_n = 0;
	for (char *w = strsep(&next, " \t,"); w; w = strsep(&next, " \t,")) {
		auto_free char *as_written = xstrdup(w);

		if (!*w)
			continue;
		if (*ret_n == NETWORK_ALLOWED_MAX)
			return error_set(e, E2BIG, "more than %d networks",
					 NETWORK_ALLOWED_MAX);
		if (!prefix_read(w, &ret[(*ret_n)++]))
			return error_set(e, EINVAL, "\"%s\" is no network such as "
					 "10.1.0.0/16", as_written);
	}
	return 0;
}
