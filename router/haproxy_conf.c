/*
 * haproxy_conf.c - Heroku's router in HAProxy's words.
 *
 * An app is a backend. What it does with a request follows from the app alone:
 * a page (maintenance, nothing deployed, no web dynos, all crashed), or its
 * dynos that are up; while none is up yet, those that are starting, tried
 * once a second until one of them listens. While there is none to be tried, since
 * they sleep or have no addresses yet, requests wait in the router itself
 * (waiting_room.h).
 */
#include "router/haproxy_conf.h"

/* One bound for both the first byte (H12) and silence afterwards (H15): this
 * HAProxy cannot change a server's time-out when the answer has begun. */
#define CONF_FIRST_BYTE_SEC 30
#define CONF_IDLE_SEC 55
#define CONF_BOOT_SEC HAPROXY_CONF_BOOT_SEC
#define CONF_TRIES 10

static const char conf_head[] =
	"global\n"
	"\tmaxconn 4000\n"
	"\tno strict-limits\n"
	"\thard-stop-after 300s\n"
	"\tlog unix@" HAPROXY_CONF_LOG " len 1024 format raw local0\n"
	"\ttune.bufsize 32768\n"
	"\ttune.http.maxhdr 1000\n"
	"\n"
	"defaults\n"
	"\tmode http\n"
	"\toption http-server-close\n"
	"\toption redispatch 1\n"
	"\toption abortonclose\n"
	"\tbalance random(1)\n"
	"\ttimeout connect 5s\n"
	"\ttimeout server %ds\n"
	"\ttimeout client %ds\n"
	"\ttimeout tunnel %ds\n"
	"\ttimeout queue %ds\n"
	"\ttimeout http-request 30s\n"
	"\ttimeout http-keep-alive 60s\n"
	"\terrorfile 502 " HAPROXY_CONF_PAGE "\n"
	"\terrorfile 503 " HAPROXY_CONF_PAGE "\n"
	"\terrorfile 504 " HAPROXY_CONF_PAGE "\n"
	"\n"
	"frontend router\n"
	"\tbind fd@%d\n"
	"\tlog global\n"
	"\tlog-format \"%%b\"\n"
	"\toption logasap\n"
	"\toption dontlognull\n";

/* What comes from the client is only trusted where the contract says so. */
static const char conf_frontend[] =
	"\thttp-request return status 400 content-type text/plain"
	" string \"Bad Request\" if !{ req.hdr(host) -m len gt 0 }\n"
	"\thttp-request deny deny_status 405 if METH_CONNECT\n"
	"\thttp-request set-header X-Request-Id %[uuid] if"
	" !{ req.fhdr(x-request-id) -m reg ^[A-Za-z0-9+/=-]{20,200}$ }\n"
	"\thttp-request set-header X-Forwarded-For"
	" \"%[req.fhdr(x-forwarded-for)], %[src]\""
	" if { req.hdr(x-forwarded-for) -m found }\n"
	"\thttp-request set-header X-Forwarded-For %[src]"
	" if !{ req.hdr(x-forwarded-for) -m found }\n"
	"\thttp-request set-header X-Forwarded-Proto http\n"
	"\thttp-request set-header X-Forwarded-Port %[dst_port]\n"
	"\thttp-request set-header X-Request-Start %[date(0,ms)]\n"
	"\thttp-request add-header Via \"1.1 vegur\"\n"
	"\thttp-request del-header TE\n"
	"\thttp-request del-header Keep-Alive\n"
	"\thttp-request del-header Proxy-Authorization\n"
	"\thttp-response add-header Via \"1.1 vegur\"\n"
	"\thttp-request set-var(txn.host) req.hdr(host),field(1,:),rtrim(.),lower\n"
	"\thttp-request set-var(txn.app) var(txn.host),map(" HAPROXY_CONF_MAP ")\n"
	/* No such name: perhaps one with "*" for its first label. */
	"\thttp-request set-var(txn.app)"
	" var(txn.host),regsub(^[^.]*,*),map(" HAPROXY_CONF_MAP ")"
	" if !{ var(txn.app) -m found }\n"
	"\tuse_backend %[var(txn.app)] if { var(txn.app) -m found }\n"
	"\tdefault_backend unknown\n";

static const char conf_html[] =
	"<!DOCTYPE html><html><head><title>%s</title></head>"
	"<body><h1>%s</h1><p>%s</p></body></html>";

struct conf_page {
	int status;
	const char *title, *text;
};

static const struct conf_page page_unknown = {
	404, "No such app", "There is nothing here, yet." };
static const struct conf_page page_not_ready = {
	503, "Application error", "The router has no routes yet (H99)." };
static const struct conf_page page_maintenance = {
	503, "Offline for Maintenance",
	"This application is undergoing maintenance right now. Please check "
	"back later. (H80)" };
static const struct conf_page page_blank = {
	503, "Welcome to your new app", "No code was deployed yet. (H81)" };
static const struct conf_page page_no_web = {
	503, "Application error", "No web processes running (H14)" };
static const struct conf_page page_crashed = {
	503, "Application error", "App crashed (H10)" };
