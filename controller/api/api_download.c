/*
 * api_download.c - a blob, from the store or through it.
 *
 * What is not in the store but in the object storage is fetched by a job; all
 * who want it meanwhile wait for the same job, and not for long: a client that
 * hears nothing gives up, so it is told when to come again.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/api/api_download.h"
#include "controller/api/api_handlers.h"
#include "controller/api/api_slugs.h"
#include "controller/engine.h"
#include "controller/model/outcome.h"
#include "controller/slug/slug_storage.h"
#include "slugstore/store.h"

/* dyno-slug gives up a connection after 30 s of silence. */
#define DOWNLOAD_WAIT_USEC (20 * USEC_PER_SEC)

struct download {
	struct controller *c;
	struct http_request *req;
	struct slug_order *order;
	sd_event_source *timer;
	char sha256[SHA256_HEX_MAX];
};

static void download_free(struct download *d)
{
	http_request_on_gone(d->req, NULL, NULL);
	slug_order_free(d->order);
	loop_unref(d->timer);
	free(d);
}

/* Answers from the store; false: it is not there. */
static bool download_here(struct controller *c, struct http_request *req,
			  const char *sha256)
{
	struct error e;
	uint64_t size;
	int fd, r = store_open_blob(c->engine->slugs, sha256, &fd, &size, &e);

	if (r == STORE_ABSENT)
		return false;
	if (r < 0)
		api_refuse(req, r, &e);
	else
		http_reply_file(req, "application/octet-stream", sha256, fd,
				size);
	return true;
}

static void download_refuse(struct http_request *req, enum outcome o,
			    const char *text)
{
	struct error e;

	api_refuse(req, outcome_set(&e, o, "%s", text), &e);
}

static void download_absent(struct http_request *req, const char *sha256)
{
	struct error e;

	api_refuse(req, outcome_set(&e, OUTCOME_NO_SLUG, "Couldn't find that slug "
				    "(%.64s).", sha256), &e);
}

static void on_download_gone(struct http_request *req, void *userdata)
{
	download_free(userdata);
}

static int on_download_timeout(sd_event_source *src, uint64_t usec,
			       void *userdata)
{
	struct download *d = userdata;
	struct http_request *req = d->req;

	download_free(d);
	download_refuse(req, OUTCOME_UNAVAILABLE, "The slug is still on its way "
			"from the object storage. Try again.");
	return 0;
}

static void on_download_fetched(int r, const struct error *why, void *userdata)
{
	struct download *d = userdata;
	struct controller *c = d->c;
	struct http_request *req = d->req;
	char sha256[SHA256_HEX_MAX];

	d->order = NULL;
	memcpy(sha256, d->sha256, sizeof(sha256));
	download_free(d);
	if (r == STORAGE_ABSENT)
		download_refuse(req, OUTCOME_NO_SLUG, "The slug is missing in "
				"the object storage.");
	else if (r < 0)
		download_refuse(req, OUTCOME_UNAVAILABLE, "The slug cannot be "
				"had from the object storage now. Try again.");
	else if (!download_here(c, req, sha256))
		download_refuse(req, OUTCOME_UNAVAILABLE, "The slug came and "
				"went. Try again.");
}

static void download_wait(struct controller *c, struct http_request *req,
			  const char *sha256)
{
	struct download *d = xcalloc(1, sizeof(*d));
	struct error e;
	int r;

	d->c = c;
	d->req = req;
	memcpy(d->sha256, sha256, sizeof(d->sha256));
	r = slug_storage_fetch(c->engine->storage, sha256, &d->order,
			       on_download_fetched, d, &e);
	if (r == 0)
		r = loop_timer(c->event, &d->timer, DOWNLOAD_WAIT_USEC,
			       on_download_timeout, d, "slug download", &e);
	if (r == 0) {
		http_request_on_gone(req, on_download_gone, d);
		return;
	}
	download_free(d);
	if (r == STATE_ABSENT)
		download_absent(req, sha256);
	else
		api_refuse(req, r, &e);
}

void api_download_blob(struct controller *c, struct http_request *req,
		       const char *sha256)
{
	if (!id_is_sha256(sha256))
		download_absent(req, sha256);
	else if (!download_here(c, req, sha256))
		download_wait(c, req, sha256);
}

void api_download(struct http_request *req, void *userdata)
{
	auto_doc slug = DOC_INIT;
	struct error e;
	int r = api_slugs_capability(userdata, req, "get", &slug, &e);
	const char *sha256 = r == 0 ? json_str(slug.j, "sha256") : NULL;

	if (r == 0 && !sha256)
		r = outcome_set(&e, OUTCOME_NO_SLUG,
				"The slug has not been uploaded yet.");
	if (r != 0)
		api_refuse(req, r, &e);
	else
		api_download_blob(userdata, req, sha256);
}
