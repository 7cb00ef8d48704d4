#pragma once

/*
 * etc.h - the texts of the synthesised files in a dyno's /etc. Pure.
 */
#include "base/base.h"

#include <netinet/in.h>

struct buf;

/* "u12345": the app's user, different in each dyno. The caller frees. */
char *etc_user(const char *uuid);

void etc_passwd(struct buf *ret, const char *user, unsigned id);
void etc_group(struct buf *ret, unsigned id);
void etc_hosts(struct buf *ret, const char *hostname, struct in_addr address);

/* Name servers from configuration (blank separated), else those of the host's
 * own file that a dyno can reach: not the loopback ones. */
void etc_resolv(struct buf *ret, const char *dns, const char *host_resolv);
