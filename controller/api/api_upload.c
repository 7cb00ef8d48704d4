/*
 * api_upload.c - the blob of a slug comes in.
 *
 * It goes straight into the slug store while it comes: what the disk has not
 * taken the client may not send. Then a job reads it as the host will, and
 * another puts it where it is for good; only then the state names it, and the
 * client hears 200.
 */
#include "base/error.h"
#include "base/job.h"
#include "base/log.h"
#include "controller/api/api_handlers.h"
#include "controller/api/api_slugs.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"
#include "controller/slug/slug_storage.h"
#include "controller/slug/slugs.h"
#include "slugstore/store.h"

#include <stdio.h>

#define UPLOADS_MAX 16
#define CHECK_TIMEOUT_USEC (300 * USEC_PER_SEC)

struct upload {
	struct controller *c;
	struct http_request *req;
	struct store_import *import;
	struct slug_hold *hold;
	struct job *job;
	struct slug_order *order;
	char slug[UUID_TEXT_MAX];
	char sha256[SHA256_HEX_MAX];
	uint64_t size;
	struct error error;
	int r;				/* what became of the import */
};

/* Leaves no blob behind that no slug names: the hold does that. */
static struct upload *upload_free(struct upload *u)
{
	if (!u)
		return NULL;
	u->c->uploads--;
	slug_order_free(u->order);
	job_free(u->job);
	store_import_free(u->import);
	slug_hold_free(u->hold);
	free(u);
	return NULL;
}

static void upload_end(struct upload *u, int r, const struct error *e)
{
	struct http_request *req = u->req;

	http_request_on_gone(req, NULL, NULL);
	upload_free(u);
	if (r != 0)
		api_refuse(req, r, e);
	else
		http_reply_json(req, 200, json_object());
}

static void on_upload_gone(struct http_request *req, void *userdata)
{
	upload_free(userdata);
}

/* ---- the head ---- */

static int upload_too_large(struct error *e)
{
	return outcome_set(e, OUTCOME_TOO_LARGE, "The slug is larger than %llu MB.",
			   SLUGS_BYTES_MAX >> 20);
}

/* The failures of an import that are not ours. */
static int upload_outcome(struct upload *u, int r, struct error *e)
{
	struct error why = *e;

	if (r == -EFBIG)
		return upload_too_large(e);
	if (r == -EINVAL)
		return outcome_set(e, OUTCOME_INVALID, "The slug is empty.");
	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	log_err("upload of slug %s: %s", u->slug, why.msg);
	return outcome_set(e, OUTCOME_NO_SPACE,
			   "There is no room for the slug: %.400s.", why.msg);
}

/* A length that is told is refused before anything is sent. */
static int upload_reserve(struct upload *u, struct error *e)
{
	const char *text = http_request_header(u->req, "Content-Length");
	uint64_t size = text ? strtoull(text, NULL, 10) : 0;

	if (size > SLUGS_BYTES_MAX)
		return upload_too_large(e);
	return size ? store_import_reserve(u->import, size, e) : 0;
}

static int on_upload_data(struct http_request *req, const void *data, size_t n,
			  void *userdata)
{
	struct upload *u = userdata;

	u->r = store_import_write(u->import, data, n, &u->error);
	if (u->r < 0)		/* the rest is not kept, what came neither */
		u->import = store_import_free(u->import);
	return u->r;
}

static int upload_may_begin(struct controller *c, struct http_request *req,
			    struct doc *ret, struct error *e)
{
	int r = api_slugs_capability(c, req, "put", ret, e);

	if (r != 0)
		return r;
	if (json_str(ret->j, "sha256"))
		return outcome_set(e, OUTCOME_CONFLICT,
				   "This slug has been uploaded already.");
	if (c->uploads >= UPLOADS_MAX)
		return outcome_set(e, OUTCOME_UNAVAILABLE,
				   "Too many uploads at the same time. Try again.");
	return 0;
}

