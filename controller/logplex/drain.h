#pragma once

/*
 * drain.h - one drain: reads an app's lines by number, makes frames of them and gives
 * them to its sink, one after the other.
 *
 * It holds no lines but those of the frame that is being sent; what waits is in the
 * store. So the memory of a drain is bounded, and a slow sink fills nothing but its
 * own window.
 */
#include "controller/logplex/drain_window.h"
#include "http/json.h"

#include <systemd/sd-event.h>

struct drain;
struct drain_cursors;
struct drain_networks;
struct error;
struct logs;

/* What all drains share; borrowed. */
struct drain_place {
	sd_event *event;
	struct logs *logs;
	struct drain_cursors *cursors;
	struct drain_networks *networks;
	const char *ca_file;		/* NULL: the system's */
	uint64_t buffer;		/* lines */
	void (*on_moved)(void *userdata);	/* some window has to be saved */
	void *userdata;
};

struct drain_spec {
	const char *id, *app, *token, *url;	/* copied */
	uint64_t after;			/* a new drain begins behind this line */
};

/* Goes on where it was. EINVAL: the URL is wrong. */
int drain_new(struct drain **ret, const struct drain_place *place,
	      const struct drain_spec *spec, struct error *e);
struct drain *drain_free(struct drain *d);
DEFINE_AUTO(struct drain, drain_free)

/* Another URL; the frame that is being sent goes there. The same one: nothing. */
int drain_set_url(struct drain *d, const char *url, struct error *e);

/* Write the window if it has changed since. */
int drain_save(struct drain *d, struct error *e);

const char *drain_id(const struct drain *d);
const char *drain_app(const struct drain *d);

/* {id, token, produced, delivered, dropped, waiting, error}; produced = delivered +
 * dropped + waiting. */
json_t *drain_stats(const struct drain *d);
