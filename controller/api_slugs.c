/*
 * api_slugs.c - describe a slug, put its blob, get it back.
 *
 * An upload goes straight into the slug store while it comes. Then a job reads
 * it as the host will; only a slug that can be unpacked is answered with 200.
 */
#include "base/error.h"
#include "base/job.h"
#include "base/log.h"
#include "controller/api_handlers.h"
#include "controller/engine.h"
#include "controller/outcome.h"
#include "controller/secrets.h"
#include "controller/slugs.h"
#include "slugstore/store.h"

#define UPLOAD_URL_SEC 3600
#define UPLOADS_MAX 16
#define CHECK_TIMEOUT_USEC (300 * USEC_PER_SEC)

struct upload {
	struct controller *c;
	struct http_request *req;
	struct store_import *import;
	struct job *job;
	char slug[UUID_TEXT_MAX];
	char sha256[SHA256_HEX_MAX];
	uint64_t size;
	struct error error;
	int r;				/* what became of the import */
};

static struct upload *upload_free(struct upload *u)
{
	if (!u)
		return NULL;
	u->c->uploads--;
	job_free(u->job);
	store_import_free(u->import);
	free(u);
	return NULL;
}

/* ---- the description ---- */

static char *slug_url(struct api_call *call, const json_t *slug,
		      const char *method)
{
	auto_free char *path = xasprintf("/slug-blobs/%s", json_str(slug, "id"));
	auto_free char *params = xasprintf("method=%s", method);
	auto_free char *target = secrets_sign(call->c->secrets, path, params,
					      api_now() + UPLOAD_URL_SEC);

	return xasprintf("%s%s", call->base, target);
}

static void slug_reply(struct api_call *call, const json_t *slug,
		       const char *method)
{
	auto_free char *url = slug_url(call, slug, method);

	call->reply = views_slug(&call->views, slug, method, url);
}

static int slug_create_call(struct api_call *call, struct error *e)
{
	auto_json *slug = NULL;
	int r = slugs_create(call->c->engine, call->app.j, call->body, &slug, e);

	if (r != 0)
		return r;
	slug_reply(call, slug, "put");
	call->status = 201;
	return 0;
}

/* Any app may look at a slug that one of its releases may use. */
static int slug_get_call(struct api_call *call, struct error *e)
{
	auto_doc slug = DOC_INIT;
	int r = slugs_find(call->c->engine, NULL,
			   http_request_param(call->req, "slug"), &slug, e);

	if (r == 0)
		slug_reply(call, slug.j, "get");
	return r;
}

API_HANDLER(api_slugs_create, slug_create_call, API_APP | API_BODY)
API_HANDLER(api_slugs_get, slug_get_call, API_APP)

/* ---- the upload ---- */

static int slug_capability(struct controller *c, struct http_request *req,
			   const char *method, struct error *e)
{
	auto_free char *params = xasprintf("method=%s", method);

	if (!secrets_check(c->secrets, http_request_path(req), params,
			   http_request_query(req, "expires"),
			   http_request_query(req, "signature"), api_now()))
		return outcome_set(e, OUTCOME_FORBIDDEN,
				   "This URL is not valid, or no longer.");
	return 0;
}

static int on_upload_data(struct http_request *req, const void *data, size_t n,
			  void *userdata)
{
	struct upload *u = userdata;

	if (u->r == 0)
		u->r = store_import_write(u->import, data, n, &u->error);
	return u->r;
}

static void on_upload_gone(struct http_request *req, void *userdata)
{
	struct upload *u = userdata;
	struct engine *g = u->c->engine;
	auto_free char *sha256 = *u->sha256 ? xstrdup(u->sha256) : NULL;
	struct error e;

	upload_free(u);
	if (sha256 && slugs_drop_blob(g, sha256, &e) < 0)
		log_warn("remove slug %s: %s, ignoring", sha256, e.msg);
}

