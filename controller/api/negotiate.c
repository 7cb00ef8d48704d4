/*
 * negotiate.c - read Accept and Content-Type, make ETags.
 */
#include "base/error.h"
#include "base/id.h"
#include "controller/api/negotiate.h"
#include "controller/model/outcome.h"

#include <gnutls/crypto.h>
#include <strings.h>

#define HEROKU_TYPE "application/vnd.heroku+json"

/* s without blanks at its ends. */
static char *negotiate_word(const char *s, size_t n)
{
	while (n && strchr(" \t", *s))
		s++, n--;
	while (n && strchr(" \t", s[n - 1]))
		n--;
	return xstrndup(s, n);
}

/* The value of a parameter like "; version=3", or NULL; the caller frees. */
static char *negotiate_param(const char *params, const char *name)
{
	while (*params) {
		size_t n = strcspn(++params, ";"), n_name = strlen(name);
		auto_free char *word = negotiate_word(params, n);

		if (strncasecmp(word, name, n_name) == 0 && word[n_name] == '=')
			return xstrdup(word + n_name + 1);
		params += n;
	}
	return NULL;
}

/* "3", "3.run-inside"; none is as good. */
static bool negotiate_version(const char *params)
{
	auto_free char *version = negotiate_param(params, "version");

	return !version || (version[0] == '3' &&
			    (version[1] == '\0' || version[1] == '.'));
}

/* "0", "0.000": by no means this one. */
static bool negotiate_excludes(const char *params)
{
	auto_free char *q = negotiate_param(params, "q");

	return q && q[0] == '0' && q[1 + strspn(q + 1, ".0")] == '\0';
}

static bool negotiate_range(const char *range)
{
	size_t n = strcspn(range, ";");
	auto_free char *type = negotiate_word(range, n);

	if (negotiate_excludes(range + n))
		return false;
	if (strcasecmp(type, HEROKU_TYPE) == 0)
		return negotiate_version(range + n);
	return strcasecmp(type, "application/json") == 0 ||
	       strcasecmp(type, "application/*") == 0 || str_eq(type, "*/*");
}

int negotiate_accept(const char *accept, struct error *e)
{
	const char *s = accept;

	while (s && *s) {
		size_t n = strcspn(s, ",");
		auto_free char *range = xstrndup(s, n);

		if (negotiate_range(range))
			return 0;
		s += n + (s[n] == ',');
	}
	if (!accept || !accept[strspn(accept, " \t,")])
		return 0;
	return outcome_set(e, OUTCOME_NOT_ACCEPTABLE, "The request accepts no form "
			   "that there is: say \"Accept: " HEROKU_TYPE
			   "; version=3\".");
}

int negotiate_body(const char *type, struct error *e)
{
	size_t n = type ? strcspn(type, ";") : 0;
	auto_free char *word = type ? negotiate_word(type, n) : NULL;
	size_t len = word ? strlen(word) : 0;

	if (!len || strcasecmp(word, "application/json") == 0 ||
	    (len > 5 && strcasecmp(word + len - 5, "+json") == 0))
		return 0;
	return outcome_set(e, OUTCOME_BAD_ENCODING,
			   "The body must be of type application/json.");
}

char *negotiate_tag(char out[NEGOTIATE_TAG_MAX], const char *text, size_t n)
{
	unsigned char digest[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, n, digest) != 0)
		abort();
	id_hex(out, digest, (NEGOTIATE_TAG_MAX - 1) / 2);
	return out;
}
