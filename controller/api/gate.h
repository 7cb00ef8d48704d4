#pragma once

/*
 * gate.h - who may use the API. Over the unix socket: root and the service
 * user. Over TCP: who has the key. URLs that are capabilities need neither.
 */
#include "http/server.h"

/* For http_server_set_gate(); userdata is the struct controller. */
void gate_check(struct http_request *req, void *userdata);

/* For http_server_set_refuse(): the API's words. */
void gate_refuse(struct http_request *req, int status, const char *message,
		 void *userdata);

/* Whether a request may only come from root or the service user; such a route
 * is refused with 403 here otherwise. Returns true if it was refused. */
bool gate_is_foreign(struct http_request *req, void *userdata);
