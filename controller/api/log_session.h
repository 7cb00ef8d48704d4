#pragma once

/*
 * log_session.h - a log session is its URL: what it shows, who made it, an end, and a
 * signature over all of it.
 *
 * Who made it has to be allowed to see the app all the time: the token has to be there,
 * and its account has to have the app. So a URL that was handed on is worth nothing
 * once access is taken, also where somebody reads just now.
 */
#include "base/list.h"
#include "controller/access/principal.h"
#include "controller/api/api.h"

#define LOG_SESSION_WORD_MAX 160

struct log_session {
	char app[UUID_TEXT_MAX];
	int64_t lines;
	bool tail;
	char dyno[LOG_SESSION_WORD_MAX], source[LOG_SESSION_WORD_MAX];
	char account[UUID_TEXT_MAX];
	char token[PRINCIPAL_MARK_MAX];	/* "": made on this machine, for good */
};

/* From the body of a request for one. Refusals: outcome.h. */
int log_session_parse(struct log_session *ret, struct api_call *call, struct error *e);
/* Path and query; the caller frees. */
char *log_session_sign(const struct log_session *s, struct controller *c);

/* From such a URL: OUTCOME_NOT_FOUND if it is none, is over, or access was taken. */
int log_session_open(struct log_session *ret, struct http_request *req,
		     struct controller *c, struct error *e);
/* Whether it may still be read; what cannot be found out is no. */
bool log_session_holds(const struct log_session *s, struct engine *g);

/* ---- those that are read just now ---- */

struct log_sessions;

/* Part of a reader. fn is called once, from the loop, when access was taken; it has to
 * unlink the link, as whoever frees the reader. */
struct log_session_reader {
	struct list link;
	const struct log_session *session;
	bool doubtful;
	void (*fn)(void *userdata);
	void *userdata;
};

struct log_sessions *log_sessions_new(sd_event *event, struct engine *g);
struct log_sessions *log_sessions_free(struct log_sessions *all);

void log_sessions_add(struct log_sessions *all, struct log_session_reader *r);