static const struct conf_page page_booting = {
	503, "Application error", "App boot timeout (H20)" };

void haproxy_conf_page(struct buf *page)
{
	buf_adds(page, "HTTP/1.1 503 Service Unavailable\r\n"
		 "Cache-Control: no-cache, no-store\r\n"
		 "Connection: close\r\n"
		 "Content-Type: text/html; charset=utf-8\r\n\r\n");
	buf_addf(page, conf_html, "Application error", "Application error",
		 "An error occurred in the application and your page could not "
		 "be served.");
}

void haproxy_conf_late(struct buf *page)
{
	buf_addf(page, "HTTP/1.1 %d Service Unavailable\r\n"
		 "Cache-Control: no-cache, no-store\r\n"
		 "Connection: close\r\n"
		 "Content-Type: text/html; charset=utf-8\r\n\r\n",
		 page_booting.status);
	buf_addf(page, conf_html, page_booting.title, page_booting.title,
		 page_booting.text);
}

static void conf_return(struct buf *b, const struct conf_page *p)
{
	buf_addf(b, "\thttp-request return status %d content-type "
		 "\"text/html; charset=utf-8\" hdr Cache-Control "
		 "\"no-cache, no-store\" string \"", p->status);
	buf_addf(b, conf_html, p->title, p->title, p->text);
	buf_adds(b, "\"\n");
}

/* The id tells two dynos of one name apart, the old and the new web.1. */
static void conf_servers(struct buf *b, const struct routes_app *a,
			 enum routes_state state)
{
	for (size_t i = 0; i < a->n_dynos; i++) {
		const struct routes_dyno *d = &a->dynos[i];

		if (d->state == state && d->port && d->address[0])
			buf_addf(b, "\tserver %s-%s %s:%u\n", d->name, d->id,
				 d->address, (unsigned)d->port);
	}
}

static bool conf_all_crashed(const struct routes_app *a)
{
	for (size_t i = 0; i < a->n_dynos; i++)
		if (a->dynos[i].state != ROUTES_CRASHED)
			return false;
	return a->n_dynos > 0;
}

static const struct conf_page *conf_app_page(const struct routes_app *a)
{
	if (a->maintenance)
		return &page_maintenance;
	if (a->blank)
		return &page_blank;
	if (a->web <= 0)
		return &page_no_web;
	if (conf_all_crashed(a))
		return &page_crashed;
	if (!routes_count(a, ROUTES_UP) && !routes_count(a, ROUTES_STARTING))
		return &page_booting;
	return NULL;
}

/* The answer may come as late as that of a dyno which begins to boot now. */
static void conf_room(struct buf *b, const struct routes_app *a)
{
	buf_addf(b, "\thttp-request set-header " HAPROXY_CONF_WAITS_FOR " %s\n"
		 "\ttimeout server %ds\n"
		 "\tretries 0\n"
		 "\tserver room unix@" HAPROXY_CONF_ROOM "\n", a->name,
		 HAPROXY_CONF_BOOT_SEC + CONF_FIRST_BYTE_SEC);
}

static void conf_app(struct buf *b, const struct routes_app *a)
{
	const struct conf_page *page = conf_app_page(a);
	size_t up = routes_count(a, ROUTES_UP);

	buf_addf(b, "\nbackend " HAPROXY_CONF_BACKEND "%s\n", a->name);
	if (routes_app_waits(a)) {
		conf_room(b, a);
		return;
	}
	if (page) {
		conf_return(b, page);
		return;
	}
	/* An event stream may be silent for longer than a first byte may be. */
	buf_addf(b, "\thttp-request set-timeout server %ds if "
		 "{ req.fhdr(accept) -m sub text/event-stream }\n",
		 CONF_IDLE_SEC);
	/* Each dyno once, at most ten of them: H21 comes at once. */
	if (up) {
		buf_addf(b, "\tretries %zu\n", up < CONF_TRIES ? up - 1
							       : CONF_TRIES - 1);
		conf_servers(b, a, ROUTES_UP);
		return;
	}
	/* To the same server HAProxy goes back after a second. */
	buf_addf(b, "\tno option redispatch\n\tretries %d\n", CONF_BOOT_SEC - 1);
	conf_servers(b, a, ROUTES_STARTING);
}

void haproxy_conf_make(const struct routes *routes, struct buf *conf,
		       struct buf *map)
{
	buf_addf(conf, conf_head, CONF_FIRST_BYTE_SEC, CONF_IDLE_SEC,
		 CONF_IDLE_SEC, CONF_BOOT_SEC, HAPROXY_CONF_LISTEN_FD);
	buf_adds(conf, conf_frontend);
	buf_adds(conf, "\nbackend unknown\n");
	conf_return(conf, routes ? &page_unknown : &page_not_ready);
	for (size_t i = 0; routes && i < routes->n_apps; i++) {
		const struct routes_app *a = &routes->apps[i];

		conf_app(conf, a);
		for (size_t k = 0; k < a->hosts.n; k++)
			buf_addf(map, "%s app-%s\n", a->hosts.v[k], a->name);
	}
}
