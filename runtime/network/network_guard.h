#pragma once

/*
 * network_guard.h - keeps the packet filter as it has to be: tables with the
 * elements of all who are connected, name servers of the day; and makes it so
 * again when others have changed it.
 */
#include "base/base.h"
#include "runtime/network/network.h"

struct error;
struct network_member;

/* Make the tables, with elements for all links that are there. */
int network_guard_open(struct network *n, struct error *e);

/* Of a dyno whose link is there already; present = done. */
int network_guard_add(struct network *n, const struct network_member *m,
		      struct error *e);
/* Absent = done. */
int network_guard_remove(struct network *n, struct in_addr address,
			 struct error *e);

/* For the alias of a dyno's link: what the guard has to know of it. */
char *network_guard_alias(const struct network_member *m);

/* See network.h. */
int network_guard_serve(struct network *n, struct error *e);
