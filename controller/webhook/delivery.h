#pragma once

/*
 * delivery.h - one event on its way to one webhook: its states, and how it looks in
 * the request, in the API and in the store.
 */
#include "base/id.h"
#include "base/list.h"
#include "controller/webhook/webhook_store.h"

struct http_call;

#define DELIVERY_AGE_SEC (72 * 3600)		/* then it is not tried again */
#define DELIVERY_PAUSE_MAX_SEC 3600

/* The numbers are in the store: do not change them. */
enum delivery_state {
	DELIVERY_PENDING = 0,
	DELIVERY_RETRYING = 1,
	DELIVERY_FAILED = 2,
	DELIVERY_SUCCEEDED = 3,
	DELIVERY_STATE_COUNT
};

struct delivery {
	struct list link;
	void *queue;			/* the owner's */
	char id[UUID_TEXT_MAX];
	json_t *event;			/* when it is done: {id, include} of it */
	enum delivery_state state;
	int attempts;
	uint64_t created, updated, next;	/* real microseconds */
	json_t *last;			/* attempt, or NULL */
	struct http_call *call;		/* running, or NULL */
};

/* event: {id, include, payload, created_at, updated_at}; kept by reference. */
struct delivery *delivery_new(json_t *event);
/* As it was stored; what it was in the middle of is to be done at once. */
struct delivery *delivery_restore(const struct webhook_store_delivery *row,
				  json_t *event);
/* Unlinks it, and ends its call. */
struct delivery *delivery_free(struct delivery *d);

bool delivery_waits(const struct delivery *d);

/* An attempt begins; returns its id (borrowed). */
const char *delivery_begin(struct delivery *d);
/* What became of it: "failed" with the HTTP status (0: none) and a word, or
 * "succeeded" (error NULL). */
void delivery_note(struct delivery *d, const char *status, int code,
		   const char *error);
/* It has failed: whether it is tried again, with a growing pause. level: of the
 * webhook. */
bool delivery_again(struct delivery *d, const char *level);
/* Nothing more will happen to it. */
void delivery_end(struct delivery *d, enum delivery_state state);

/* The body of a request; attempt: its id. The caller frees. */
char *delivery_body(const struct delivery *d, const char *hook, const char *attempt);
/* In the form of the API, and seq, by which the heroku command sorts them. A new
 * reference. */
json_t *delivery_view(const struct delivery *d, const json_t *hook);
int delivery_save(const struct delivery *d, struct webhook_store *s, const char *app,
		  const char *hook, struct error *e);
