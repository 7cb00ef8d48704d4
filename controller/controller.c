/*
 * controller.c - put the edges around the engine.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fdstore.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/sock.h"
#include "controller/api/api.h"
#include "controller/api/log_session.h"
#include "controller/attach/attach.h"
#include "controller/logplex/drains.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/model/live.h"
#include "controller/model/seals.h"
#include "controller/model/sleep.h"
#include "controller/api/long_poll.h"
#include "controller/attach/rendezvous.h"
#include "controller/api/release_clock.h"
#include "controller/api/router_feed.h"
#include "controller/access/instance_identity.h"
#include "controller/access/audit.h"
#include "controller/access/rate_limit.h"
#include "controller/access/secrets.h"
#include "controller/slug/slug_storage.h"
#include "controller/slug/slugs.h"
#include "controller/api/upstream.h"
#include "controller/webhook/webhook_feed.h"

#include <fcntl.h>

#define TICK_USEC (5 * USEC_PER_SEC)
#define PORT_FILE_MAX 16
#define HASHES 4			/* of passwords at once, 0.1 to 0.3 s each, */
#define HASHES_SEC 10			/* and in so many seconds */
#define FINISH_USEC USEC_PER_SEC	/* for the ends of open streams */

/* ---- what has changed, and who waits for it ---- */

static void on_assignments(const char *key, const char *value, uint64_t revision,
			   void *userdata)
{
	struct controller *c = userdata;

	long_poll_wake(c->assignments, strrchr(key, '/') + 1);
}

static void on_apps(const char *key, const char *value, uint64_t revision,
		    void *userdata)
{
	struct controller *c = userdata;

	router_feed_changed(c);
	webhook_feed_key(c->webhooks, key);
}

/* Often enough for the shortest time that it is about. */
static uint64_t tick_usec(const struct controller *c)
{
	uint64_t sec = c->conf->idle_after;

	return sec && sec * USEC_PER_SEC < 4 * TICK_USEC ? USEC_PER_SEC : TICK_USEC;
}

