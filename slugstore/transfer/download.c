/*
 * download.c - the loop of requests, and what each answer means.
 */
#include "base/clock.h"
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/store.h"
#include "slugstore/transfer/download.h"
#include "slugstore/transfer/request.h"
#include "slugstore/transfer/retry.h"
#include "slugstore/transfer/source.h"
#include "slugstore/transfer/target.h"

#include <inttypes.h>
#include <stdio.h>

#define DOWNLOAD_OVERS_MAX 3	/* begins from the first byte, at most */

enum download_step {
	DOWNLOAD_FAILED,	/* download.error says why */
	DOWNLOAD_DONE,
	DOWNLOAD_ABSENT,
	DOWNLOAD_AGAIN,		/* after a pause, from where we are */
	DOWNLOAD_OVER,		/* at once, from the first byte */
};

struct download {
	const struct target *target;
	struct store_import *import;
	const struct source_watch *watch;
	struct error *error;
	struct retry retry;
	unsigned overs;
	bool pieced;
	uint64_t best;		/* bytes that we had at most */
	uint64_t total;		/* 0: not known */

	/* of the request that runs */
	bool begun;		/* its body belongs into the import */
	enum download_step stop;	/* why on_download_body ended it */
	uint64_t after_sec;
};

/* ---- the body ---- */

/* An answer 206: DOWNLOAD_DONE if it goes on where we are. */
static enum download_step download_fits(struct download *d,
					const struct reply *reply)
{
	const char *from = store_import_from(d->import);
	bool is_etag = from && *from == '"';

	if (!reply->has_range || reply->first != store_import_size(d->import))
		return DOWNLOAD_OVER;
	/* Some know Range and not If-Range: see for ourselves. */
	if (is_etag && *reply->etag && !str_eq(reply->etag, from))
		return DOWNLOAD_OVER;
	if (reply->has_total && d->total && reply->total != d->total)
		return DOWNLOAD_OVER;
	if (reply->has_total)
		d->total = reply->total;
	if (reply->first)
		d->pieced = true;
	else if (store_import_set_from(d->import, reply_validator(reply),
				       d->error) < 0)
		return DOWNLOAD_FAILED;
	return DOWNLOAD_DONE;
}

/* An answer 200: all bytes, from the first. */
static enum download_step download_whole(struct download *d,
					 const struct reply *reply)
{
	if (store_import_size(d->import) &&
	    store_import_restart(d->import, d->error) < 0)
		return DOWNLOAD_FAILED;
	d->pieced = false;
	d->total = reply->has_length ? reply->length : 0;
	if (store_import_set_from(d->import, reply_validator(reply),
				  d->error) < 0)
		return DOWNLOAD_FAILED;
	return DOWNLOAD_DONE;
}

/* DOWNLOAD_DONE: the body may come. */
static enum download_step download_begin(struct download *d,
					 const struct reply *reply)
{
	enum download_step step;

	if (!reply_is_plain(reply)) {
		error_set(d->error, EPROTO, "the server sends the slug encoded"
			  " (\"%.40s\"), which nobody asked for",
			  reply->encoding);
		return DOWNLOAD_FAILED;
	}
	step = reply->status == 206 ? download_fits(d, reply)
				    : download_whole(d, reply);
	if (step == DOWNLOAD_DONE && d->total &&
	    store_import_reserve(d->import, d->total, d->error) < 0)
		step = DOWNLOAD_FAILED;
	d->begun = step == DOWNLOAD_DONE;
	return step;
}

static bool on_download_body(struct request *r, const void *data, size_t n)
{
	struct download *d = r->userdata;

	d->stop = d->begun ? DOWNLOAD_DONE : download_begin(d, &r->reply);
	if (d->stop != DOWNLOAD_DONE)
		return false;
	if (store_import_write(d->import, data, n, d->error) < 0) {
		d->stop = DOWNLOAD_FAILED;
		return false;
	}
	if (d->watch->on_progress)
		d->watch->on_progress(store_import_size(d->import), d->total,
				      d->watch->userdata);
	return true;
}

/* ---- one request ---- */

