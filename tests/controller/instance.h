#pragma once

/*
 * instance.h - a controller of its own for a test, and calls to its API.
 */
#include "base/buf.h"
#include "http/client.h"
#include "http/json.h"

#include <sys/types.h>

struct instance {
	char dir[64];			/* --root */
	char *run;			/* <dir>/run/dyno/controller */
	struct http_client *client;	/* unix socket */
	int pidfd;
	pid_t pid;
};

/* Group set-up and tear-down for cmocka: *state is a struct instance. */
int instance_setup(void **state);
int instance_teardown(void **state);

void instance_start(struct instance *in);
void instance_kill(struct instance *in);	/* kill -9 */

/* Content of a file of at most 1 KiB below run, without the newline. */
char *instance_file(struct instance *in, const char *name);

/* A call; body may be NULL. *ret (may be NULL) is the parsed answer, or NULL
 * if it is no JSON. Returns the status. */
int instance_call(struct instance *in, const char *method, const char *path,
		  const char *body, json_t **ret);
/* The same with a client and headers of the test's own; the raw answer. */
int instance_raw(struct http_client *c, const char *method, const char *path,
		 const void *body, size_t n, const char *const *headers,
		 struct buf *ret);

/* Upload a slug with these process types (JSON); returns its id. */
char *instance_slug(struct instance *in, const char *app, const char *types);
/* Make an app with one web type and release a slug: web.1 is wanted. */
void instance_deploy(struct instance *in, const char *app, const char *types);

/* A tar with one file ./app/<name>. */
void instance_tar(struct buf *out, const char *name, const char *content);

/* The path and query of a URL (borrowed). */
const char *instance_path(const char *url);