static int on_tick(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct controller *c = userdata;
	uint64_t now = clock_mono_usec();
	struct error e;

	if (live_tick(c->engine->live, now)) {
		router_feed_changed(c);
		webhook_feed_live(c->webhooks);
	}
	if (sleepers_tick(c->sleepers, now, &e) < 0)
		log_err("%s, will retry", e.msg);
	/* Routers that came before the hosts' reports. */
	if (now < c->started + ROUTER_FEED_SETTLE_USEC + 2 * TICK_USEC)
		long_poll_wake(c->routes, NULL);
	attach_tick(c->attach, now);
	if (loop_timer(c->event, &c->tick, tick_usec(c), on_tick, c, "tick", &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

/* ---- life cycle ---- */

static int controller_edges(struct controller *c, const char *dir, struct error *e)
{
	int r = attach_hub_new(&c->attach, c->event, c->engine, e);

	if (r == 0)
		r = drains_new(&c->drains, c->event, c->engine, dir, e);
	if (r == 0)
		r = logs_start(c->engine->logs, c->event, e);
	if (r == 0)
		r = long_poll_new(&c->assignments, c->event, upstream_answer, c,
				  e);
	if (r == 0)
		r = long_poll_new(&c->routes, c->event, router_feed_answer, c, e);
	if (r == 0)
		r = release_clock_new(&c->clock, c->event, c->engine, e);
	if (r == 0)
		r = webhook_feed_new(&c->webhooks, c->event, c->engine,
				     &(struct webhook_feed_spec){
			.dir = dir, .base = &c->base,
			.networks = drains_networks(c->drains),
		}, e);
	if (r == 0)
		r = api_routes_serve(c, e);
	if (r == 0)
		r = loop_timer(c->event, &c->tick, tick_usec(c), on_tick, c, "tick",
			       e);
	return r;
}

static int controller_seal(struct controller *c, struct error *e)
{
	size_t n;
	int r = seals_renew(c->engine, &n, e);

	if (r == 0 && n)
		log_info("sealed %zu secrets with the newest key", n);
	return r;
}

int controller_new(struct controller **ret, sd_event *event,
		   const struct controller_conf *conf, const char *dir,
		   const char *slugs_conf, struct error *e)
{
	auto_(controller_free_p) struct controller *c = xcalloc(1, sizeof(*c));
	auto_free char *audit = xasprintf("%s/audit.db", dir);
	int r;

	c->event = event;
	c->conf = conf;
	c->service_uid = geteuid();
	c->started = clock_mono_usec();
	/* Rises over restarts too: routers compare it with what they have. */
	c->routes_revision = clock_real_usec();
	c->slugs_dir = xasprintf("%s/slugs", dir);
	c->requests = rate_limit_new(conf->rate_limit, 3600);
	c->failures = rate_limit_new(conf->failed_logins, 60);
	c->hashes = rate_limit_new(HASHES, HASHES_SEC);
	r = engine_new(&c->engine, conf, dir, e);
	if (r == 0)
		r = slug_storage_new(&c->storage, event, c->engine, c->slugs_dir,
				     slugs_conf, e);
	if (r == 0)
		c->engine->storage = c->storage;
	if (r == 0)
		r = secrets_open(&c->secrets, dir, e);
	if (r == 0)
		r = audit_open(&c->audit, audit, conf->audit_records,
			       conf->audit_days, e);
	if (r == 0)
		r = controller_seal(c, e);
	if (r == 0)
		r = slugs_collect(c->engine, e);
	if (r < 0)
		return r;
	c->log_sessions = log_sessions_new(event, c->engine);
	c->sleepers = sleepers_new(c->engine, conf->idle_after);
	r = controller_edges(c, dir, e);
	if (r < 0)
		return r;
	state_watch_new(c->engine->state, "/assignments/", on_assignments, c);
	state_watch_new(c->engine->state, "/apps/", on_apps, c);
	*ret = take_ptr(c);
	return 0;
}

struct controller *controller_free(struct controller *c)
{
	if (!c)
		return NULL;
	/* The server first: open requests leave the edges. */
	if (c->server)
		http_server_finish(c->server, FINISH_USEC);
	http_server_free(c->server);
	long_poll_free(c->assignments);
	long_poll_free(c->routes);
	release_clock_free(c->clock);
	webhook_feed_free(c->webhooks);
	attach_hub_free(c->attach);	/* its clients too, so before: */
	rendezvous_free(c->rendezvous);
	instance_identity_free(c->identity);
	drains_free(c->drains);
	loop_unref(c->tick);
	secrets_free(c->secrets);
	audit_free(c->audit);
	rate_limit_free(c->requests);
	rate_limit_free(c->failures);
	rate_limit_free(c->hashes);
	slug_storage_free(c->storage);
	sleepers_free(c->sleepers);
	log_sessions_free(c->log_sessions);
	engine_free(c->engine);
	free(c->slugs_dir);
	free(c->base);
	free(c->attach_base);
	free(c);
	return NULL;
}

/* ---- sockets ---- */

static uint16_t controller_old_port(const char *path)
{
	struct buf text = BUF_INIT;
	unsigned long port = 0;

	if (file_read(AT_FDCWD, path, PORT_FILE_MAX, &text, NULL) == 0)
		port = strtoul(buf_str(&text), NULL, 10);
	buf_deinit(&text);
	return port < 65536 ? (uint16_t)port : 0;
}

/* A port that was free once stays ours over restarts, if nobody took it. */
int controller_listen_tcp(const char *name, const char *address, uint16_t port,
			  const char *port_file, uint16_t *ret_port,
			  struct error *e)
{
	uint16_t old = port ? 0 : controller_old_port(port_file);
	auto_free char *text = NULL;
	int r, fd = fdstore_take_tcp(name, address, port, ret_port);
	bool kept = fd >= 0;

	if (fd < 0 && old)
		fd = sock_listen_tcp(address, old, ret_port, NULL);
	if (fd < 0)
		fd = sock_listen_tcp(address, port, ret_port, e);
	if (fd < 0)
		return fd;
	if (!kept)
		fdstore_keep(name, fd);
	text = xasprintf("%u\n", (unsigned)*ret_port);
	r = file_write_fast(AT_FDCWD, port_file, text, strlen(text), 0644, e);
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	return fd;
}

static int controller_listen_https(struct controller *c, const char *run,
				   struct error *e)
{
	auto_free char *port_file = xasprintf("%s/https-port", run);
	uint16_t port;
	int fd;

	if (!c->conf->https) {
		unlink(port_file);
		return 0;
	}
	fd = controller_listen_tcp("https", c->conf->https_address,
				   (uint16_t)c->conf->https_port, port_file,
				   &port, e);
	if (fd < 0)
		return fd;
	return http_server_listen_tls(c->server, fd,
				      instance_identity_tls(c->identity), e);
}

static int controller_listen_api(struct controller *c, const char *run,
				 struct error *e)
{
	auto_free char *path = xasprintf("%s/api.sock", run);
	auto_free char *port_file = xasprintf("%s/port", run);
	uint16_t port;
	int r, fd;

	/* Who may use it is decided by the peer's uid. */
	fd = fdstore_take("api.sock");
	if (fd < 0)
		fd = sock_listen_unix(path, 0666, e);
	if (fd < 0)
		return fd;
	r = http_server_listen(c->server, fd, e);
	if (r < 0)
		return r;
	r = controller_listen_https(c, run, e);
	if (r < 0)
		return r;
	fd = controller_listen_tcp("api", c->conf->listen_address,
				   (uint16_t)c->conf->port, port_file, &port, e);
	if (fd < 0)
		return fd;
	c->base = xasprintf("http://%s:%u", c->conf->listen_address,
			    (unsigned)port);
	return http_server_listen(c->server, fd, e);
}

/* The name in URLs: an address that means "all" is none. */
static const char *controller_rendezvous_name(const struct controller_conf *conf)
{
	if (conf->rendezvous_name)
		return conf->rendezvous_name;
	return str_eq(conf->rendezvous_address, "0.0.0.0")
	       ? "127.0.0.1" : conf->rendezvous_address;
}

static int controller_listen_rendezvous(struct controller *c, const char *run,
					struct error *e)
{
	auto_free char *port_file = xasprintf("%s/rendezvous-port", run);
	uint16_t port;
	int fd = controller_listen_tcp("rendezvous", c->conf->rendezvous_address,
				       (uint16_t)c->conf->rendezvous_port,
				       port_file, &port, e);

	if (fd < 0)
		return fd;
	c->attach_base = xasprintf("rendezvous://%s:%u",
				   controller_rendezvous_name(c->conf),
				   (unsigned)port);
	return rendezvous_new(&c->rendezvous, c->event, fd, c->attach,
			      instance_identity_tls(c->identity), e);
}

static int controller_identify(struct controller *c, const char *dir,
			       const char *run, struct error *e)
{
	const struct controller_conf *conf = c->conf;
	auto_free char *ca = xasprintf("%s/ca.pem", run);
	auto_free char *old = xasprintf("%s/rendezvous.pem", dir);
	auto_free char *names = xasprintf("%s %s %s %s",
		conf->https_address, conf->rendezvous_address,
		controller_rendezvous_name(conf),
		conf->certificate_names ? conf->certificate_names : "");

	/* Of versions whose CA was thrown away. */
	unlink(old);
	return instance_identity_new(&c->identity, c->event,
		&(struct instance_identity_spec){
			.dir = dir, .ca_path = ca, .names = names,
			.certificate_file = conf->certificate_file,
			.key_file = conf->key_file,
			.client_ca_file = conf->client_ca_file,
		}, e);
}

int controller_listen(struct controller *c, const char *dir, const char *run,
		      struct error *e)
{
	int r = controller_identify(c, dir, run, e);

	if (r == 0)
		r = controller_listen_rendezvous(c, run, e);
	/* The API last: who can reach it finds everything in place. */
	if (r >= 0)
		r = controller_listen_api(c, run, e);
	return r < 0 ? r : webhook_feed_start(c->webhooks, e);
}
