#pragma once

/*
 * principal.h - who asks, and what such a one may do at all.
 *
 * The gate finds it out once per request. What somebody may do with a certain
 * app is the business of collaborators.h.
 */
#include "base/id.h"

#define PRINCIPAL_EMAIL_MAX 255		/* with the NUL */
#define PRINCIPAL_HOST_MAX 64
#define PRINCIPAL_MARK_MAX 17

/* Each may do what those before it may, from READ on. */
enum principal_scope {
	PRINCIPAL_NOBODY,		/* the URL itself is the credential */
	PRINCIPAL_HOST,			/* a worker host: its own /upstream only */
	PRINCIPAL_READ,			/* GET and HEAD, of one's apps */
	PRINCIPAL_WRITE,		/* everything with one's apps */
	PRINCIPAL_ADMIN,		/* every app and account */
	PRINCIPAL_SERVICE,		/* root, the service user, their key file */
	PRINCIPAL_SCOPE_COUNT
};

struct principal {
	enum principal_scope scope;
	char id[UUID_TEXT_MAX];		/* account; "" for NOBODY and HOST */
	char email[PRINCIPAL_EMAIL_MAX];
	char token[UUID_TEXT_MAX];	/* id of the token; "" if it was none */
	char mark[PRINCIPAL_MARK_MAX];	/* and how it is found again (tokens.h) */
	char host[PRINCIPAL_HOST_MAX];	/* HOST: its name */
	bool local;			/* by the uid of the unix socket's peer */
};

/* "read", "write", "admin", "host", ... */
const char *principal_scope_name(enum principal_scope scope);
/* false: there is no such name; NULL is none. */
bool principal_scope_parse(const char *name, enum principal_scope *ret);

/* Somebody with an account. */
bool principal_is_user(const struct principal *p);
/* Whether all apps and accounts are open to it. */
bool principal_is_admin(const struct principal *p);
/* Whether it may ask with this method: those who only read may not change. */
bool principal_may_call(const struct principal *p, const char *method);
/* Whether it may speak for this worker host. */
bool principal_may_host(const struct principal *p, const char *host);
