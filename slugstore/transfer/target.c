/*
 * target.c - addresses by their scheme.
 */
#include "base/buf.h"
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/transfer/s3.h"
#include "slugstore/transfer/target.h"

#include <strings.h>

#define TARGET_HEADERS_MAX 100

/* Signed addresses carry their signature in the query. */
char *target_name(const char *address)
{
	const char *host = strstr(address, "://");
	size_t end = strcspn(address, "?#");
	const char *at;

	if (!host || address + end < host || str_after(address, "s3://"))
		return xstrdup(address);
	host += 3;
	at = memrchr(host, '@', strcspn(host, "/?#"));
	return xasprintf("%.*s%.*s%s", (int)(host - address), address,
			 (int)(address + end - (at ? at + 1 : host)),
			 at ? at + 1 : host, address[end] ? "?..." : "");
}

static int target_headers(struct target *t, const struct strv *headers,
			  struct error *e)
{
	if (headers->n > TARGET_HEADERS_MAX)
		return error_set(e, EINVAL, "more than %d headers",
				 TARGET_HEADERS_MAX);
	for (size_t i = 0; i < headers->n; i++) {
		if (!strchr(headers->v[i], ':') ||
		    strpbrk(headers->v[i], "\r\n"))
			return error_set(e, EINVAL, "header %zu is not of the"
					 " form \"Name: value\"", i + 1);
		strv_add(&t->headers, headers->v[i]);
	}
	return 0;
}

static int target_s3(struct target *t, const struct target_spec *spec,
		     struct error *e)
{
	auto_buf secret = BUF_INIT;
	int r;

	if (spec->unix_socket || (spec->headers && spec->headers->n))
		return error_set(e, EINVAL, "an s3 address takes no --unix and"
				 " no --header");
	r = s3_url(spec->conf, spec->address, &t->url, e);
	if (r == 0)
		r = slugs_conf_secret(spec->conf, &secret, e);
	if (r == 0)
		t->secret = buf_take(&secret);
	return r;
}

static int target_http(struct target *t, const struct target_spec *spec,
		       struct error *e)
{
	t->url = xstrdup(spec->address);
	t->peer = spec->peer;
	if (spec->unix_socket)
		t->unix_socket = xstrdup(spec->unix_socket);
	return spec->headers ? target_headers(t, spec->headers, e) : 0;
}

int target_init(struct target *t, const struct target_spec *spec,
		struct error *e)
{
	static const struct {
		const char *scheme;
		int (*fn)(struct target *t, const struct target_spec *spec,
			  struct error *e);
	} kinds[] = {
		{ "http://", target_http },
		{ "https://", target_http },
		{ "s3://", target_s3 },
	};
	int r;

	*t = (struct target){ .conf = spec->conf };
	t->name = target_name(spec->address);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strncasecmp(spec->address, kinds[i].scheme,
				strlen(kinds[i].scheme)) != 0)
			continue;
		r = kinds[i].fn(t, spec, e);
		if (r < 0)
			target_deinit(t);
		return r;
	}
	r = error_set(e, EINVAL, "%.200s: the scheme is none of http, https and"
		      " s3", t->name);
	target_deinit(t);
	return r;
}

void target_deinit(struct target *t)
{
	if (t->secret)
		explicit_bzero(t->secret, strlen(t->secret));
	free(t->secret);
	free(t->url);
	free(t->name);
	free(t->unix_socket);
	strv_deinit(&t->headers);
	*t = TARGET_INIT;
}
