/*
 * packed_body.c - gzip or nothing.
 */
#include "base/buf.h"
#include "base/error.h"
#include "controller/api/packed_body.h"
#include "controller/model/outcome.h"
#include "http/gzip.h"
#include "http/server.h"

int packed_body(struct http_request *req, size_t max, struct buf *plain,
		const char **ret, size_t *ret_n, struct error *e)
{
	const char *encoding = http_request_header(req, "Content-Encoding");
	struct error why;
	int r;

	*ret = http_request_body(req, ret_n);
	if (!encoding || str_eq(encoding, "identity"))
		return 0;
	if (!str_eq(encoding, "gzip"))
		return outcome_set(e, OUTCOME_BAD_ENCODING,
				   "Only gzip is taken as Content-Encoding.");
	r = gzip_unpack(*ret, *ret_n, max, plain, &why);
	if (r < 0)
		return outcome_set(e, r == -EFBIG ? OUTCOME_TOO_LARGE :
				   OUTCOME_BAD_REQUEST,
				   "The body cannot be unpacked: %.300s.", why.msg);
	*ret = buf_str(plain);
	*ret_n = plain->len;
	return 0;
}
