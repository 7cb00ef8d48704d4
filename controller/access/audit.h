#pragma once

/*
 * audit.h - who changed what through the API: a table of its own that only
 * grows at one end and is cut at the other.
 *
 * A record names the route, never the path, and nothing of a body: secrets can
 * be in both.
 */
#include "controller/access/principal.h"
#include "http/json.h"

struct audit;
struct error;

#define AUDIT_PAGE_MAX 1000

struct audit_record {
	const struct principal *who;
	const char *from;		/* address, or "unix" */
	const char *method;
	const char *route;		/* "/apps/:app/dynos/:dyno" */
	const char *app;		/* id, or "" */
	const char *app_name;		/* or "" */
	const char *target;		/* "web.1"; "" if it is none to be told */
	const char *request;		/* id */
	int status;			/* of the answer */
};

/* What to look for; 0 and NULL: anything. */
struct audit_query {
	const char *app;		/* id or name */
	uint64_t before;		/* records older than this one's id */
	size_t max;			/* 1..AUDIT_PAGE_MAX */
};

/* Keeps the newest max records, of the last days. The file is made. */
int audit_open(struct audit **ret, const char *path, uint64_t max, uint64_t days,
	       struct error *e);
struct audit *audit_free(struct audit *a);
DEFINE_AUTO(struct audit, audit_free)

/* now: microseconds since 1970. */
int audit_add(struct audit *a, const struct audit_record *r, uint64_t now,
	      struct error *e);

/* A new array, newest first: {id, created_at, user: {id, email}, token: {id} or
 * null, scope, from, method, route, app: {id, name} or null, target, status,
 * request_id}. */
int audit_list(struct audit *a, const struct audit_query *q, uint64_t now,
	       json_t **ret, struct error *e);
