/*
 * request_ask.c - what a program may ask of a request, and hang on it.
 */
#include "http/byte_range.h"
#include "http/json.h"
#include "http/request.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

const char *http_request_method(const struct http_request *req)
{
	return req->method;
}

const char *http_request_path(const struct http_request *req)
{
	return req->target.path;
}

const char *http_request_param(const struct http_request *req, const char *name)
{
	const char *value = route_pair_get(req->match.params,
					   req->match.n_params, name);

	return value ? value : "";
}

const char *http_request_query(const struct http_request *req, const char *name)
{
	return route_pair_get(req->target.query, req->target.n_query, name);
}

const char *http_request_header(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, name);
}

const char *http_request_body(const struct http_request *req, size_t *ret_n)
{
	if (ret_n)
		*ret_n = req->body.len;
	return buf_str(&req->body);
}

int http_request_json(const struct http_request *req, json_t **ret,
		      struct error *e)
{
	if (!req->body.len) {
		*ret = NULL;
		return 0;
	}
	return json_parse(req->body.data, req->body.len, ret, e);
}

bool http_request_peer(const struct http_request *req, uid_t *ret_uid)
{
	if (req->uid == (uid_t)-1)
		return false;
	if (ret_uid)
		*ret_uid = req->uid;
	return true;
}

bool http_request_is_tls(const struct http_request *req)
{
	return req->listener->tls != NULL;
}

static const struct http_peer *request_peer(const struct http_request *req)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(req->conn,
					MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

const char *http_request_peer_name(const struct http_request *req)
{
	const struct http_peer *peer = request_peer(req);

	return peer ? peer->name : NULL;
}

const char *http_request_peer_fault(const struct http_request *req)
{
	const struct http_peer *peer = request_peer(req);

	return peer ? peer->fault : NULL;
}

const char *http_request_id(const struct http_request *req)
{
	return req->id;
}

char *http_request_address(const struct http_request *req,
			   char out[HTTP_ADDRESS_MAX])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(req->conn,
					MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	socklen_t n = info && info->client_addr &&
		info->client_addr->sa_family == AF_INET6
		? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	if (req->listener->is_unix)
		snprintf(out, HTTP_ADDRESS_MAX, "unix");
	else if (!info || !info->client_addr ||
		 getnameinfo(info->client_addr, n, out, HTTP_ADDRESS_MAX, NULL, 0,
			     NI_NUMERICHOST) != 0)
		snprintf(out, HTTP_ADDRESS_MAX, "unknown");
	return out;
}

const char *http_request_route(const struct http_request *req)
{
	return req->match.route ? req->match.route->path : NULL;
}

bool http_request_has(const struct http_request *req, const char *tag)
{
	return byte_range_none_match(http_request_header(req, "If-None-Match"),
				     tag);
}

bool http_request_if_match(const struct http_request *req, const char *tag)
{
	return byte_range_if_match(http_request_header(req, "If-Match"), tag);
}

const struct http_route *http_request_sibling(const struct http_request *req,
					      const char *method)
{
	const struct http_server *s = req->listener->server;

	for (size_t i = 0; i < s->n_routes; i++)
		if (str_eq(s->routes[i].path, req->match.route->path) &&
		    str_eq(s->routes[i].method, method))
			return &s->routes[i];
	return NULL;
}

void http_request_set_context(struct http_request *req, void *context,
			      void (*free_fn)(void *context))
{
	if (req->context)
		req->context_free(req->context);
	req->context = context;
	req->context_free = free_fn;
}

void *http_request_context(const struct http_request *req)
{
	return req->context;
}

void http_request_set_userdata(struct http_request *req, void *p)
{
	req->userdata = p;
}

void *http_request_userdata(const struct http_request *req)
{
	return req->userdata;
}

void http_request_on_gone(struct http_request *req,
			  void (*on_gone)(struct http_request *, void *userdata),
			  void *userdata)
{
	req->on_gone = on_gone;
	req->gone_userdata = userdata;
}

void http_request_stream_body(struct http_request *req,
			      int (*on_data)(struct http_request *,
					     const void *data, size_t n,
					     void *userdata),
			      void *userdata)
{
	req->on_data = on_data;
	req->data_userdata = userdata;
}
