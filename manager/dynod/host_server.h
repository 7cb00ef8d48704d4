#pragma once

/*
 * host_server.h - dynod's side of the connection to its supervisor: serves the
 * closed table of requests on a dyno table.
 *
 * One server per run of the supervisor. It breaks once: by a message that is
 * malformed (EBADMSG), by the peer's end (ECONNRESET), or because the peer does
 * not read (ENOBUFS). Then on_broken is called, requests are no longer read, and
 * everything that would be sent is dropped; the owner frees the server when the
 * supervisor has ended.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct dyno_entry;
struct dyno_table;
struct error;
struct host_server;

typedef void (*host_server_broken_fn)(const struct error *why, void *userdata);

/* Tells the peer at fd HELLO with the prefix, every dyno of the table, READY,
 * and serves it. fd belongs to the server once this succeeds. */
int host_server_new(struct host_server **ret, sd_event *event, int fd,
		    struct dyno_table *table, const char *prefix,
		    host_server_broken_fn on_broken, void *userdata,
		    struct error *e);
struct host_server *host_server_free(struct host_server *s);

/* Answer the request to start a dyno: dyno_table_ops.on_started(). Starts must not
 * be under way when a server is made: nobody waits for their answers. */
void host_server_started(struct host_server *s, struct dyno_entry *entry, int r,
			 const struct error *e);

/* Answer the request to remove one: dyno_table_ops.on_removed(). */
void host_server_removed(struct host_server *s, uint32_t serial, int r,
			 const struct error *e);

/* Tell that the kernel has killed in it for want of memory. */
void host_server_memory(struct host_server *s, const struct dyno_entry *entry);

/* Tell that a dyno of the table has ended. */
void host_server_exit(struct host_server *s, const struct dyno_entry *entry);
