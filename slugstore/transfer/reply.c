/*
 * reply.c - header lines by a table.
 */
#include "slugstore/transfer/reply.h"

#include <ctype.h>
#include <curl/curl.h>
#include <strings.h>

#define REPLY_MODIFIED_SEC 60

/* Digits only, and what is behind them. */
static bool reply_number(const char **p, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)**p))
		return false;
	errno = 0;
	*ret = strtoull(*p, &end, 10);
	*p = end;
	return errno == 0;
}

static void reply_length(struct reply *r, const char *value)
{
	r->has_length = reply_number(&value, &r->length) && !*value;
}

static void reply_range(struct reply *r, const char *value)
{
	struct reply x = *r;

	if (strncasecmp(value, "bytes ", 6) != 0)
		return;
	value += 6;
	if (*value == '*') {
		value++;
	} else {
		if (!reply_number(&value, &x.first) || *value++ != '-' ||
		    !reply_number(&value, &x.last) || x.last < x.first)
			return;
		x.has_range = true;
	}
	if (*value++ != '/')
		return;
	if (!str_eq(value, "*")) {
		if (!reply_number(&value, &x.total) || *value ||
		    (x.has_range && x.last >= x.total))
			return;
		x.has_total = true;
	}
	*r = x;
}

static void reply_sha256(struct reply *r, const char *value)
{
	if (id_is_sha256(value))
		memcpy(r->sha256, value, sizeof(r->sha256));
}

static const struct {
	const char *name;
	void (*fn)(struct reply *r, const char *value);
	size_t offset;		/* without fn: a copy */
} reply_headers[] = {
	{ "content-length", reply_length, 0 },
	{ "content-range", reply_range, 0 },
	{ "x-amz-meta-sha256", reply_sha256, 0 },
	{ "etag", NULL, offsetof(struct reply, etag) },
	{ "last-modified", NULL, offsetof(struct reply, modified) },
	{ "date", NULL, offsetof(struct reply, date) },
	{ "content-encoding", NULL, offsetof(struct reply, encoding) },
};

static void reply_header(struct reply *r, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(reply_headers); i++) {
		if (strcasecmp(reply_headers[i].name, name) != 0)
			continue;
		if (reply_headers[i].fn)
			reply_headers[i].fn(r, value);
		else
			memcpy((char *)r + reply_headers[i].offset, value,
			       strlen(value) + 1);
	}
}

static bool reply_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void reply_line(struct reply *r, const char *line, size_t n)
{
	char text[REPLY_VALUE_MAX], *value;
	const char *status;

	while (n && reply_blank(line[n - 1]))
		n--;
	/* None of ours is that long; nor does any hold a control character, which
	 * would come back to us in If-Range, and to a terminal in messages. */
	if (n >= sizeof(text))
		return;
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)line[i]) && line[i] != '\t')
			return;
	memcpy(text, line, n);
	text[n] = '\0';
	if (str_after(text, "HTTP/")) {
		*r = (struct reply){ .status = 0 };
		status = strchr(text, ' ');
		if (status)
			r->status = (int)strtol(status + 1, NULL, 10);
		return;
	}
	value = strchr(text, ':');
	if (!value)
		return;
	*value++ = '\0';
	while (reply_blank(*value))
		value++;
	reply_header(r, text, value);
}

const char *reply_validator(const struct reply *r)
{
	size_t n = strlen(r->etag);
	time_t modified, date;

	if (n > 2 && r->etag[0] == '"' && r->etag[n - 1] == '"')
		return r->etag;
	if (n || !*r->modified || !*r->date)
		return NULL;
	modified = curl_getdate(r->modified, NULL);
	date = curl_getdate(r->date, NULL);
	if (modified < 0 || date < modified + REPLY_MODIFIED_SEC)
		return NULL;
	return r->modified;
}

bool reply_is_plain(const struct reply *r)
{
	return !*r->encoding || strcasecmp(r->encoding, "identity") == 0;
}
