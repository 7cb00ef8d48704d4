#pragma once

/*
 * api_download.h - answer a request with a blob.
 */
#include "base/base.h"

struct controller;
struct http_request;

/* Answers now or later: the blob (http_reply_file, its tag is the SHA-256),
 * 404, or 503 while the object storage cannot be reached or takes long. */
void api_download_blob(struct controller *c, struct http_request *req,
		       const char *sha256);
