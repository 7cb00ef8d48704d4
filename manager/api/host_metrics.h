#pragma once

/*
 * host_metrics.h - the host's numbers for Prometheus: GET /metrics.
 *
 * Series of a dyno have the labels app and dyno. While two dynos have one name (one
 * leaves, the other comes), there are those of the one that stays.
 */
struct buf;
struct http_request;
struct supervisor;

void host_metrics_text(struct buf *out, const struct supervisor *s);

/* Route; userdata is the supervisor. */
void host_metrics_get(struct http_request *req, void *userdata);