static int upload_begin(struct controller *c, struct http_request *req,
			struct error *e)
{
	auto_doc slug = DOC_INIT;
	struct upload *u;
	int r = upload_may_begin(c, req, &slug, e);

	if (r != 0)
		return r;
	u = xcalloc(1, sizeof(*u));
	c->uploads++;
	u->c = c;
	u->req = req;
	snprintf(u->slug, sizeof(u->slug), "%s", json_str(slug.j, "id"));
	r = store_import_begin(c->engine->slugs, SLUGS_BYTES_MAX, &u->import, e);
	if (r == 0)
		r = upload_reserve(u, e);
	if (r < 0)
		r = upload_outcome(u, r, e);
	if (r != 0) {
		upload_free(u);
		return r;
	}
	http_request_set_userdata(req, u);
	http_request_on_gone(req, on_upload_gone, u);
	http_request_stream_body(req, on_upload_data, u);
	return 0;
}

void api_upload_head(struct http_request *req, void *userdata)
{
	struct error e;
	int r = upload_begin(userdata, req, &e);

	if (r != 0)
		api_refuse(req, r, &e);
}

/* ---- the end, backwards ---- */

static void upload_name(struct upload *u)
{
	struct error e;
	int r = slugs_uploaded(u->c->engine, u->slug, u->sha256, u->size, &e);

	upload_end(u, r, &e);
}

static void on_upload_stored(int r, const struct error *why, void *userdata)
{
	struct upload *u = userdata;
	struct error e;

	u->order = NULL;
	if (r == 0) {
		upload_name(u);
		return;
	}
	r = outcome_set(&e, OUTCOME_UNAVAILABLE, "The slug cannot be put into "
			"the object storage now. Try again.");
	upload_end(u, r, &e);
}

static void upload_store(struct upload *u)
{
	struct error e;
	int r = slug_storage_put(u->c->engine->storage, u->sha256, &u->order,
				 on_upload_stored, u, &e);

	if (r != 0)
		upload_end(u, r, &e);
	else if (!u->order)
		upload_name(u);
}

static void on_upload_checked(struct job *job, const struct job_result *res,
			      void *userdata)
{
	struct upload *u = userdata;
	const char *message = str_after(res->message, "dyno-slug: ");
	struct error e;
	int r;

	if (res->status == 0) {
		upload_store(u);
		return;
	}
	r = outcome_set(&e, OUTCOME_INVALID, "This is not a good slug: %.350s.",
			message ? message : res->message);
	upload_end(u, r, &e);
}

static int upload_check(struct upload *u, struct error *e)
{
	auto_free char *program = process_sibling("dyno-slug");
	auto_free char *file = xasprintf("%s/blobs/%s", u->c->slugs_dir,
					 u->sha256);
	char verb[] = "check", name[] = "dyno-slug";
	char *argv[] = { name, verb, file, NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;

	spec.path = program;
	spec.argv = argv;
	return job_new(&u->job, u->c->event, &spec, CHECK_TIMEOUT_USEC,
		       on_upload_checked, u, e);
}

static int upload_import(struct upload *u, struct error *e)
{
	auto_doc slug = DOC_INIT;
	int r = u->r;

	if (r < 0)
		*e = u->error;
	else
		r = store_import_finish(u->import, NULL, u->sha256, &u->size, e);
	if (r < 0)
		return upload_outcome(u, r, e);
	r = slug_hold_new(&u->hold, u->c->engine->storage, u->sha256, e);
	if (r == 0)
		r = slugs_find(u->c->engine, NULL, u->slug, &slug, e);
	if (r == 0)
		r = slugs_check_digest(slug.j, u->sha256, e);
	if (r == 0)
		r = upload_check(u, e);
	return r;
}

void api_upload(struct http_request *req, void *userdata)
{
	struct upload *u = http_request_userdata(req);
	struct error e;
	int r = upload_import(u, &e);

	if (r != 0)
		upload_end(u, r, &e);
}
