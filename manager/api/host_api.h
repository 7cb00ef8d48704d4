#pragma once

/*
 * host_api.h - what this host runs, for its operator: HTTP on host.sock.
 *
 *   GET /		the host: prefix of its objects, upstream, counters
 *   GET /dynos		its dynos, as in a report and more; with ?watch=1 they are
 *			sampled for the next such request, too
 *   GET /metrics	numbers for Prometheus: host_metrics.h
 *   GET /plan		what comes next, and why not yet: host_api_plan.h
 *   PUT /drain, PUT /stop, DELETE /drain	host_api_drain.h
 *
 * Root and the service user only.
 */
#include "base/base.h"

struct error;
struct host_api;
struct supervisor;

int host_api_new(struct host_api **ret, struct supervisor *s, struct error *e);
struct host_api *host_api_free(struct host_api *h);
