/*
 * route.c - request targets and the table of routes: strings in, strings out.
 */
#include "http/route.h"

#include <stdio.h>

static int route_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes n bytes; NULL if they are malformed or hold a NUL. */
static char *route_decode(const char *s, size_t n, bool plus)
{
	auto_free char *out = xmalloc(n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int hi, lo;

		if (s[i] == '+' && plus) {
			out[len++] = ' ';
			continue;
		}
		if (s[i] != '%') {
			out[len++] = s[i];
			continue;
		}
		hi = i + 2 < n ? route_hex(s[i + 1]) : -1;
		lo = hi >= 0 ? route_hex(s[i + 2]) : -1;
		if (lo < 0 || !(hi | lo))
			return NULL;
		out[len++] = (char)(hi << 4 | lo);
		i += 2;
	}
	out[len] = '\0';
	return take_ptr(out);
}

static bool route_query_parse(struct route_target *t, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "&");
		size_t key = strcspn(s, "=&");
		struct route_pair *p = &t->query[t->n_query];

		if (n) {
			if (t->n_query == ROUTE_QUERY_MAX)
				return false;
			t->n_query++;
			p->name = route_decode(s, key, true);
			p->value = key < n ? route_decode(s + key + 1,
							  n - key - 1, true)
					   : xstrdup("");
			if (!p->name || !p->value)
				return false;
		}
		s += n + (s[n] == '&');
	}
	return true;
}

bool route_target_parse(struct route_target *t, const char *target)
{
	const char *rest = str_after(target, "http://");
	size_t n;

	/* The absolute form, which every server has to accept. */
	if (rest)
		target = rest + strcspn(rest, "/");
	n = strcspn(target, "?");
	t->path = xstrndup(target, n);
	if (t->path[0] != '/')
		return false;
	return !target[n] || route_query_parse(t, target + n + 1);
}

static void route_pairs_free(struct route_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
}

void route_target_free(struct route_target *t)
{
	free(t->path);
	route_pairs_free(t->query, t->n_query);
	*t = (struct route_target){ 0 };
}

/* Compares one segment; a parameter is remembered. Returns 0, 404 or 400. */
static int route_segment(struct route_match *m, const char *want, size_t want_n,
			 const char *got, size_t got_n)
{
	auto_free char *text = route_decode(got, got_n, false);
	struct route_pair *p;

	if (!text)
		return 400;
	if (want[0] != ':' || !want_n)
		return strlen(text) == want_n && !memcmp(text, want, want_n)
		       ? 0 : 404;
	if (!got_n)
		return 404;
	assert(m->n_params < HTTP_PARAMS_MAX);
	p = &m->params[m->n_params++];
	p->name = xstrndup(want + 1, want_n - 1);
	p->value = take_ptr(text);
	return 0;
}

static int route_path(struct route_match *m, const char *want, const char *got)
{
	while (*want == '/' && *got == '/') {
		size_t want_n = strcspn(++want, "/");
		size_t got_n = strcspn(++got, "/");
		int status = route_segment(m, want, want_n, got, got_n);

		if (status)
			return status;
		want += want_n;
		got += got_n;
	}
	return *want || *got ? 404 : 0;
}

/* HEAD is GET without the body, which libmicrohttpd leaves out by itself. */
static bool route_method(const char *want, const char *got)
{
	return str_eq(want, got) || (str_eq(want, "GET") && str_eq(got, "HEAD"));
}

static void route_allow(struct route_match *m, const char *method)
{
	size_t n = strlen(m->allow);

	snprintf(m->allow + n, sizeof(m->allow) - n, "%s%s", n ? ", " : "",
		 str_eq(method, "GET") ? "GET, HEAD" : method);
}

int route_find(struct route_match *m, const struct http_route *routes,
	       size_t n_routes, const char *method, const char *path)
{
	for (size_t i = 0; i < n_routes; i++) {
		int status = route_path(m, routes[i].path, path);

		if (status == 0 && route_method(routes[i].method, method)) {
			m->route = &routes[i];
			return 0;
		}
		route_pairs_free(m->params, m->n_params);
		m->n_params = 0;
		if (status == 400)
			return 400;
		if (status == 0)
			route_allow(m, routes[i].method);
	}
	return m->allow[0] ? 405 : 404;
}

void route_match_free(struct route_match *m)
{
	route_pairs_free(m->params, m->n_params);
	*m = (struct route_match){ 0 };
}

const char *route_pair_get(const struct route_pair *pairs, size_t n,
			   const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(pairs[i].name, name))
			return pairs[i].value;
	return NULL;
}
