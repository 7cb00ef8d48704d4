#pragma once

/*
 * host_api_drain.h - what the operator says about this host, on host.sock.
 *
 *   PUT /drain {"deadline": SEC}	no new dynos; deadline optional: after it
 *					what is left is stopped
 *   PUT /stop				no dynos at all
 *   DELETE /drain			as if nothing had been said
 *
 * The answer to each is the member "drain" of GET /:
 * {"mode", "deadline": TIME | null, "left": N}.
 */
#include <jansson.h>

struct http_request;
struct supervisor;

#define HOST_API_DEADLINE_MAX_SEC (30 * 86400)

/* New reference. */
json_t *host_api_drain_json(const struct supervisor *s);

/* Routes; userdata is the supervisor. */
void host_api_drain_put(struct http_request *req, void *userdata);
void host_api_drain_stop(struct http_request *req, void *userdata);
void host_api_drain_delete(struct http_request *req, void *userdata);
