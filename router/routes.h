#pragma once

/*
 * routes.h - what the controller says about every app: hosts and web dynos.
 *
 * The text is
 *
 *   {"revision": N, "activity": SEC, "routes": [{"app": "name",
 *     "hosts": ["name.localhost"], "idle": bool, "maintenance": bool,
 *     "blank": bool, "web": N,
 *     "dynos": [{"name": "web.1", "id": UUID, "address": "172.16.0.2",
 *                "port": 5000, "state": "up"|"starting"|"crashed"|"idle"}]}]}
 *
 * Names end in HAProxy's configuration. Whatever is not made of [a-z0-9.-], an
 * IPv4 address or a port is left out here, and counted; a host may begin with
 * "*." for any one label.
 */
#include "base/base.h"
#include "base/id.h"
#include "base/strv.h"

struct error;

#define ROUTES_NAME_MAX 63
#define ROUTES_HOST_MAX 253
#define ROUTES_ADDRESS_MAX 16

enum routes_state {
	ROUTES_STARTING,
	ROUTES_UP,
	ROUTES_CRASHED,
	ROUTES_IDLE,
	ROUTES_OTHER,		/* on its way out, or not there yet */
};

struct routes_dyno {
	char name[ROUTES_NAME_MAX + 1];
	char id[UUID_TEXT_MAX];
	char address[ROUTES_ADDRESS_MAX];	/* "" = not known yet */
	uint16_t port;				/* 0 = not known yet */
	enum routes_state state;
};

struct routes_app {
	char name[ROUTES_NAME_MAX + 1];
	struct strv hosts;
	bool maintenance;
	bool blank;		/* nothing was ever deployed */
	bool idle;		/* it sleeps; a request wakes it */
	int64_t web;		/* how many web dynos there should be */
	struct routes_dyno *dynos;
	size_t n_dynos;
};

struct routes {
	int64_t revision;
	uint64_t activity;	/* tell who got requests every so many seconds, 0: no */
	struct routes_app *apps;
	size_t n_apps;
	size_t left_out;	/* apps, hosts and dynos with malformed names */
};

#define ROUTES_INIT ((struct routes){ 0, 0, NULL, 0, 0 })

/* Fills r, which is empty before. A malformed whole is an error, a malformed
 * part is left out; of two apps or dynos of one name the first stays. */
int routes_parse(struct routes *r, const char *text, size_t n, struct error *e);
void routes_deinit(struct routes *r);

/* NULL: there is none. */
const struct routes_app *routes_find(const struct routes *r, const char *app);
/* How many of its dynos are in this state and can be connected to. */
size_t routes_count(const struct routes_app *a, enum routes_state state);
/* Requests have to wait: for its dynos to be woken, or until they have addresses. */
bool routes_app_waits(const struct routes_app *a);
