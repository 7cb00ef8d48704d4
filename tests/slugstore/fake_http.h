#pragma once

/*
 * fake_http.h - an HTTP server in child processes which serves one slug, and
 * answers wrongly in many ways: fake_http_ways[] has them by path. Closes after
 * each answer, and notes each.
 */
#include "base/base.h"

#include <sys/types.h>

#define FAKE_HTTP_NOTES 128

/* What was asked and how much was sent, for the test. */
struct fake_http_note {
	char path[32];
	bool ranged;
	uint64_t first;		/* of Range: bytes=first- */
	bool token;		/* there was an X-Token */
	size_t sent;		/* bytes of the body */
	char if_range[64];
};

struct fake_http_log {
	unsigned n;		/* requests so far */
	struct fake_http_note notes[FAKE_HTTP_NOTES];
};

struct fake_http {
	pid_t pid;
	uint16_t port;
	struct fake_http_log *log;	/* shared with the children */
};

/* One kind of answer: 200 or 206 with the slug but for what is said here. */
struct fake_http_way {
	const char *path, *what;
	const char *status;	/* no slug, but this and a page (or endless) */
	const char *headers;	/* lines with their ends */
	const char *etag;	/* default "\"one\""; "" none */
	int times;		/* the first so many requests; 0: all */
	size_t cut;		/* only so many bytes of each body */
	size_t pause_ms;	/* between pieces of 8 KiB */
	bool no_ranges;		/* always 200 */
	bool deaf;		/* If-Range means nothing */
	bool numbered;		/* the ETag is another one at each request */
	bool wrong;		/* each byte is changed */
	bool endless;		/* no length, no end */
	bool silent;		/* neither length nor ETag */
	long shift;		/* of Content-Range */
	long more;		/* of Content-Length */
};

extern const struct fake_http_way fake_http_ways[];

/* Serves on 127.0.0.1 and on the unix socket. slug_fd is read by pread. */
void fake_http_start(struct fake_http *h, const char *unix_path, int slug_fd);
void fake_http_stop(struct fake_http *h);
