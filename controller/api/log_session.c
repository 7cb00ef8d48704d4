/*
 * log_session.c - parameters in a URL, and a list of readers to look through when a
 * token, account or collaborator goes.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/access/collaborators.h"
#include "controller/access/secrets.h"
#include "controller/access/tokens.h"
#include "controller/api/body_members.h"
#include "controller/api/log_session.h"
#include "controller/engine.h"
#include "controller/logplex/log_store.h"
#include "controller/model/apps.h"
#include "controller/model/outcome.h"

#include <stdio.h>

#define LINES_DEFAULT 100
#define SESSION_SEC 360			/* to open it, */
#define RETURN_SEC (24 * 3600)		/* and to come back to a tail */

/* ---- what is asked for ---- */

static int session_word(const json_t *body, const char *key, char *out,
			struct error *e)
{
	const char *s = json_str(body, key);
	size_t n;

	if (!s)
		return 0;
	n = strlen(s);
	if (n >= LOG_SESSION_WORD_MAX ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789._-") != n)
		return outcome_set(e, OUTCOME_INVALID, "%s: \"%.60s\" is not the "
				   "name of a dyno or source.", key, s);
	snprintf(out, LOG_SESSION_WORD_MAX, "%s", s);
	return 0;
}

int log_session_parse(struct log_session *ret, struct api_call *call, struct error *e)
{
	static const char *const names[] = { "type", "dyno_name", "ps", "dyno" };
	static const struct body_member members[] = {
		{ "lines", BODY_INTEGER }, { "tail", BODY_BOOLEAN },
		{ "source", BODY_STRING }, { "type", BODY_STRING },
		{ "dyno_name", BODY_STRING }, { "ps", BODY_STRING },
		{ "dyno", BODY_STRING },
	};
	const struct principal *by = call->principal;
	int r = body_members_check(call->body, members, ARRAY_SIZE(members), e);

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = session_word(call->body, "source", ret->source, e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
		r = session_word(call->body, names[i], ret->dyno, e);
	ret->lines = json_int(call->body, "lines", LINES_DEFAULT);
	ret->tail = json_flag(call->body, "tail", false);
	if (ret->lines < 0)
		r = outcome_set(e, OUTCOME_INVALID, "lines must not be negative.");
	if (ret->lines > LOG_STORE_LINES)
		ret->lines = LOG_STORE_LINES;
	snprintf(ret->app, sizeof(ret->app), "%s", json_str(call->app.j, "id"));
	snprintf(ret->account, sizeof(ret->account), "%s", by->id);
	snprintf(ret->token, sizeof(ret->token), "%s", by->mark);
	return r;
}

/* ---- the URL ---- */

static char *session_params(const struct log_session *s)
{
	return xasprintf("lines=%lld&tail=%d&dyno=%s&source=%s&by=%s&token=%s",
			 (long long)s->lines, s->tail, s->dyno, s->source,
			 s->account, s->token);
}

char *log_session_sign(const struct log_session *s, struct controller *c)
{
	auto_free char *path = xasprintf("/log-streams/%s", s->app);
	auto_free char *params = session_params(s);

	return secrets_sign(c->secrets, path, params, api_now() + SESSION_SEC);
}

static void session_query(struct http_request *req, const char *name, char *out,
			  size_t size)
{
	const char *s = http_request_query(req, name);

	snprintf(out, size, "%s", s ? s : "");
}

int log_session_open(struct log_session *ret, struct http_request *req,
		     struct controller *c, struct error *e)
{
	const char *lines = http_request_query(req, "lines");
	const char *tail = http_request_query(req, "tail");
	auto_free char *params = NULL;
	uint64_t now = api_now();

	memset(ret, 0, sizeof(*ret));
	ret->lines = strtoll(lines ? lines : "", NULL, 10);
	ret->tail = tail && str_eq(tail, "1");
	session_query(req, "dyno", ret->dyno, sizeof(ret->dyno));
	session_query(req, "source", ret->source, sizeof(ret->source));
	session_query(req, "by", ret->account, sizeof(ret->account));
	session_query(req, "token", ret->token, sizeof(ret->token));
	snprintf(ret->app, sizeof(ret->app), "%s", http_request_param(req, "app"));
	params = session_params(ret);
	if (ret->tail && http_request_header(req, "Last-Event-ID"))
		now -= RETURN_SEC;
	if (!secrets_check(c->secrets, http_request_path(req), params,
			   http_request_query(req, "expires"),
			   http_request_query(req, "signature"), now) ||
	    !log_session_holds(ret, c->engine))
		return outcome_set(e, OUTCOME_NOT_FOUND, "Not found");
	return 0;
}

bool log_session_holds(const struct log_session *s, struct engine *g)
{
	struct principal who;
	auto_doc app = DOC_INIT;
	struct error e;
	int r;

	if (!*s->token)
		return true;
	r = tokens_check_mark(g, s->token, &who, &e);
	if (r == 0 && !str_eq(who.id, s->account))
		return false;
	if (r == 0)
		r = apps_find(g, s->app, &app, &e);
	if (r == 0)
		r = collaborators_check(g, &who, app.j, &e);
	if (r < 0)
		log_err("who may read the log of app %s: %s", s->app, e.msg);
	return r == 0;
}

/* ---- those that are read just now ---- */

struct log_sessions {
	sd_event *event;		/* borrowed, as the engine */
	struct engine *g;
	struct list readers;
	struct state_watch *tokens, *accounts, *apps;
	sd_event_source *timer;
};

static void sessions_look(struct log_sessions *all)
{
	struct log_session_reader *r, *next;

	list_for_each_safe(r, next, &all->readers, link) {
		if (!r->doubtful)
			continue;
		r->doubtful = false;
		if (!log_session_holds(r->session, all->g))
			r->fn(r->userdata);
	}
}

static int on_sessions_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct log_sessions *all = userdata;

	all->timer = loop_unref(all->timer);
	sessions_look(all);
	return 0;
}

/* Those whose session begins with these words; "" fits all. */
static void sessions_doubt(struct log_sessions *all, const char *token,
			   const char *app, const char *account)
{
	struct log_session_reader *r;
	bool any = false;
	struct error e;

	list_for_each(r, &all->readers, link) {
		const struct log_session *s = r->session;

		if (!*s->token || (*token && !str_eq(s->token, token)) ||
		    (*app && !str_eq(s->app, app)) ||
		    (*account && !str_eq(s->account, account)))
			continue;
		r->doubtful = any = true;
	}
	if (any && !all->timer && loop_timer(all->event, &all->timer, 0,
					     on_sessions_timer, all,
					     "log sessions", &e) < 0)
		log_err("%s", e.msg);
}

/* "/tokens/HASH" */
static void on_token(const char *key, const char *value, uint64_t revision,
		     void *userdata)
{
	char mark[PRINCIPAL_MARK_MAX];

	snprintf(mark, sizeof(mark), "%s", strrchr(key, '/') + 1);
	if (!value)
		sessions_doubt(userdata, mark, "", "");
}

/* "/accounts/ID": it is gone, or suspended. */
static void on_account(const char *key, const char *value, uint64_t revision,
		       void *userdata)
{
	sessions_doubt(userdata, "", "", strrchr(key, '/') + 1);
}

/* "/apps/ID/collaborators/ACCOUNT" */
static void on_collaborator(const char *key, const char *value, uint64_t revision,
			    void *userdata)
{
	const char *app = str_after(key, "/apps/");
	char id[UUID_TEXT_MAX] = "";

	if (value || !app || strlen(app) < UUID_TEXT_MAX ||
	    !str_after(app + UUID_TEXT_MAX - 1, "/collaborators/"))
		return;
	memcpy(id, app, UUID_TEXT_MAX - 1);
	sessions_doubt(userdata, "", id, strrchr(key, '/') + 1);
}

struct log_sessions *log_sessions_new(sd_event *event, struct engine *g)
{
	struct log_sessions *all = xcalloc(1, sizeof(*all));

	all->event = event;
	all->g = g;
	list_init(&all->readers);
	all->tokens = state_watch_new(g->state, "/tokens/", on_token, all);
	all->accounts = state_watch_new(g->state, "/accounts/", on_account, all);
	all->apps = state_watch_new(g->state, "/apps/", on_collaborator, all);
	return all;
}

struct log_sessions *log_sessions_free(struct log_sessions *all)
{
	struct log_session_reader *r, *next;

	if (!all)
		return NULL;
	list_for_each_safe(r, next, &all->readers, link)
		list_unlink(&r->link);
	state_watch_free(all->tokens);
	state_watch_free(all->accounts);
	state_watch_free(all->apps);
	loop_unref(all->timer);
	free(all);
	return NULL;
}

void log_sessions_add(struct log_sessions *all, struct log_session_reader *r)
{
	list_add_tail(&all->readers, &r->link);
}
