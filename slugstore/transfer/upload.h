#pragma once

/*
 * upload.h - a blob to S3, in one signed PUT.
 *
 * A single PUT may have 5 GiB, ten times what a slug may: so there is no
 * multipart, and one that breaks is sent again as a whole. The server is told
 * the digest (x-amz-content-sha256) and compares; before the last block goes out
 * it is compared here, too, so that no server ever takes a damaged blob.
 */
#include "base/base.h"

struct error;
struct target;

#define UPLOAD_PRESENT 1	/* the object is there, with this digest */

struct upload {
	const struct target *target;	/* an s3 address */
	int fd;				/* the blob; read by pread */
	uint64_t size;
	const char *sha256;
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;
};

/* EBADMSG: the blob is damaged (expected and got are named); EACCES: not
 * allowed; EINVAL: no s3 address. */
int upload_run(const struct upload *u, struct error *e);
