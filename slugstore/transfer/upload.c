/*
 * upload.c - HEAD to see whether it is there, PUT.
 */
#include "base/clock.h"
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/digest.h"
#include "slugstore/transfer/request.h"
#include "slugstore/transfer/retry.h"
#include "slugstore/transfer/target.h"
#include "slugstore/transfer/upload.h"

struct upload_run {
	const struct upload *upload;
	struct error *error;
	struct digest *digest;
	uint64_t done;
	bool failed;		/* *error says why */
};

static size_t upload_fail(struct upload_run *u)
{
	u->failed = true;
	return CURL_READFUNC_ABORT;
}

static size_t on_upload_read(char *out, size_t size, size_t n, void *userdata)
{
	struct upload_run *u = userdata;
	const struct upload *what = u->upload;
	char found[SHA256_HEX_MAX];
	ssize_t got;

	n *= size;
	if (n > what->size - u->done)
		n = (size_t)(what->size - u->done);
	if (n == 0)
		return 0;
	do
		got = pread(what->fd, out, n, (off_t)u->done);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		if (got < 0)
			error_sys(u->error, "read the blob %s", what->sha256);
		else
			error_set(u->error, EIO, "the blob %s has shrunk",
				  what->sha256);
		return upload_fail(u);
	}
	digest_add(u->digest, out, (size_t)got);
	u->done += (uint64_t)got;
	if (u->done == what->size &&
	    !str_eq(digest_hex(u->digest, found), what->sha256)) {
		error_set(u->error, EBADMSG, "the blob is damaged: expected %s,"
			  " got %s", what->sha256, found);
		return upload_fail(u);
	}
	return (size_t)got;
}

/* libcurl begins anew on a connection that died while it was idle. */
static int on_upload_seek(void *userdata, curl_off_t offset, int origin)
{
	struct upload_run *u = userdata;
	char unused[SHA256_HEX_MAX];

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	digest_hex(u->digest, unused);
	u->done = 0;
	return CURL_SEEKFUNC_OK;
}

static void on_upload_sent(uint64_t sent, uint64_t total, void *userdata)
{
	const struct upload *what = ((struct upload_run *)userdata)->upload;

	if (what->on_progress && sent)
		what->on_progress(sent, what->size, what->userdata);
}

static void upload_prepare_put(struct upload_run *u, struct request *r)
{
	CURL *c = r->curl;

	r->on_sent = on_upload_sent;
	r->userdata = u;
	strv_addf(&r->headers, "x-amz-meta-sha256: %s", u->upload->sha256);
	/* No "Expect:" here: libcurl 7.88 would sign it and not send it. */
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE,
			 (curl_off_t)u->upload->size);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload_read);
	curl_easy_setopt(c, CURLOPT_READDATA, u);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_upload_seek);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, u);
}

/* 0, REQUEST_BROKEN, or < 0; r->reply is the answer. */
static int upload_request(struct upload_run *u, struct request *r, bool put,
			  uint64_t deadline_usec)
{
	const struct upload *what = u->upload;
	struct error e;
	int x = request_init(r, what->target, deadline_usec,
			     put ? what->sha256 : REQUEST_EMPTY_SHA256, u->error);

	if (x < 0)
		return x;
	on_upload_seek(u, 0, SEEK_SET);
	if (put)
		upload_prepare_put(u, r);
	else
		curl_easy_setopt(r->curl, CURLOPT_NOBODY, 1L);
	x = request_perform(r, &e);
	if (u->failed)
		return -u->error->code;
	if (x < 0)
		*u->error = e;
	return x;
}

/* Whatever else the answer is, a PUT will tell why. */
static bool upload_is_there(struct upload_run *u, uint64_t deadline_usec)
{
	auto_(request_deinit) struct request r = REQUEST_INIT;

	return upload_request(u, &r, false, deadline_usec) == 0 &&
	       r.reply.status == 200 && r.reply.has_length &&
	       r.reply.length == u->upload->size &&
	       str_eq(r.reply.sha256, u->upload->sha256);
}

/* 0 done, > 0 it may help to try again (*u->error says why), < 0 failed. */
static int upload_once(struct upload_run *u, struct retry *retry,
		       uint64_t *ret_after_sec)
{
	auto_(request_deinit) struct request r = REQUEST_INIT;
	int x = upload_request(u, &r, true, retry->deadline_usec);

	*ret_after_sec = r.retry_after_sec;
	if (x == REQUEST_BROKEN)
		error_set(u->error, EIO, "%s", r.text);
	if (x != 0)
		return x;
	if (r.reply.status == 200)
		return 0;
	x = request_refused(&r, u->error);
	return request_is_retryable(&r) ? REQUEST_BROKEN : x;
}

int upload_run(const struct upload *what, struct error *e)
{
	auto_(digest_free_p) struct digest *digest = NULL;
	const struct slugs_conf *conf = what->target->conf;
	struct error own;
	struct upload_run u = { .upload = what, .error = e ? e : &own };
	struct retry retry = {
		.allowed = conf->retries,
		.deadline_usec = clock_mono_usec() +
				 conf->total_sec * USEC_PER_SEC,
	};
	uint64_t after_sec;
	int r;

	if (!what->target->secret)
		return error_set(u.error, EINVAL, "expected s3://BUCKET/KEY");
	r = digest_new(&digest, u.error);
	if (r < 0)
		return r;
	u.digest = digest;
	if (upload_is_there(&u, retry.deadline_usec))
		return UPLOAD_PRESENT;
	do
		r = upload_once(&u, &retry, &after_sec);
	while (r > 0 && retry_wait(&retry, false, after_sec));
	if (r > 0)
		r = error_prefix(u.error, -u.error->code, "after %d tries",
				 (int)retry.tries);
	return error_prefix(u.error, r, "put %s", what->target->name);
}
