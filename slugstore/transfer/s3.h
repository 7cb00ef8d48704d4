#pragma once

/*
 * s3.h - addresses and answers of S3 object stores.
 */
#include "base/base.h"

struct buf;
struct error;
struct slugs_conf;

#define S3_CODE_MAX 64
#define S3_TEXT_MAX 256

/* The http address of s3://BUCKET/KEY at the configured endpoint. The key is
 * what is written, not percent-encoded. EINVAL: not of this form, or S3 is not
 * configured. ret: an owned string. */
int s3_url(const struct slugs_conf *conf, const char *address, char **ret,
	   struct error *e);

struct s3_error {
	char code[S3_CODE_MAX];		/* "NoSuchKey"; "": no answer of S3 */
	char text[S3_TEXT_MAX];
	uint64_t size;			/* of the object, to InvalidRange; else 0 */
};

/* Read <Code>, <Message> and <ActualObjectSize> out of an answer, however it is formed. Bounded;
 * what is no printable ASCII becomes a question mark. */
void s3_error_parse(struct s3_error *ret, const char *page, size_t n);
