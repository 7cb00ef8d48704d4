#pragma once

/*
 * waiting_room.h - requests that wait until their app has a dyno that is up.
 *
 * HAProxy connects to a unix socket here, as if it were the app's server, and sends
 * the request with the app's name in HAPROXY_CONF_WAITS_FOR. Nothing of it is answered
 * here: when a dyno is up it gets the request, without that header, and from then on
 * bytes go to and fro. After HAPROXY_CONF_BOOT_SEC the answer is H20. So no request to
 * a sleeping app is lost, whatever HAProxy's configuration was when it came.
 */
#include "router/routes.h"

#include <systemd/sd-event.h>

struct error;
struct waiting_room;

/* Somebody waits for an app; called for each request. */
typedef void (*waiting_room_fn)(const char *app, void *userdata);

/* dir: where HAPROXY_CONF_ROOM is made. */
int waiting_room_new(struct waiting_room **ret, sd_event *event, const char *dir,
		     waiting_room_fn fn, void *userdata, struct error *e);
/* Whoever is in it gets no answer. */
struct waiting_room *waiting_room_free(struct waiting_room *w);
DEFINE_AUTO(struct waiting_room, waiting_room_free)

/* There are new routes; borrowed until the next call. */
void waiting_room_look(struct waiting_room *w, const struct routes *routes);