static void download_ask(struct download *d, struct request *r)
{
	uint64_t have = store_import_size(d->import);
	char range[32];

	r->on_body = on_download_body;
	r->userdata = d;
	/* A signature covers the headers, and a proxy may change this one. */
	if (!d->target->secret)
		strv_add(&r->headers, "Accept-Encoding: identity");
	if (!have)
		return;
	snprintf(range, sizeof(range), "%" PRIu64 "-", have);
	curl_easy_setopt(r->curl, CURLOPT_RANGE, range);
	strv_addf(&r->headers, "If-Range: %s", store_import_from(d->import));
}

static enum download_step download_refused(struct download *d,
					   const struct request *r)
{
	uint64_t have = store_import_size(d->import);

	request_refused(r, d->error);
	if (request_is_retryable(r))
		return DOWNLOAD_AGAIN;
	if (r->reply.status == 416 && have) {
		/* Behind the last byte: then we have them all. */
		d->pieced = true;
		return request_total(r) == have ? DOWNLOAD_DONE : DOWNLOAD_OVER;
	}
	return request_is_absent(r) ? DOWNLOAD_ABSENT : DOWNLOAD_FAILED;
}

/* There is an answer, and all of its body. */
static enum download_step download_answered(struct download *d,
					    const struct request *r)
{
	uint64_t have;

	if (r->reply.status != 200 && r->reply.status != 206)
		return download_refused(d, r);
	if (!d->begun) {		/* it had no body */
		enum download_step step = download_begin(d, &r->reply);

		if (step != DOWNLOAD_DONE)
			return step;
	}
	have = store_import_size(d->import);
	if (!d->total || have == d->total)
		return DOWNLOAD_DONE;
	error_set(d->error, EPROTO, "the server sends %" PRIu64 " of %" PRIu64
		  " bytes", have, d->total);
	return have < d->total ? DOWNLOAD_AGAIN : DOWNLOAD_FAILED;
}

static enum download_step download_once(struct download *d)
{
	auto_(request_deinit) struct request r = REQUEST_INIT;
	int x = request_init(&r, d->target, d->retry.deadline_usec,
			     REQUEST_EMPTY_SHA256, d->error);

	d->begun = false;
	if (x == 0) {
		download_ask(d, &r);
		x = request_perform(&r, d->error);
	}
	d->after_sec = r.retry_after_sec;
	if (x < 0)
		return DOWNLOAD_FAILED;
	if (x == REQUEST_STOPPED)
		return d->stop;
	if (x == 0)
		return download_answered(d, &r);
	error_set(d->error, EIO, "%s", r.text);
	return DOWNLOAD_AGAIN;
}

/* ---- all of them ---- */

/* True: go on. */
static bool download_next(struct download *d, enum download_step step)
{
	uint64_t have = store_import_size(d->import);
	bool progress = have > d->best;

	if (step == DOWNLOAD_OVER) {
		if (++d->overs > DOWNLOAD_OVERS_MAX) {
			error_set(d->error, EPROTO, "the server's ranges make no"
				  " sense");
			return false;
		}
		d->pieced = false;
		d->total = 0;
		return store_import_restart(d->import, d->error) == 0;
	}
	if (progress)
		d->best = have;
	if (step != DOWNLOAD_AGAIN ||
	    !retry_wait(&d->retry, progress, d->after_sec))
		return false;
	/* What cannot be continued is of no use. */
	return !have || store_import_from(d->import) ||
	       store_import_restart(d->import, d->error) == 0;
}

int download_run(const struct target *t, struct store_import *imp,
		 const struct source_watch *watch, struct error *e)
{
	struct error own;
	struct download d = {
		.target = t, .import = imp, .watch = watch,
		.error = e ? e : &own,
		.best = store_import_size(imp),
		.retry = {
			.allowed = t->conf->retries,
			.deadline_usec = clock_mono_usec() +
					 t->conf->total_sec * USEC_PER_SEC,
		},
	};
	enum download_step step;

	do
		step = download_once(&d);
	while (step != DOWNLOAD_DONE && step != DOWNLOAD_ABSENT &&
	       download_next(&d, step));
	if (step == DOWNLOAD_ABSENT)
		return SOURCE_ABSENT;
	if (step == DOWNLOAD_DONE)
		return d.pieced ? SOURCE_PIECED : 0;
	if (d.retry.tries > 1)
		error_prefix(d.error, -d.error->code, "after %" PRIu64 " tries",
			     d.retry.tries);
	return -d.error->code;
}
