/*
 * erase.c - DELETE, until there is an answer. Twice is as good as once.
 */
#include "base/clock.h"
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/transfer/erase.h"
#include "slugstore/transfer/request.h"
#include "slugstore/transfer/retry.h"
#include "slugstore/transfer/target.h"

/* 0, ERASE_ABSENT, or < 0; *again: it may help to try again. */
static int erase_once(const struct target *t, struct retry *retry, bool *again,
		      uint64_t *ret_after_sec, struct error *e)
{
	auto_(request_deinit) struct request r = REQUEST_INIT;
	int x = request_init(&r, t, retry->deadline_usec, REQUEST_EMPTY_SHA256, e);

	if (x < 0)
		return x;
	curl_easy_setopt(r.curl, CURLOPT_CUSTOMREQUEST, "DELETE");
	x = request_perform(&r, e);
	*ret_after_sec = r.retry_after_sec;
	*again = x == REQUEST_BROKEN;
	if (x == REQUEST_BROKEN)
		return error_set(e, EIO, "%s", r.text);
	if (x != 0)
		return x;
	if (r.reply.status / 100 == 2)
		return 0;
	if (request_is_absent(&r))
		return ERASE_ABSENT;
	*again = request_is_retryable(&r);
	return request_refused(&r, e);
}

int erase_run(const struct target *t, struct error *e)
{
	struct retry retry = {
		.allowed = t->conf->retries,
		.deadline_usec = clock_mono_usec() +
				 t->conf->total_sec * USEC_PER_SEC,
	};
	uint64_t after_sec = 0;
	bool again;
	int r;

	if (!t->secret)
		return error_set(e, EINVAL, "expected s3://BUCKET/KEY");
	do {
		again = false;
		r = erase_once(t, &retry, &again, &after_sec, e);
	} while (again && retry_wait(&retry, false, after_sec));
	return error_prefix(e, r, "remove %s", t->name);
}
