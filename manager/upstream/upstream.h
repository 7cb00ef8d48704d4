#pragma once

/*
 * upstream.h - the connection to the control plane (PROTOCOL.upstream):
 * registers this host, gets assignments by long poll, reports the formation.
 *
 * Three calls that go on side by side; each is repeated with growing pauses
 * when it fails. While upstream is away everything else goes on.
 */
#include "base/base.h"

struct buf;
struct error;
struct http_call_spec;
struct supervisor;
struct upstream;

int upstream_new(struct upstream **ret, struct supervisor *s, struct error *e);
struct upstream *upstream_free(struct upstream *u);

/* Something is to be reported: done at the end of this turn of the loop. */
void upstream_report(struct upstream *u);

/* The host itself has changed: the same, with all dynos. */
void upstream_report_all(struct upstream *u);

/* Another call was answered 404: register again. */
void upstream_forgotten(struct upstream *u);

/* Before a call: let a body above 1 KiB go as gzip if upstream takes that. *packed
 * holds it as long as *spec is used. u may be NULL. Returns whether it does. */
bool upstream_pack(const struct upstream *u, struct http_call_spec *spec,
		   struct buf *packed);

/* A packed body was refused (415; an old upstream says 400): it does not take it
 * after all. u may be NULL. */
void upstream_is_plain(struct upstream *u);

/* It is there: registered, and the last call did not fail. */
bool upstream_is_there(const struct upstream *u);

/* For people: "registered", or why not. */
const char *upstream_status(const struct upstream *u);
uint64_t upstream_reports(const struct upstream *u);
