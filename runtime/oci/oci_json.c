/*
 * oci_json.c - bounds and large numbers around jansson.
 *
 * A first pass over the text counts, and puts a real number in the place of
 * each number that jansson could not keep: the index of a list plus one. Real
 * numbers have no other use in a configuration, and are replaced too, so that
 * none can pretend to be an index.
 */
#include "base/error.h"
#include "runtime/oci/oci_json.h"

#include <stdio.h>

#define REAL_FRACTION 0.0
#define REAL_TOO_LARGE -1.0
#define LARGE_DIGITS 19			/* 2^63 has as many */

struct scan {
	char *at, *end;
	size_t values, depth;
	struct oci_json *json;
};

static void scan_string(struct scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
		if (*s->at == '\\' && s->at + 1 < s->end)
			s->at++;
	if (s->at < s->end)
		s->at++;
}

static char *scan_digits(char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* The end of the number at p as JSON writes it; NULL if it is none. */
static char *number_end(char *p, const char *end, bool *ret_whole)
{
	char *digits = p + (p < end && *p == '-');
	char *q = scan_digits(digits, end);

	*ret_whole = true;
	if (q == digits || (*digits == '0' && q - digits > 1))
		return NULL;
	if (q < end && *q == '.') {
		*ret_whole = false;
		digits = q + 1;
		q = scan_digits(digits, end);
		if (q == digits)
			return NULL;
	}
	if (q < end && (*q == 'e' || *q == 'E')) {
		*ret_whole = false;
		digits = q + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		q = scan_digits(digits, end);
		if (q == digits)
			return NULL;
	}
	return q;
}

/* Never longer than what was there: blanks fill up. */
static void number_replace(char *p, char *end, double value)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%.1f", value);

	assert(n > 0 && n <= end - p);
	memset(p, ' ', (size_t)(end - p));
	memcpy(p, text, (size_t)n);
}

static void scan_large(struct scan *s, char *p, char *end)
{
	struct oci_json *j = s->json;
	char text[32];
	uint64_t large;

	if ((size_t)(end - p) >= sizeof(text)) {
		number_replace(p, end, REAL_TOO_LARGE);
		return;
	}
	memcpy(text, p, (size_t)(end - p));
	text[end - p] = 0;
	errno = 0;
	(void)strtoll(text, NULL, 10);
	if (errno == 0)
		return;			/* jansson can */
	errno = 0;
	large = strtoull(text, NULL, 10);
	if (errno != 0 || text[0] == '-') {
		number_replace(p, end, REAL_TOO_LARGE);
		return;
	}
	/* By doubling: n is a power of two when it is full. */
	if ((j->n_large & (j->n_large - 1)) == 0)
		j->large = xrealloc(j->large, (j->n_large ? j->n_large * 2 : 1) *
				    sizeof(*j->large));
	j->large[j->n_large++] = large;
	number_replace(p, end, (double)j->n_large);
}

static void scan_number(struct scan *s)
{
	char *p = s->at, *end;
	bool whole;

	end = number_end(p, s->end, &whole);
	if (!end) {
		s->at++;		/* jansson will tell where */
		return;
	}
	if (!whole)
		number_replace(p, end, REAL_FRACTION);
	else if (end - p >= LARGE_DIGITS)
		scan_large(s, p, end);
	s->at = end;
}

static int scan_mark(struct scan *s, struct error *e)
{
	char c = *s->at++;

	if (c == '[' || c == '{') {
		if (++s->depth > OCI_JSON_DEPTH_MAX)
			return error_set(e, EINVAL, "nested deeper than %d",
					 OCI_JSON_DEPTH_MAX);
	} else if (c == ']' || c == '}') {
		s->depth -= s->depth > 0;
	} else if (c != ',') {
		return 0;
	}
	if (++s->values > OCI_JSON_VALUES_MAX)
		return error_set(e, EINVAL, "more than %d values",
				 OCI_JSON_VALUES_MAX);
	return 0;
}

static int json_scan(struct oci_json *j, char *text, size_t n, struct error *e)
{
	struct scan s = { .at = text, .end = text + n, .json = j };

	while (s.at < s.end) {
		int r = 0;

		if (*s.at == '"')
			scan_string(&s);
		else if (*s.at == '-' || (*s.at >= '0' && *s.at <= '9'))
			scan_number(&s);
		else
			r = scan_mark(&s, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* jansson quotes the text as it is: no line of ours may break in it. */
static int json_refuse(const json_error_t *je, struct error *e)
{
	char text[sizeof(je->text)];

	snprintf(text, sizeof(text), "%s", je->text);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return error_set(e, EINVAL, "line %d, column %d: %s", je->line, je->column,
			 text);
}

int oci_json_parse(struct oci_json *ret, const char *text, size_t n,
		   struct error *e)
{
	auto_free char *copy = xmalloc(n + 1);
	struct oci_json j = { .root = NULL };
	json_error_t je;
	int r;

	if (n > 0)
		memcpy(copy, text, n);
	copy[n] = 0;
	r = json_scan(&j, copy, n, e);
	if (r == 0) {
		j.root = json_loadb(copy, n, JSON_REJECT_DUPLICATES, &je);
		if (!j.root)
			r = json_refuse(&je, e);
	}
	if (r < 0) {
		oci_json_deinit(&j);
		return r;
	}
	*ret = j;
	return 0;
}

void oci_json_deinit(struct oci_json *j)
{
	json_decref(j->root);
	free(j->large);
	*j = (struct oci_json){ .root = NULL };
}

int oci_json_number(const struct oci_json *j, const json_t *value,
		    struct oci_number *ret)
{
	double real;

	if (json_is_integer(value)) {
		json_int_t i = json_integer_value(value);

		*ret = (struct oci_number){ i < 0, (uint64_t)i };
		return 0;
	}
	if (!json_is_real(value))
		return OCI_JSON_NO_NUMBER;
	real = json_real_value(value);
	if (real < REAL_FRACTION)
		return OCI_JSON_TOO_LARGE;
	if (real < 1.0)
		return OCI_JSON_FRACTION;
	assert(real <= (double)j->n_large);
	*ret = (struct oci_number){ false, j->large[(size_t)real - 1] };
	return 0;
}
