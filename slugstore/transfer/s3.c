/*
 * s3.c - what S3 wants encoded, and what it says in XML.
 *
 * The path is signed as it is sent, so it must be in the one form that the
 * server makes of it: all but the unreserved characters as %XX, and slashes
 * of the key as they are.
 */
#include "base/buf.h"
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/transfer/s3.h"

#define S3_BUCKET_MIN 3
#define S3_BUCKET_MAX 63
#define S3_KEY_MAX 1024

/* As AWS has it: it becomes part of a host name. */
static bool s3_is_bucket(const char *name, size_t n)
{
	if (n < S3_BUCKET_MIN || n > S3_BUCKET_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-.", name[i]))
			return false;
	return name[0] != '.' && name[0] != '-' && name[n - 1] != '.' &&
	       name[n - 1] != '-';
}

static void s3_encode(struct buf *out, const char *key)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-._~/";

	for (; *key; key++)
		if (strchr(plain, *key))
			buf_add(out, key, 1);
		else
			buf_addf(out, "%%%02X", (unsigned char)*key);
}

static int s3_check(const struct slugs_conf *conf, struct error *e)
{
	const char *missing = !conf->s3_endpoint ? "s3-endpoint" :
			      !conf->s3_access_key ? "s3-access-key" : NULL;

	if (!missing)
		return 0;
	return error_set(e, EINVAL, "s3: %s is not configured (dyno-slug"
			 " --config FILE)", missing);
}

int s3_url(const struct slugs_conf *conf, const char *address, char **ret,
	   struct error *e)
{
	const char *bucket = str_after(address, "s3://");
	size_t n = bucket ? strcspn(bucket, "/") : 0;
	const char *host = conf->s3_endpoint ? strstr(conf->s3_endpoint, "//")
					     : NULL;
	auto_buf url = BUF_INIT;
	const char *key;

	if (!bucket || !s3_is_bucket(bucket, n) || bucket[n] != '/' ||
	    !bucket[n + 1])
		return error_set(e, EINVAL, "\"%.200s\" is not of the form"
				 " s3://BUCKET/KEY", address);
	key = bucket + n + 1;
	if (strlen(key) > S3_KEY_MAX)
		return error_set(e, EINVAL, "s3: a key of more than %d bytes",
				 S3_KEY_MAX);
	if (s3_check(conf, e) < 0)
		return -EINVAL;
	if (conf->s3_path_style)
		buf_addf(&url, "%s/%.*s/", conf->s3_endpoint, (int)n, bucket);
	else
		buf_addf(&url, "%.*s//%.*s.%s/",
			 (int)(host - conf->s3_endpoint), conf->s3_endpoint,
			 (int)n, bucket, host + 2);
	s3_encode(&url, key);
	*ret = buf_take(&url);
	return 0;
}

/* The text between <name> and the next tag. */
static void s3_element(const char *page, size_t n, const char *name, char *out,
		       size_t max)
{
	auto_free char *tag = xasprintf("<%s>", name);
	const char *at = n ? memmem(page, n, tag, strlen(tag)) : NULL;
	size_t len = 0;

	if (!at)
		return;
	at += strlen(tag);
	for (; at < page + n && *at != '<' && len < max - 1; at++)
		out[len++] = *at < ' ' || *at > '~' ? '?' : *at;
	out[len] = '\0';
}

void s3_error_parse(struct s3_error *ret, const char *page, size_t n)
{
	char size[24] = "";

	*ret = (struct s3_error){ .code = "" };
	s3_element(page, n, "Code", ret->code, sizeof(ret->code));
	s3_element(page, n, "Message", ret->text, sizeof(ret->text));
	s3_element(page, n, "ActualObjectSize", size, sizeof(size));
	if (strspn(size, "0123456789") == strlen(size) && *size)
		ret->size = strtoull(size, NULL, 10);
}
