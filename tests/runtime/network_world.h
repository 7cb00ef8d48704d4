#pragma once

/*
 * network_world.h - a small world for tests of the network: "host" (the test
 * itself), "internet" behind it, and dynos, each in a network namespace of its
 * own. /etc and /run are the test's own, too.
 */
#include "base/base.h"
#include "runtime/network/network.h"
#include "tests/runtime/netns.h"

#include <linux/if.h>

#define WORLD_HOST "198.51.100.1"	/* the host's address in the internet */
#define WORLD_INTERNET "198.51.100.2"
#define WORLD_SECOND "198.51.100.3"	/* another server there */
#define WORLD_METADATA "169.254.169.254"
#define WORLD_BRIDGE "10.99.0.1"	/* the host's, on a bridge of others */
#define WORLD_ALLOWED "10.98.0.1"	/* the host's, but allowed */
#define WORLD_GATEWAY "172.16.0.1"
#define WORLD_PORT 8080
#define WORLD_SERVERS 8

struct world {
	struct network *network;
	struct netns internet;
	pid_t servers[WORLD_SERVERS];
	char told[1024];
	char run_dir[64];
};

struct world_dyno {
	const char *uuid;
	struct in_addr address;
	char text[INET_ADDRSTRLEN];
	char link[IFNAMSIZ];
	struct netns ns;
};

/* cmocka's fixtures. With br_netfilter, or without it. */
int world_open_filtered(void **state);
int world_open_plain(void **state);
int world_close(void **state);

/* Open the network of a root. */
int world_network(struct world *w, struct network **ret, int instance,
		  const char *root, struct error *e);

/* A command that has to succeed. */
void world_run(const struct netns *ns, const char *command);
void world_assert_no_link(const char *name);
/* What the host's resolv.conf says from now on. */
void world_resolv(const char *text);

/* Reserve, attach, and set up the inside as the runtime's child does. */
void world_dyno_open(struct world *w, struct world_dyno *d, const char *uuid);
void world_dyno_open_as(struct world *w, struct world_dyno *d, const char *uuid,
			enum network_egress egress);
void world_dyno_close(struct world *w, struct world_dyno *d);

/* It answers, with the client's address, within some attempts. */
void world_assert_reaches(const struct netns *ns, const char *source,
			  const char *address, char seen[INET_ADDRSTRLEN]);
/* Neither by TCP nor by UDP nor by ping. */
void world_assert_refused(const struct netns *ns, const char *address);
