#pragma once

/*
 * call.h - the inside of the client: one request as a libcurl easy handle.
 *
 * Inside http/ only. client.c drives calls by the multi interface; call.c
 * knows what a request is and what becomes of it.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "http/client.h"

#include <curl/curl.h>

struct http_client {
	sd_event *event;
	char *base;		/* what a path is put behind */
	char *unix_path;	/* NULL: TCP */
	char *name;		/* the address as it was given, for messages */
	char *token, *user_agent, *ca_file;
	char *cert_file, *key_file, *proxy;

	CURLM *multi;		/* NULL without an event loop */
	bool inside;		/* libcurl is calling: it must not be called */
	sd_event_source *timer, *tick;
	struct list calls;	/* every call of this client */
};

enum call_state {
	CALL_NEW,		/* waits to be given to libcurl */
	CALL_RUNNING,
	CALL_DONE,		/* on_done has been called, or is just running */
	CALL_FREED,		/* freed inside of libcurl: ended by the tick */
};

struct http_call {
	struct list link;
	struct http_client *client;	/* NULL: was freed before the call */
	enum call_state state;
	CURL *easy;
	struct curl_slist *headers;
	char *method, *url;
	char errors[CURL_ERROR_SIZE];

	void *body;
	int body_fd;
	uint64_t body_at, body_end, body_start;	/* offsets in the file */
	bool body_short;

	struct buf answer;
	size_t max_body;
	bool too_long, cancelled, no_body;
	size_t dropped;			/* bytes of the answer, with no_body */
	bool enough;			/* no more of them, but it is an answer */
	bool wire, refused;
	char *request_id;

	int (*on_data)(const void *data, size_t n, void *userdata);
	void (*on_progress)(uint64_t sent, uint64_t total, void *userdata);
	bool (*on_address)(const struct sockaddr *address, void *userdata);
	void *spec_userdata;		/* of these three */
	http_done_fn on_done;
	void *userdata;			/* of on_done */
};

/* Make a call with its easy handle ready to run; it is in no list yet. */
int call_make(struct http_call **ret, struct http_client *c,
	      const struct http_call_spec *spec, struct error *e);
struct http_call *call_destroy(struct http_call *call);
DEFINE_AUTO(struct http_call, call_destroy)

/* What came of it. 0 with *ret_status, or < 0 in the words of the call. */
int call_outcome(struct http_call *call, CURLcode code, int *ret_status,
		 struct error *e);
