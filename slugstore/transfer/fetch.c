/*
 * fetch.c - one libcurl transfer whose body goes straight into an import.
 */
#include "base/error.h"
#include "base/strv.h"
#include "slugstore/transfer/fetch.h"
#include "slugstore/dyno-slug/progress.h"
#include "slugstore/store.h"

#include <curl/curl.h>
#include <inttypes.h>

#define FETCH_REDIRECTS_MAX 5L
#define FETCH_CONNECT_SEC 10L
#define FETCH_STALL_BYTES_PER_SEC 1024L
#define FETCH_STALL_SEC 30L
#define FETCH_TOTAL_SEC 1200L

struct fetch_run {
	CURL *curl;
	struct curl_slist *headers;
	struct store_import *import;
	struct progress progress;
	struct error *error;
	int failed;		/* < 0: the import has failed, *error says how */
	char text[CURL_ERROR_SIZE];
};

static void fetch_deinit(struct fetch_run *f)
{
	curl_slist_free_all(f->headers);
	if (f->curl)
		curl_easy_cleanup(f->curl);
	store_import_free(f->import);
}

static size_t on_fetch_body(char *data, size_t size, size_t n, void *userdata)
{
	struct fetch_run *f = userdata;
	long status = 0;

	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return size * n;	/* an error page: not for the store */
	f->failed = store_import_write(f->import, data, size * n, f->error);
	return f->failed < 0 ? 0 : size * n;
}

static int on_fetch_progress(void *userdata, curl_off_t total, curl_off_t now,
			     curl_off_t up_total, curl_off_t up_now)
{
	struct fetch_run *f = userdata;

	progress_step((uint64_t)now, (uint64_t)total, &f->progress);
	return 0;
}

static int fetch_add_headers(struct fetch_run *f, const struct strv *headers,
			     struct error *e)
{
	for (size_t i = 0; headers && i < headers->n; i++) {
		struct curl_slist *more;

		if (!strchr(headers->v[i], ':') ||
		    strpbrk(headers->v[i], "\r\n"))
			return error_set(e, EINVAL, "header %zu is not of the"
					 " form \"Name: value\"", i + 1);
		more = curl_slist_append(f->headers, headers->v[i]);
		if (!more)
			return error_set(e, ENOMEM, "out of memory");
		f->headers = more;
	}
	return 0;
}

static void fetch_set_limits(CURL *c)
{
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, FETCH_REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, FETCH_CONNECT_SEC);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, FETCH_STALL_BYTES_PER_SEC);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, FETCH_STALL_SEC);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, FETCH_TOTAL_SEC);
	/* Refuses at once what says its length; the import counts the rest. */
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE,
			 (curl_off_t)FETCH_BYTES_MAX);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
}

static int fetch_prepare(struct fetch_run *f, const struct fetch *what,
			 struct error *e)
{
	CURL *c = f->curl = curl_easy_init();
	int r;

	if (!c)
		return error_set(e, ENOMEM, "start libcurl");
	r = fetch_add_headers(f, what->headers, e);
	if (r < 0)
		return r;
	fetch_set_limits(c);
	curl_easy_setopt(c, CURLOPT_URL, what->url);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "dyno-slug/" DYNO_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, f->headers);
	if (what->unix_socket)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, what->unix_socket);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->text);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_fetch_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_fetch_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
	return 0;
}

static int fetch_perform(struct fetch_run *f, struct error *e)
{
	CURLcode code = curl_easy_perform(f->curl);
	long status = 0;

	progress_end(&f->progress);
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (f->failed < 0)
		return f->failed;
	if (code == CURLE_FILESIZE_EXCEEDED)
		return error_set(e, EFBIG, "slug: more than %" PRIu64 " bytes",
				 (uint64_t)FETCH_BYTES_MAX);
	if (code != CURLE_OK)
		return error_set(e, EIO, "%s", f->text[0]
				 ? f->text : curl_easy_strerror(code));
	if (status == 404 || status == 410)
		return FETCH_ABSENT;
	if (status != 200)
		return error_set(e, EIO, "the server answers with status %ld",
				 status);
	return 0;
}

int fetch_run(struct store *s, const struct fetch *what,
	      char ret_sha256[SHA256_HEX_MAX], struct error *e)
{
	auto_(fetch_deinit) struct fetch_run f = {
		.error = e, .progress = PROGRESS_INIT("download"),
	};
	int r = store_import_begin(s, FETCH_BYTES_MAX, &f.import, e);

	if (r >= 0)
		r = fetch_prepare(&f, what, e);
	if (r >= 0)
		r = fetch_perform(&f, e);
	if (r == 0)
		r = store_import_finish(f.import, what->sha256, ret_sha256,
					NULL, e);
	return error_prefix(e, r, "fetch %.200s", what->url);
}