static int upload_begin(struct controller *c, struct http_request *req,
			struct error *e)
{
	auto_doc slug = DOC_INIT;
	struct upload *u;
	int r = slug_capability(c, req, "put", e);

	if (r == 0)
		r = slugs_find(c->engine, NULL, http_request_param(req, "slug"),
			       &slug, e);
	if (r != 0)
		return r;
	if (json_str(slug.j, "sha256"))
		return outcome_set(e, OUTCOME_CONFLICT,
				   "This slug has been uploaded already.");
	if (c->uploads >= UPLOADS_MAX)
		return outcome_set(e, OUTCOME_UNAVAILABLE,
				   "Too many uploads at the same time. Try again.");
	u = xcalloc(1, sizeof(*u));
	c->uploads++;
	u->c = c;
	u->req = req;
	memcpy(u->slug, json_str(slug.j, "id"), UUID_TEXT_MAX);
	r = store_import_begin(c->engine->slugs, SLUGS_BYTES_MAX, &u->import, e);
	if (r < 0) {
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

/* Answer, and leave no blob behind that no slug has. */
static void upload_end(struct upload *u, int r, struct error *e)
{
	struct http_request *req = u->req;
	struct engine *g = u->c->engine;
	struct error late;

	if (r != 0 && *u->sha256 && slugs_drop_blob(g, u->sha256, &late) < 0)
		log_warn("remove slug %s: %s, ignoring", u->sha256, late.msg);
	http_request_on_gone(req, NULL, NULL);
	upload_free(u);
	if (r != 0)
		api_refuse(req, r, e);
	else
		http_reply_json(req, 200, json_object());
}

static void on_upload_checked(struct job *job, const struct job_result *res,
			      void *userdata)
{
	struct upload *u = userdata;
	const char *message = str_after(res->message, "dyno-slug: ");
	struct error e;
	int r;

	if (res->status == 0)
		r = slugs_uploaded(u->c->engine, u->slug, u->sha256, u->size, &e);
	else
		r = outcome_set(&e, OUTCOME_INVALID, "This is not a good slug: "
				"%.350s.", message ? message : res->message);
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
	int r;

	if (u->r == -EFBIG)		/* the one failure that is the user's */
		return outcome_set(e, OUTCOME_TOO_LARGE, "The slug is larger "
				   "than %llu MB.", SLUGS_BYTES_MAX >> 20);
	if (u->r < 0)
		return error_set(e, u->error.code, "%s", u->error.msg);
	r = store_import_finish(u->import, NULL, u->sha256, &u->size, e);
	if (r == -EINVAL)
		return outcome_set(e, OUTCOME_INVALID, "The slug is empty.");
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

/* ---- the download ---- */

static int download_open(struct controller *c, struct http_request *req,
			 char ret_sha256[SHA256_HEX_MAX], int *ret_fd,
			 uint64_t *ret_size, struct error *e)
{
	auto_doc slug = DOC_INIT;
	const char *sha256;
	int r = slug_capability(c, req, "get", e);

	if (r == 0)
		r = slugs_find(c->engine, NULL, http_request_param(req, "slug"),
			       &slug, e);
	if (r != 0)
		return r;
	sha256 = json_str(slug.j, "sha256");
	r = sha256 ? store_open_blob(c->engine->slugs, sha256, ret_fd, ret_size,
				     e)
		   : STORE_ABSENT;
	if (r == STORE_ABSENT)
		return outcome_set(e, OUTCOME_NO_SLUG,
				   "The slug has not been uploaded yet.");
	if (r == 0)
		memcpy(ret_sha256, sha256, SHA256_HEX_MAX);
	return r;
}

void api_download(struct http_request *req, void *userdata)
{
	char sha256[SHA256_HEX_MAX];
	struct error e;
	uint64_t size;
	int fd, r = download_open(userdata, req, sha256, &fd, &size, &e);

	if (r != 0)
		api_refuse(req, r, &e);
	else
		http_reply_file(req, "application/octet-stream", sha256, fd,
				size);
}
