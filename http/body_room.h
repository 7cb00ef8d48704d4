#pragma once

/*
 * body_room.h - how much of the memory the bodies of requests may have together.
 *
 * Inside http/ only. A body waits in memory until it is complete, and whoever sends
 * it decides when that is. Small ones are let in always; the others share a room per
 * route with a limit of its own for bodies, and one for all other routes, so that
 * those who fill one do not keep everybody out.
 */
#include "http/request.h"

#define BODY_ROOM_SMALL (16 * 1024)
#define BODY_ROOM_BYTES (64 * 1024 * 1024)
#define BODY_ROOM_SEC 120		/* for all of a body that is not small */

/* Make room for n more bytes of req->body. false: there is none now. */
bool body_room_take(struct http_request *req, size_t n);

/* Give back what the request has of it; a second time is nothing. */
void body_room_leave(struct http_request *req);

/* Whether a body that is not small takes too long. */
bool body_room_is_late(const struct http_request *req);
