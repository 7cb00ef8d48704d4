#pragma once

/*
 * api.h - calls of the controller's Platform API.
 *
 * Where: --root DIR (its unix socket), else DYNO_API_SOCKET, else DYNO_API_URL
 * or HEROKU_HOST with DYNO_API_KEY or HEROKU_API_KEY, else /run/dyno/api.sock.
 * DYNO_API_CA or NODE_EXTRA_CA_CERTS: a file of the CAs to trust with https.
 * An answer of status 300 and more is an error with the API's message.
 */
#include "base/base.h"

#include <jansson.h>

struct cli;
struct error;
struct http_call_spec;
struct http_client;

/* How to reach an API: base as in http/client.h, token NULL = none. */
struct api_address {
	char *base;
	char *token;
	char *ca_file;			/* NULL: the system's */
};

#define API_ADDRESS_INIT ((struct api_address){ NULL, NULL, NULL })

int api_address_find(struct api_address *ret, const struct cli *cli,
		     struct error *e);
void api_address_deinit(struct api_address *a);

/* The connection of this run of the program, made when it is first needed. */
int api_client(struct cli *cli, struct http_client **ret, struct error *e);

/* "/apps/APP" and what fmt says; owned by the caller. */
char *api_path(const char *app, const char *fmt, ...) PRINTF(2, 3);
/* "/apps/APP", nouns ("/domains") and the escaped name of one of them. */
char *api_path_of(const char *app, const char *nouns, const char *name);

/* *ret is a new reference. range NULL: everything, up to 1000 entries. */
int api_get(struct cli *cli, const char *path, json_t **ret, struct error *e);
int api_list(struct cli *cli, const char *path, const char *range, json_t **ret,
	     struct error *e);

/* body: the reference is taken, NULL = none. ret may be NULL. */
int api_send(struct cli *cli, const char *method, const char *path, json_t *body,
	     json_t **ret, struct error *e);

/* Any call; the answer is dropped. */
int api_call(struct cli *cli, const struct http_call_spec *spec,
	     struct error *e);

/* Print an API object for --json: indented, in the API's order of keys. */
void api_print(const json_t *object);
