#pragma once

/*
 * fake_http.h - an HTTP server in a child process which serves one slug, and
 * answers wrongly in several ways. Closes after each answer.
 *
 *   /slug		the bytes			/gone		404
 *   /short	half of them, then closes	/fail		500
 *   /huge	says 600 MiB
 *   /loop	redirects to itself
 *   /moved		redirects to /slug		/file		redirects to file:
 *   /secret	/slug if there is "X-Token: t0ps3cret", else 401
 */
#include "base/base.h"

#include <sys/types.h>

struct fake_http {
	pid_t pid;
	uint16_t port;
};

/* Serves on 127.0.0.1 and on the unix socket. slug_fd is read by pread. */
void fake_http_start(struct fake_http *h, const char *unix_path, int slug_fd);
void fake_http_stop(struct fake_http *h);
