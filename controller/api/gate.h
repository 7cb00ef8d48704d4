#pragma once

/*
 * gate.h - who asks, and whether such a one may ask this at all.
 *
 * By the peer of the unix socket: root and the service user. By the token
 * ("Bearer TOKEN", or the password of Basic): an account or a worker host. The
 * token of the key file is that of the default account, and may do everything.
 * URLs that are capabilities need nobody.
 */
#include "controller/access/principal.h"
#include "http/server.h"

struct controller;

/* For http_server_set_gate(): finds out who asks. userdata is the struct
 * controller. */
void gate_check(struct http_request *req, void *userdata);

/* For http_server_set_admit(): hosts to /upstream, nobody else; those who only
 * read may not change. */
void gate_admit(struct http_request *req, void *userdata);

/* Who asks: never NULL; NOBODY for capabilities. Lives as long as req. */
const struct principal *gate_principal(const struct http_request *req);

/* The token that a request comes with, or NULL; the caller frees. */
char *gate_token(struct http_request *req);

/* Before a password is hashed, which takes long: what ("log in", "change") has a
 * small share of this thread. 0; OUTCOME_RATE_LIMIT, and Retry-After is set. */
int gate_hash(struct controller *c, struct http_request *req, const char *what,
	      struct error *e);

/* For http_server_set_refuse(): the API's words. */
void gate_refuse(struct http_request *req, int status, const char *message,
		 void *userdata);

/* For http_server_set_answered(): changes go into the audit trail. */
void gate_answered(struct http_request *req, int status, void *userdata);

/* The app that a request is about, for the trail. */
void gate_note_app(struct http_request *req, const json_t *app);

/* Whether a request may only come from root or the service user; such a route
 * is refused with 403 here otherwise. Returns true if it was refused. */
bool gate_is_foreign(struct http_request *req, void *userdata);
