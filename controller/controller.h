#pragma once

/*
 * controller.h - the program as one object: the engine and its edges. Passed
 * as userdata to every route.
 */
#include "controller/controller_conf.h"

#include <sys/types.h>
#include <systemd/sd-event.h>

struct api_probe;
struct attach_hub;
struct drains;
struct audit;
struct engine;
struct error;
struct http_server;
struct instance_identity;
struct log_sessions;
struct long_poll;
struct release_clock;
struct rate_limit;
struct rendezvous;
struct root;
struct secrets;
struct sleepers;
struct slug_storage;
struct webhook_feed;

struct controller {
	sd_event *event;		/* borrowed */
	const struct controller_conf *conf;	/* borrowed */
	uid_t service_uid;
	struct engine *engine;
	struct secrets *secrets;
	struct slug_storage *storage;
	struct drains *drains;
	struct sleepers *sleepers;
	struct http_server *server;
	struct instance_identity *identity;	/* from controller_listen() on */
	struct webhook_feed *webhooks;
	struct log_sessions *log_sessions;	/* that are read just now */
	struct attach_hub *attach;
	struct rendezvous *rendezvous;
	struct release_clock *clock;
	struct long_poll *assignments;	/* hosts that wait for their list */
	struct long_poll *routes;	/* routers that wait for a change */
	uint64_t routes_revision;
	uint64_t started;		/* monotonic microseconds */
	struct rate_limit *requests;	/* of an account */
	struct rate_limit *failures;	/* to log in: of an address or email */
	struct rate_limit *hashes;	/* of passwords, which are slow: of everybody */
	struct audit *audit;
	struct api_probe *probe;	/* a GET for its tag only, or NULL */
	char *slugs_dir;
	unsigned uploads;		/* running */
	sd_event_source *tick;
	char *base;			/* "http://127.0.0.1:5080" */
	char *attach_base;		/* "rendezvous://127.0.0.1:5000" */
};

/* Everything but the sockets. dir: <root>/var/lib/dyno/controller; slugs_conf:
 * the path of slugs.conf, for the jobs. */
int controller_new(struct controller **ret, sd_event *event,
		   const struct controller_conf *conf, const char *dir,
		   const char *slugs_conf, struct error *e);
struct controller *controller_free(struct controller *c);
DEFINE_AUTO(struct controller, controller_free)

/* Open the sockets and write the ports that were chosen, and the CA of
 * those with TLS, below run (<root>/run/dyno/controller). */
int controller_listen(struct controller *c, const char *dir, const char *run,
		      struct error *e);

/* Listen on a port; 0: the one in port_file if it can be had, else a free one.
 * What it was goes into port_file. The service manager keeps the socket by its
 * name over restarts. Returns the fd. */
int controller_listen_tcp(const char *name, const char *address, uint16_t port,
			  const char *port_file, uint16_t *ret_port,
			  struct error *e);
