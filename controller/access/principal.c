/*
 * principal.c - scopes: their names, and what they mean.
 */
#include "controller/access/principal.h"

static const char *const names[PRINCIPAL_SCOPE_COUNT] = {
	[PRINCIPAL_NOBODY]  = "nobody",
	[PRINCIPAL_HOST]    = "host",
	[PRINCIPAL_READ]    = "read",
	[PRINCIPAL_WRITE]   = "write",
	[PRINCIPAL_ADMIN]   = "admin",
	[PRINCIPAL_SERVICE] = "service",
};

const char *principal_scope_name(enum principal_scope scope)
{
	return scope < PRINCIPAL_SCOPE_COUNT ? names[scope] : "?";
}

bool principal_scope_parse(const char *name, enum principal_scope *ret)
{
	for (size_t i = 0; i < PRINCIPAL_SCOPE_COUNT; i++)
		if (name && str_eq(name, names[i])) {
			*ret = (enum principal_scope)i;
			return true;
		}
	return false;
}

bool principal_is_user(const struct principal *p)
{
	return p->scope >= PRINCIPAL_READ;
}

bool principal_is_admin(const struct principal *p)
{
	return p->scope >= PRINCIPAL_ADMIN;
}

bool principal_may_call(const struct principal *p, const char *method)
{
	return p->scope != PRINCIPAL_READ || str_eq(method, "GET") ||
	       str_eq(method, "HEAD") || str_eq(method, "OPTIONS");
}

bool principal_may_host(const struct principal *p, const char *host)
{
	return p->scope == PRINCIPAL_SERVICE ||
	       (p->scope == PRINCIPAL_HOST && str_eq(p->host, host));
}
