#pragma once

/*
 * log_room.h - requests that bring lines wait, unread, until there is room for them.
 */
struct controller;
struct http_request;

/* Call fn, which has to answer: at once, or from the loop; not at all if the client
 * leaves before. */
void log_room_call(struct http_request *req, struct controller *c,
		   void (*fn)(struct http_request *req, struct controller *c));
