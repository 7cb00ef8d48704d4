#include "runtime/network/network_dns.h"
#include "base/buf.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>

#define DNS_WORD_MAX 64
#define DNS_FILE_MAX (64 * 1024)

/* systemd-resolved's stub is a loopback address; the real ones are in its own
 * file. */
const char *const network_dns_files[NETWORK_DNS_FILES] = {
	"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf",
};

static bool dns_is_reachable(struct in_addr address)
{
	uint32_t a = ntohl(address.s_addr);

	return a != 0 && a >> 24 != IN_LOOPBACKNET && !IN_MULTICAST(a) &&
	       a != INADDR_BROADCAST;
}

/* Adds the words that are addresses; n are there already. Returns how many. */
static unsigned dns_add(const char *words, unsigned n,
			struct in_addr ret[NETWORK_SERVERS])
{
	char word[DNS_WORD_MAX];
	struct in_addr a;
	int len;

	while (n < NETWORK_SERVERS && sscanf(words, "%63s%n", word, &len) == 1) {
		words += len;
		if (inet_pton(AF_INET, word, &a) == 1 && dns_is_reachable(a))
			ret[n++] = a;
	}
	return n;
}

static unsigned dns_add_lines(const char *text, struct in_addr ret[NETWORK_SERVERS])
{
	char word[DNS_WORD_MAX];
	unsigned n = 0;

	while (*text) {
		if (sscanf(text, "nameserver%*1[ \t]%63s", word) == 1)
			n = dns_add(word, n, ret);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return n;
}

bool network_dns_parse(const char *configured, const char *resolv_conf,
		       struct in_addr ret[NETWORK_SERVERS])
{
	unsigned n = configured && *configured ? dns_add(configured, 0, ret)
					       : dns_add_lines(resolv_conf, ret);

	if (n == 0)
		return false;
	for (; n < NETWORK_SERVERS; n++)
		ret[n] = ret[n - 1];
	return true;
}

bool network_dns_read(const char *configured,
		      struct in_addr ret[NETWORK_SERVERS])
{
	auto_buf text = BUF_INIT;

	for (size_t i = 0; i < NETWORK_DNS_FILES; i++) {
		file_read(AT_FDCWD, network_dns_files[i], DNS_FILE_MAX, &text, NULL);
		buf_adds(&text, "\n");
	}
	return network_dns_parse(configured, buf_str(&text), ret);
}
