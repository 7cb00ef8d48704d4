#pragma once

/*
 * root.h - where an instance keeps its files.
 *
 * Everything moves below "--root DIR"; without it the instance is the one of
 * the system. Layout, below DIR:
 *
 *   etc/dyno/                 configuration (dynod.conf, controller.conf, ...)
 *   var/lib/dyno/             root, 0755
 *     slugs/                  service user, 0755: the host's slug store
 *     host/                   service user, 0700: what outlives a reboot: drain.json
 *     controller/             service user, 0700: database, slugs, token, CA
 *     stacks/                 root, 0755
 *   run/dyno/                 root, 0755
 *     dynos/<uuid>/           root, 0711: dynod's record of a dyno
 *     supervisor/             service user, 0755: host.sock, logs, states
 *     controller/             service user, 0755: api.sock, ports
 *     router/                 service user, 0755
 *     host.sock -> supervisor/host.sock
 *     api.sock  -> controller/api.sock
 *
 * What root owns cannot be renamed away by the service user.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;

struct root {
	char *dir;		/* "" for the system, else absolute, no final / */
	char *etc;		/* DIR/etc/dyno */
	char *lib;		/* DIR/var/lib/dyno */
	char *run;		/* DIR/run/dyno */
};

#define ROOT_INIT ((struct root){ NULL, NULL, NULL, NULL })

/* dir NULL or "/" = the system. The directory must exist. */
int root_init(struct root *r, const char *dir, struct error *e);
void root_deinit(struct root *r);

/* Make the layout above, as root. Idempotent. */
int root_prepare(const struct root *r, uid_t uid, gid_t gid, struct error *e);
