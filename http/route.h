#pragma once

/*
 * route.h - what a request line asks for: target, query, route. Pure.
 *
 * Inside http/ only. A target is split while it is still percent-encoded, so
 * that "%2F" stays inside its segment. A malformed encoding, an encoded NUL
 * and too many query members make the whole target malformed.
 */
#include "http/server.h"

#define ROUTE_QUERY_MAX 64

struct route_pair {
	char *name, *value;
};

struct route_target {
	char *path;		/* as it came, without the query */
	struct route_pair query[ROUTE_QUERY_MAX];	/* decoded */
	size_t n_query;
};

struct route_match {
	const struct http_route *route;	/* NULL unless 0 was returned */
	struct route_pair params[HTTP_PARAMS_MAX];	/* decoded */
	size_t n_params;
	char allow[128];		/* "GET, PUT", with 405 */
};

/* Fills t; false if it is malformed. t must be freed in both cases. */
bool route_target_parse(struct route_target *t, const char *target);
void route_target_free(struct route_target *t);

/* Find the first route for method and path. Returns 0, or the HTTP status:
 * 404, 405 (then m->allow is filled), 400. m must be freed in every case. */
int route_find(struct route_match *m, const struct http_route *routes,
	       size_t n_routes, const char *method, const char *path);
void route_match_free(struct route_match *m);

/* The value of the first pair of that name, or NULL. */
const char *route_pair_get(const struct route_pair *pairs, size_t n,
			   const char *name);
