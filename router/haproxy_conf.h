#pragma once

/*
 * haproxy_conf.h - routes in, HAProxy's files out. Pure.
 *
 * Three texts, which lie side by side in HAProxy's working directory: the
 * configuration, the map from host to backend, and the page for what HAProxy
 * itself finds wrong. The listening socket is descriptor 3.
 */
#include "base/buf.h"
#include "router/routes.h"

#define HAPROXY_CONF_FILE "haproxy.cfg"
#define HAPROXY_CONF_MAP "hosts.map"
#define HAPROXY_CONF_PAGE "error.http"
#define HAPROXY_CONF_LISTEN_FD 3
#define HAPROXY_CONF_ROOM "room.sock"		/* the waiting room, which gets the app's */
#define HAPROXY_CONF_WAITS_FOR "X-Dyno-Waits-For"	/* name in this header */
#define HAPROXY_CONF_LOG "log.sock"		/* each request: the name of its backend */
#define HAPROXY_CONF_BACKEND "app-"		/* + the app's name */
#define HAPROXY_CONF_BOOT_SEC 75		/* a request waits for a dyno */

/* routes NULL: nothing is known yet, every request gets 503. */
void haproxy_conf_make(const struct routes *routes, struct buf *conf,
		       struct buf *map);
void haproxy_conf_page(struct buf *page);
/* The answer to a request that has waited for too long: H20. */
void haproxy_conf_late(struct buf *page);
