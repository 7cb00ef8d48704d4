#include "base/buf.h"
#include "runtime/etc.h"

#include <arpa/inet.h>
#include <stdio.h>

#define ETC_SERVERS_MAX 3		/* libc reads no more */
#define ETC_WORD_MAX 64

char *etc_user(const char *uuid)
{
	unsigned hash = 5381;

	for (const char *p = uuid; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	return xasprintf("u%u", 10000 + hash % 50000);
}

void etc_passwd(struct buf *ret, const char *user, unsigned id)
{
	buf_adds(ret, "root:x:0:0:root:/root:/usr/sbin/nologin\n"
		      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
	buf_addf(ret, "%s:x:%u:%u::/app:/bin/bash\n", user, id, id);
}

void etc_group(struct buf *ret, unsigned id)
{
	buf_addf(ret, "root:x:0:\ntty:x:5:\nnogroup:x:65534:\ndyno:x:%u:\n", id);
}

void etc_hosts(struct buf *ret, const char *hostname, struct in_addr address)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	buf_adds(ret, "127.0.0.1\tlocalhost localhost.localdomain\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n");
	buf_addf(ret, "%s\t%s\n", text, hostname);
}

static bool etc_reachable(const char *server)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (inet_pton(AF_INET, server, &a4) == 1)
		return (ntohl(a4.s_addr) >> 24) != 127;
	return inet_pton(AF_INET6, server, &a6) == 1 &&
	       !IN6_IS_ADDR_LOOPBACK(&a6);
}

static unsigned etc_add_servers(struct buf *ret, const char *words)
{
	char word[ETC_WORD_MAX];
	unsigned n = 0;
	int len;

	while (n < ETC_SERVERS_MAX && sscanf(words, "%63s%n", word, &len) == 1) {
		words += len;
		if (!etc_reachable(word))
			continue;
		buf_addf(ret, "nameserver %s\n", word);
		n++;
	}
	return n;
}

void etc_resolv(struct buf *ret, const char *dns, const char *host_resolv)
{
	unsigned n = 0;

	if (dns && *dns) {
		etc_add_servers(ret, dns);
		return;
	}
	while (*host_resolv && n < ETC_SERVERS_MAX) {
		char word[ETC_WORD_MAX];

		if (sscanf(host_resolv, "nameserver %63s", word) == 1)
			n += etc_add_servers(ret, word);
		host_resolv += strcspn(host_resolv, "\n");
		host_resolv += *host_resolv == '\n';
	}
}
