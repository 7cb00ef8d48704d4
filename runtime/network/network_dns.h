#pragma once

/*
 * network_dns.h - which name servers the host asks, as far as dynos can reach
 * them: IPv4, and no loopback address, which is a stub of the host's.
 */
#include "base/base.h"
#include "runtime/network/network.h"

/* The first NETWORK_SERVERS of them: from the configured words if there are
 * any, else from the text of one or more resolv.conf. If there is one only, it
 * stands for all. False: there is none. Pure. */
bool network_dns_parse(const char *configured, const char *resolv_conf,
		       struct in_addr ret[NETWORK_SERVERS]);

/* The host's files, which come and go. */
#define NETWORK_DNS_FILES 2
extern const char *const network_dns_files[NETWORK_DNS_FILES];

/* The same with these. */
bool network_dns_read(const char *configured,
		      struct in_addr ret[NETWORK_SERVERS]);
