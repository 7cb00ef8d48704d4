/*
 * body_room.c - one number per route, and one for those without a limit of their own.
 */
#include "base/clock.h"
#include "http/body_room.h"

static size_t *body_room(const struct http_request *req)
{
	struct http_server *s = req->listener->server;
	const struct http_route *route = req->match.route;

	return route->max_body ? &s->rooms[route - s->routes] : &s->room;
}

bool body_room_take(struct http_request *req, size_t n)
{
	size_t *used = body_room(req), all = req->body.len + n;

	if (all <= BODY_ROOM_SMALL)
		return true;
	if (*used + all - req->room > BODY_ROOM_BYTES)
		return false;
	if (!req->room)
		req->room_since = clock_mono_usec();
	*used += all - req->room;
	req->room = all;
	return true;
}

void body_room_leave(struct http_request *req)
{
	if (req->room)
		*body_room(req) -= req->room;
	req->room = 0;
}

bool body_room_is_late(const struct http_request *req)
{
	return req->room && clock_mono_usec() - req->room_since >
			    BODY_ROOM_SEC * USEC_PER_SEC;
}
