#pragma once

/*
 * router.h - keeps HAProxy in step with the controller's routes.
 *
 * A long poll brings the routes; they are kept in <run>/router/routes.json,
 * so that a router that starts while the controller is away serves what it
 * knew. HAProxy is reloaded only when its files would change.
 */
#include "base/base.h"
#include "base/root.h"

#include <systemd/sd-event.h>

struct error;
struct router;

struct router_spec {
	const struct root *root;
	const char *haproxy;	/* path of the program */
	int listen_fd;		/* borrowed */
};

int router_new(struct router **ret, sd_event *event,
	       const struct router_spec *spec, struct error *e);
struct router *router_free(struct router *r);
DEFINE_AUTO(struct router, router_free)
