#pragma once

/*
 * world.h - a server and its clients in one event loop, for the tests.
 *
 * The server listens on a unix socket and on TCP. Each route is one behaviour
 * (echo, late answer, upload, stream, upgrade) and counts what happens to it.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/error.h"
#include "http/client.h"
#include "http/json.h"
#include "http/server.h"

#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>

#define WORLD_LATE_MAX 256

struct world {
	char dir[64], path[96];
	uint16_t port;
	char unix_base[128], tcp_base[64];
	sd_event *event;
	struct http_server *server;
	struct http_client *unix_client, *tcp_client;

	struct http_request *late[WORLD_LATE_MAX];	/* GET /late */
	size_t n_late;
	unsigned gone;			/* on_gone calls */
	uint64_t uploaded;		/* bytes that PUT /upload got */
	unsigned upload_done;		/* how often its fn was called */
	bool upload_stop;		/* its on_data refuses */
	struct http_request *stream;	/* GET /stream, while it is open */
	int upgraded_fd;		/* GET /upgrade */
	struct buf early;
	unsigned calls;			/* of any fn */
};

struct world_answer {
	bool done;
	int r, status;
	struct error error;
	struct buf body;
	char *request_id;
};

int world_setup(void **state);
int world_teardown(void **state);

/* Start a call whose outcome is written to a. */
struct http_call *world_call(struct world *w, struct http_client *c,
			     const struct http_call_spec *spec,
			     struct world_answer *a);
/* Run the loop until *flag, or fail after 20 s. */
void world_wait(struct world *w, const bool *flag);
/* Run the loop until *count is n, or fail after 20 s. */
void world_wait_count(struct world *w, const unsigned *count, unsigned n);
/* Run the loop for so long. */
void world_run(struct world *w, uint64_t usec);
/* Start a call, wait for it, free it. */
void world_do(struct world *w, struct http_client *c,
	      const struct http_call_spec *spec, struct world_answer *a);
void world_get(struct world *w, const char *path, struct world_answer *a);
void world_answer_clear(struct world_answer *a);

/* A plain socket to the server, non-blocking, over TCP or unix. */
int world_connect(struct world *w, bool tcp);
/* Send bytes over it and read, with the loop running, until the peer closes or
 * text appears in what came. */
void world_talk(struct world *w, int fd, const char *bytes, const char *text,
		struct buf *ret);
