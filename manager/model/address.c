/* address.c - takes addresses apart, and compares names from their ends. */
#include "manager/model/address.h"

#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t"

void address_parse(struct address *ret, const char *text, const char *port)
{
	auto_free char *authority = xstrndup(text, strcspn(text, "/"));
	char *colon = strrchr(authority, ':'), *host = authority;

	if (colon && !strchr(colon, ']'))
		*colon++ = '\0';
	else
		colon = NULL;
	if (host[0] == '[') {
		host++;
		host[strcspn(host, "]")] = '\0';
	}
	ret->host = xstrdup(host);
	ret->port = xstrdup(colon ? colon : port);
}

void address_deinit(struct address *a)
{
	free(take_ptr(a->host));
	free(take_ptr(a->port));
}

static bool address_is(const char *host, const char *entry, size_t n)
{
	size_t len = strlen(host);

	if (n == 1 && *entry == '*')
		return true;
	if (n > 1 && entry[0] == '[' && entry[n - 1] == ']')
		entry++, n -= 2;
	if (*entry == '.')
		entry++, n--;
	if (n == 0 || len < n || strncasecmp(host + len - n, entry, n) != 0)
		return false;
	/* "1.10.0.0.1" is no name below the address "10.0.0.1", and no host either. */
	return len == n || host[len - n - 1] == '.';
}

bool address_is_among(const char *host, const char *list)
{
	while (list && *list) {
		size_t n = strcspn(list, SEPARATORS);

		if (address_is(host, list, n))
			return true;
		list += n;
		list += strspn(list, SEPARATORS);
	}
	return false;
}
