#pragma once

/*
 * api_slugs.h - what up- and downloads of blobs share.
 */
#include "controller/controller.h"
#include "controller/state/doc.h"

struct error;
struct http_request;

/* The slug of a request whose URL was signed for this method ("get", "put").
 * OUTCOME_FORBIDDEN, OUTCOME_NO_SLUG. */
int api_slugs_capability(struct controller *c, struct http_request *req,
			 const char *method, struct doc *ret, struct error *e);
