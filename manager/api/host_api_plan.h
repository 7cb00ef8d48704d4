#pragma once

/*
 * host_api_plan.h - GET /plan: what the next pass of reconciling would do, and
 * why each dyno is not yet as it is wanted.
 *
 * {"mode", "ready", "upstream_status", "waiting": [SENTENCE...],
 *  "dynos": [{"id" | null, "app", "name", "state", "phase", "action": "none" |
 *	"start" | "stop" | "forget" | "held" | "waits", "waits_for": WORD | null,
 *	"why", "until": TIME | null, "error": SENTENCE | null,
 *	"cycle_at": TIME | null}...],
 *  "strays": [{"instance", "why", "tries", "until"}...]}
 *
 * The words of waits_for: host_plan.h, and "name" (of a wanted dyno that does not
 * exist yet: an old one has its name), "drain".
 */
struct http_request;

/* Route; userdata is the supervisor. */
void host_api_plan(struct http_request *req, void *userdata);
