/*
 * drain_networks.c - all addresses are compared as 16 bytes, IPv4 as ::ffff:a.b.c.d.
 */
#include "base/error.h"
#include "base/strv.h"
#include "controller/logplex/drain_networks.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#define BYTES 16
#define MAPPED_BITS 96
#define NETWORKS_MAX 64

struct network {
	unsigned char address[BYTES];
	unsigned bits;
};

struct drain_networks {
	struct network v[NETWORKS_MAX];
	size_t n;
};

/* What no drain reaches unless a list says so. */
static const char *const never[] = {
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
	"255.255.255.255", "::/127", "fe80::/10", "ff00::/8",
	"fd00:ec2::254",		/* a metadata service outside of link-local */
};

static const unsigned char mapped[BYTES] = { [10] = 0xff, [11] = 0xff };
static const unsigned char nat64[BYTES] = { 0x00, 0x64, 0xff, 0x9b };

static bool network_bytes(const struct sockaddr *address, unsigned char *out)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		memcpy(out, mapped, BYTES);
		memcpy(out + 12, &in->sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		memcpy(out, &in6->sin6_addr, BYTES);
		if (memcmp(out, nat64, 12) == 0)
			memcpy(out, mapped, 12);
		return true;
	}
	return false;
}

static bool network_has(const struct network *net, const unsigned char *address)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (memcmp(net->address, address, whole) != 0)
		return false;
	return !rest || (net->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static bool network_parse(struct network *ret, const char *text)
{
	auto_free char *address = xstrndup(text, strcspn(text, "/"));
	const char *bits = strchr(text, '/');
	unsigned char v4[4];
	bool is_v4 = inet_pton(AF_INET, address, v4) == 1;
	unsigned max = is_v4 ? 32 : 128;
	char *end = NULL;
	unsigned long n = bits ? strtoul(bits + 1, &end, 10) : max;

	if (bits && (bits[1] < '0' || bits[1] > '9' || *end || n > max))
		return false;
	if (is_v4) {
		memcpy(ret->address, mapped, BYTES);
		memcpy(ret->address + 12, v4, 4);
	} else if (inet_pton(AF_INET6, address, ret->address) != 1) {
		return false;
	}
	ret->bits = (unsigned)n + (is_v4 ? MAPPED_BITS : 0);
	return true;
}

int drain_networks_new(struct drain_networks **ret, const char *text,
		       struct error *e)
{
	auto_(drain_networks_free_p) struct drain_networks *n = xcalloc(1, sizeof(*n));
	auto_free char *words = xstrdup(text ? text : "");
	char *save = NULL;

	for (char *w = strtok_r(words, " \t,", &save); w;
	     w = strtok_r(NULL, " \t,", &save)) {
		if (n->n == NETWORKS_MAX)
			return error_set(e, EINVAL, "more than %d networks",
					 NETWORKS_MAX);
		if (!network_parse(&n->v[n->n++], w))
			return error_set(e, EINVAL, "\"%s\" is not a network: "
					 "expected ADDRESS or ADDRESS/BITS", w);
	}
	*ret = take_ptr(n);
	return 0;
}

struct drain_networks *drain_networks_free(struct drain_networks *n)
{
	free(n);
	return NULL;
}

/* In doubt it is ours. */
static bool network_own(const unsigned char *address)
{
	struct ifaddrs *list = NULL;
	unsigned char own[BYTES];
	bool found = false;

	if (getifaddrs(&list) < 0)
		return true;
	for (struct ifaddrs *a = list; a && !found; a = a->ifa_next)
		found = a->ifa_addr && network_bytes(a->ifa_addr, own) &&
			memcmp(own, address, BYTES) == 0;
	freeifaddrs(list);
	return found;
}

static bool network_never(const unsigned char *address)
{
	struct network net;

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (network_parse(&net, never[i]) && network_has(&net, address))
			return true;
	return false;
}

bool drain_networks_allow(const struct drain_networks *n,
			  const struct sockaddr *address)
{
	unsigned char bytes[BYTES];

	if (!network_bytes(address, bytes))
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (network_has(&n->v[i], bytes))
			return true;
	return n->n == 0 && !network_never(bytes) && !network_own(bytes);
}

bool drain_networks_allow_host(const struct drain_networks *n, const char *host)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	bool ok = true;

	/* Numbers only: this asks nobody. */
	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return true;
	for (struct addrinfo *a = list; a; a = a->ai_next)
		ok = ok && drain_networks_allow(n, a->ai_addr);
	freeaddrinfo(list);
	return ok;
}
