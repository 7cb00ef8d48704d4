#pragma once

/*
 * address.h - host and port in an http address, and whether it is one of those that
 * are reached without a proxy. Pure.
 */
#include "base/base.h"

struct address {
	char *host;			/* without the brackets of an IPv6 address */
	char *port;
};

/* text: what is behind "http://", "HOST[:PORT][/PATH]"; port: if there is none. */
void address_parse(struct address *ret, const char *text, const char *port);
void address_deinit(struct address *a);

/*
 * list: names, separated by commas or blanks, or NULL. "example.com" and
 * ".example.com" are both the name and all below it; an address is that address;
 * "*" is everybody. Upper and lower case are the same.
 */
bool address_is_among(const char *host, const char *list);
