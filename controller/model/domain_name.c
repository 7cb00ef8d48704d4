/*
 * domain_name.c - labels, one by one.
 */
#include "base/buf.h"
#include "base/error.h"
#include "controller/model/domain_name.h"
#include "controller/model/outcome.h"

#include <gnutls/gnutls.h>

#define LABEL_MAX 63
#define LOWER_DIGIT "abcdefghijklmnopqrstuvwxyz0123456789"

static bool domain_name_label_ok(const char *s, size_t n)
{
	return n >= 1 && n <= LABEL_MAX && s[0] != '-' && s[n - 1] != '-' &&
	       strspn(s, LOWER_DIGIT "-") >= n;
}

/* At least two labels, and the last one has a letter: no address is a name. */
static bool domain_name_ok(const char *name)
{
	size_t labels = 0;
	const char *s = name;

	for (;;) {
		size_t n = strcspn(s, ".");

		if (!domain_name_label_ok(s, n))
			return false;
		labels++;
		if (!s[n])
			return labels > 1 && strspn(s, "0123456789") < n;
		s += n + 1;
	}
}

/* GnuTLS lets control characters vanish. */
static bool domain_name_is_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

/* Lower case is made here: GnuTLS leaves plain ASCII as it is. */
static char *domain_name_ascii(const char *text)
{
	gnutls_datum_t out;
	char *copy;

	if (!domain_name_is_text(text) ||
	    gnutls_idna_map(text, (unsigned)strlen(text), &out, 0) < 0)
		return NULL;
	copy = xstrndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return copy;
}

static int domain_name_refuse(const char *text, struct error *e)
{
	return outcome_set(e, OUTCOME_INVALID, "Hostname \"%.200s\" is not a valid "
			   "domain name.", text);
}

static bool domain_name_below(const char *name, const char *domain)
{
	size_t n = strlen(name), m = strlen(domain);

	return n >= m && str_eq(name + n - m, domain) &&
	       (n == m || name[n - m - 1] == '.');
}

int domain_name_make(const char *text, const char *reserved, char **ret,
		     struct error *e)
{
	const char *rest = str_after(text, "*.");
	size_t n = strlen(rest ? rest : text);
	auto_free char *plain = NULL, *name = NULL;

	if (n < 1 || n > DOMAIN_NAME_MAX)
		return domain_name_refuse(text, e);
	plain = xstrndup(rest ? rest : text, n);
	if (plain[n - 1] == '.')
		plain[n - 1] = '\0';
	name = domain_name_ascii(plain);
	if (!name || !domain_name_ok(name) ||
	    strlen(name) + (rest ? 2 : 0) > DOMAIN_NAME_MAX)
		return domain_name_refuse(text, e);
	if (domain_name_below(name, reserved))
		return outcome_set(e, OUTCOME_INVALID, "Hostnames below %s are those "
				   "of the apps' names; they cannot be added.",
				   reserved);
	*ret = xasprintf("%s%s", rest ? "*." : "", name);
	return 0;
}
