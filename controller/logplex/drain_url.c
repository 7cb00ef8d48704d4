/*
 * drain_url.c - libcurl takes URLs apart, so that what is checked here is what it
 * will connect to.
 */
#include "base/error.h"
#include "controller/logplex/drain_url.h"

#include <curl/curl.h>
#include <stdio.h>

#define SYSLOG_PORT "601"		/* octet counting over TCP */
#define SYSLOG_TLS_PORT "6514"

static const struct drain_scheme {
	const char *name;
	enum drain_kind kind;
	const char *port;		/* of a syslog URL without one */
	const char *connect;
} schemes[] = {
	{ "http", DRAIN_HTTP, NULL, NULL },
	{ "https", DRAIN_HTTP, NULL, NULL },
	{ "syslog", DRAIN_SYSLOG, SYSLOG_PORT, "http" },
	{ "syslog+tls", DRAIN_SYSLOG_TLS, SYSLOG_TLS_PORT, "https" },
};

static void drain_url_cleanup(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void drain_url_free(char **s)
{
	curl_free(*s);
}

#define auto_curl auto_(drain_url_free) char

static char *drain_url_part(CURLU *u, CURLUPart part)
{
	char *s = NULL;

	return curl_url_get(u, part, &s, 0) == CURLUE_OK ? s : NULL;
}

static const struct drain_scheme *drain_url_scheme(CURLU *u)
{
	auto_curl *name = drain_url_part(u, CURLUPART_SCHEME);

	for (size_t i = 0; name && i < ARRAY_SIZE(schemes); i++)
		if (str_eq(schemes[i].name, name))
			return &schemes[i];
	return NULL;
}

/* "syslog://host:601" has nothing but a host and a port. */
static int drain_url_syslog(CURLU *u, const struct drain_scheme *scheme,
			    struct drain_url *ret, struct error *e)
{
	static const CURLUPart none[] = {
		CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
		CURLUPART_FRAGMENT,
	};
	auto_curl *host = drain_url_part(u, CURLUPART_HOST);
	auto_curl *port = drain_url_part(u, CURLUPART_PORT);
	auto_curl *path = drain_url_part(u, CURLUPART_PATH);

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		auto_curl *part = drain_url_part(u, none[i]);

		if (part)
			return error_set(e, EINVAL, "a syslog drain has a host and "
					 "a port, and nothing else");
	}
	if (path && *path && !str_eq(path, "/"))
		return error_set(e, EINVAL, "a syslog drain has no path");
	ret->connect = xasprintf("%s://%s:%s", scheme->connect, host,
				 port ? port : scheme->port);
	return 0;
}

static int drain_url_check(CURLU *u, const char *text, struct drain_url *ret,
			   struct error *e)
{
	const struct drain_scheme *scheme = drain_url_scheme(u);
	auto_curl *host = drain_url_part(u, CURLUPART_HOST);
	auto_curl *fragment = drain_url_part(u, CURLUPART_FRAGMENT);
	size_t n;

	if (!scheme)
		return error_set(e, EINVAL, "the scheme must be https, http, "
				 "syslog or syslog+tls");
	if (!host || !*host)
		return error_set(e, EINVAL, "there is no host");
	if (fragment)
		return error_set(e, EINVAL, "a fragment leads nowhere");
	ret->kind = scheme->kind;
	n = strlen(host);
	ret->host = host[0] == '[' && n > 2 ? xstrndup(host + 1, n - 2)
					    : xstrdup(host);
	if (scheme->kind != DRAIN_HTTP)
		return drain_url_syslog(u, scheme, ret, e);
	ret->connect = xstrdup(text);
	return 0;
}

int drain_url_parse(struct drain_url *ret, const char *text, struct error *e)
{
	auto_(drain_url_cleanup) CURLU *u = curl_url();
	struct drain_url url = DRAIN_URL_INIT;
	const char *rest = strstr(text, "://");
	CURLUcode code;
	int r;

	assert(u);
	if (strlen(text) >= DRAIN_URL_MAX)
		return error_set(e, EINVAL, "longer than %d bytes",
				 DRAIN_URL_MAX - 1);
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 127)
			return error_set(e, EINVAL, "only printable ASCII without "
					 "blanks is allowed");
	/* libcurl makes "https:///x" lead to x; others read that in other ways. */
	if (!rest || rest[3] == '/')
		return error_set(e, EINVAL, "not a URL");
	code = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK)
		return error_set(e, EINVAL, "%s", curl_url_strerror(code));
	r = drain_url_check(u, text, &url, e);
	if (r < 0)
		drain_url_deinit(&url);
	else
		*ret = url;
	return r;
}

void drain_url_deinit(struct drain_url *u)
{
	free(u->host);
	free(u->connect);
	*u = DRAIN_URL_INIT;
}
