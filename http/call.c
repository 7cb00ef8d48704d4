/*
 * call.c - what a request is in libcurl's terms, and what came of it.
 */
#include "http/call.h"
#include "http/tls_creds.h"

#include <stdio.h>
#include <strings.h>

#define CALL_CONNECT_MSEC 10000L
#define CALL_TIMEOUT_DEFAULT_USEC (60 * USEC_PER_SEC)
#define CALL_MAX_BODY_DEFAULT (16 * 1024 * 1024)
/* Of an answer nobody wants: who sends more does so to keep us busy. */
#define CALL_DROPPED_MAX (64 * 1024)

/* ---- callbacks of libcurl ---- */

static size_t on_call_body(char *data, size_t size, size_t count, void *userdata)
{
	struct http_call *call = userdata;
	size_t n = size * count;
	long status = 0;

	if (call->state == CALL_FREED)
		return 0;
	if (call->no_body) {
		call->dropped += n;
		call->enough = call->dropped > CALL_DROPPED_MAX;
		return call->enough ? 0 : n;
	}
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->on_data && status < 300) {
		call->cancelled = call->on_data(data, n, call->spec_userdata) < 0;
		return call->cancelled ? 0 : n;
	}
	if (call->answer.len + n > call->max_body) {
		call->too_long = true;
		return 0;
	}
	buf_add(&call->answer, data, n);
	return n;
}

static size_t on_call_header(char *data, size_t size, size_t count,
			     void *userdata)
{
	static const char name[] = "Request-Id:";
	struct http_call *call = userdata;
	size_t n = size * count, at = sizeof(name) - 1;

	if (n > at && strncasecmp(data, name, at) == 0) {
		while (at < n && (data[at] == ' ' || data[at] == '\t'))
			at++;
		free(call->request_id);
		call->request_id = xstrndup(data + at, n - at);
		call->request_id[strcspn(call->request_id, "\r\n")] = '\0';
	}
	return n;
}

static size_t on_call_read(char *out, size_t size, size_t count, void *userdata)
{
	struct http_call *call = userdata;
	uint64_t left = call->body_end - call->body_at;
	size_t max = size * count;
	ssize_t n;

	max = left < max ? (size_t)left : max;
	if (!max)
		return 0;
	do
		n = pread(call->body_fd, out, max, (off_t)call->body_at);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		call->body_short = true;
		return CURL_READFUNC_ABORT;
	}
	call->body_at += (uint64_t)n;
	return (size_t)n;
}

/* libcurl sends again when a kept connection turns out to be dead. */
static int on_call_seek(void *userdata, curl_off_t offset, int origin)
{
	struct http_call *call = userdata;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	call->body_at = call->body_start + (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_call_progress(void *userdata, curl_off_t dltotal, curl_off_t dlnow,
			    curl_off_t ultotal, curl_off_t ulnow)
{
	struct http_call *call = userdata;

	if (call->state != CALL_FREED && call->on_progress)
		call->on_progress((uint64_t)ulnow, (uint64_t)ultotal,
				  call->spec_userdata);
	return 0;
}

/* Here and nowhere else it is known whereto a name really leads. */
static curl_socket_t on_call_open(void *userdata, curlsocktype purpose,
				  struct curl_sockaddr *address)
{
	struct http_call *call = userdata;

	if (!call->on_address(&address->addr, call->spec_userdata)) {
		call->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		      address->protocol);
}

/* ---- making ---- */

static void call_add_header(struct http_call *call, const char *name,
			    const char *value)
{
	auto_free char *line = xasprintf("%s: %s", name, value);
	struct curl_slist *more = curl_slist_append(call->headers, line);

	assert(more);
	call->headers = more;
}

/* The token is for the base alone: a whole URL may lead to anybody. */
static void call_set_headers(struct http_call *call,
			     const struct http_call_spec *spec, bool own)
{
	const struct http_client *c = call->client;

	if (own && c->token) {
		auto_free char *bearer = xasprintf("Bearer %s", c->token);

		call_add_header(call, "Authorization", bearer);
	}
	if (spec->body || spec->body_fd > 0)
		call_add_header(call, "Content-Type",
				spec->type ? spec->type : "application/json");
	/* Worth a round trip only where a refusal saves a long upload. */
	if (spec->body_fd <= 0)
		call_add_header(call, "Expect", "");
	for (size_t i = 0; spec->headers && spec->headers[i]; i++) {
		struct curl_slist *more =
			curl_slist_append(call->headers, spec->headers[i]);

		assert(more);
		call->headers = more;
	}
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(call->easy, CURLOPT_USERAGENT, c->user_agent);
}

static void call_set_file(struct http_call *call,
			  const struct http_call_spec *spec)
{
	off_t at = lseek(spec->body_fd, 0, SEEK_CUR);

	call->body_fd = spec->body_fd;
	call->body_start = at > 0 ? (uint64_t)at : 0;
	call->body_at = call->body_start;
	call->body_end = call->body_at + spec->body_fd_len;
	curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE,
			 (curl_off_t)spec->body_fd_len);
	curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_call_read);
	curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_SEEKFUNCTION, on_call_seek);
	curl_easy_setopt(call->easy, CURLOPT_SEEKDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
}

static void call_set_method(struct http_call *call,
			    const struct http_call_spec *spec)
{
	static const char *const with_body[] = { "POST", "PUT", "PATCH" };
	bool sends = spec->body != NULL;

	for (size_t i = 0; i < ARRAY_SIZE(with_body); i++)
		sends = sends || str_eq(spec->method, with_body[i]);
	if (str_eq(spec->method, "HEAD")) {
		curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (spec->body_fd > 0) {
		call_set_file(call, spec);
	} else if (sends) {
		size_t n = spec->body ? spec->body_len : 0;

		call->body = xmemdup(spec->body ? spec->body : "", n);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)n);
	}
	curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static void call_set_limits(struct http_call *call,
			    const struct http_call_spec *spec)
{
	uint64_t usec = spec->timeout_usec ? spec->timeout_usec
					   : CALL_TIMEOUT_DEFAULT_USEC;
	uint64_t msec = usec / USEC_PER_MSEC;

	call->max_body = spec->max_body ? spec->max_body : CALL_MAX_BODY_DEFAULT;
	if (usec == UINT64_MAX)
		msec = 0;
	else if (!msec)
		msec = 1;
	curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)msec);
	curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 spec->connect_usec ?
			 (long)(spec->connect_usec / USEC_PER_MSEC) :
			 CALL_CONNECT_MSEC);
	curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
	/* Else the end of a call waits until its resolver's thread has given up. */
	curl_easy_setopt(call->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(call->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(call->easy, CURLOPT_PROTOCOLS_STR, "http,https");
}

static void call_set_target(struct http_call *call, bool direct, bool own)
{
	const struct http_client *c = call->client;

	curl_easy_setopt(call->easy, CURLOPT_URL, call->url);
	if (own && c->unix_path)
		curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH,
				 c->unix_path);
	if (direct)
		curl_easy_setopt(call->easy, CURLOPT_PROXY, "");
	if (own) {
		curl_easy_setopt(call->easy, CURLOPT_PROXY,
				 c->proxy ? c->proxy : "");
		curl_easy_setopt(call->easy, CURLOPT_NOPROXY, "");
	}
	if (own && c->cert_file) {
		curl_easy_setopt(call->easy, CURLOPT_SSLCERT, c->cert_file);
		curl_easy_setopt(call->easy, CURLOPT_SSLKEY, c->key_file);
	}
	/* Debian's libcurl trusts a directory: our file would only add to it. */
	if (c->ca_file) {
		curl_easy_setopt(call->easy, CURLOPT_CAINFO, c->ca_file);
		curl_easy_setopt(call->easy, CURLOPT_CAPATH, NULL);
	}
}

static void call_set_callbacks(struct http_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->errors);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_call_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_call_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	if (call->on_progress) {
		curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION,
				 on_call_progress);
		curl_easy_setopt(easy, CURLOPT_XFERINFODATA, call);
	}
	if (call->on_address) {
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_call_open);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	}
	if (call->wire) {
		curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
		curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	}
}

int call_make(struct http_call **ret, struct http_client *c,
	      const struct http_call_spec *spec, struct error *e)
{
	auto_(call_destroy_p) struct http_call *call = xcalloc(1, sizeof(*call));
	bool own = spec->path[0] == '/';

	list_init(&call->link);
	if (!own && !str_after(spec->path, "http://") &&
	    !str_after(spec->path, "https://"))
		return error_set(e, EINVAL, "\"%s\" is neither a path nor an URL",
				 spec->path);
	call->client = c;
	call->easy = curl_easy_init();
	if (!call->easy)
		return error_set(e, ENOMEM, "create a HTTP request");
	call->method = xstrdup(spec->method);
	call->url = xasprintf("%s%s", own ? c->base : "", spec->path);
	call->on_data = spec->on_data;
	call->on_progress = spec->on_progress;
	call->on_address = spec->on_address;
	call->spec_userdata = spec->userdata;
	call->no_body = spec->no_body;
	call->wire = spec->wire;
	call_set_target(call, spec->direct, own);
	call_set_method(call, spec);
	call_set_headers(call, spec, own);
	call_set_limits(call, spec);
	call_set_callbacks(call);
	if (spec->http1)
		curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION,
				 CURL_HTTP_VERSION_1_1);
	*ret = take_ptr(call);
	return 0;
}

struct http_call *call_destroy(struct http_call *call)
{
	if (!call)
		return NULL;
	list_unlink(&call->link);
	if (call->easy)
		curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	buf_deinit(&call->answer);
	free(call->body);
	free(call->request_id);
	free(call->method);
	free(call->url);
	free(call);
	return NULL;
}

/* ---- outcome ---- */

static int call_errno(struct http_call *call, CURLcode code)
{
	static const struct { CURLcode code; int err; } table[] = {
		{ CURLE_OPERATION_TIMEDOUT, ETIMEDOUT },
		{ CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH },
		{ CURLE_COULDNT_CONNECT, ECONNREFUSED },
		{ CURLE_GOT_NOTHING, ECONNRESET },
		{ CURLE_RECV_ERROR, ECONNRESET },
		{ CURLE_SEND_ERROR, ECONNRESET },
		{ CURLE_PARTIAL_FILE, ECONNRESET },
		{ CURLE_URL_MALFORMAT, EINVAL },
		{ CURLE_UNSUPPORTED_PROTOCOL, EPROTONOSUPPORT },
		{ CURLE_PEER_FAILED_VERIFICATION, EACCES },
		{ CURLE_OUT_OF_MEMORY, ENOMEM },
	};
	long os = 0;

	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os > 0)
		return (int)os;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].code == code)
			return table[i].err;
	return EIO;
}

int call_outcome(struct http_call *call, CURLcode code, int *ret_status,
		 struct error *e)
{
	const char *where = call->client->unix_path ? call->client->name
						    : call->url;
	long status = 0, verdict = 0;
	int err;

	if (code == CURLE_OK || call->enough) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		*ret_status = (int)status;
		return 0;
	}
	if (call->cancelled)
		return error_set(e, ECANCELED, "%s %s: given up", call->method,
				 call->url);
	if (call->too_long)
		return error_set(e, EFBIG, "%s %s: more than %zu bytes came",
				 call->method, call->url, call->max_body);
	if (call->body_short)
		return error_set(e, EIO, "%s %s: the file is too short",
				 call->method, call->url);
	if (call->refused && code == CURLE_COULDNT_CONNECT)
		return error_set(e, EPERM, "connect to %s: the address is not "
				 "allowed", where);
	err = call_errno(call, code);
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
		if (verdict)
			return error_set(e, err, "the certificate of %s %s",
					 str_after(call->url, call->client->base)
					 ? call->client->base : where,
					 tls_creds_verdict((unsigned)verdict));
	}
	if (code == CURLE_COULDNT_CONNECT)
		return error_set(e, err, "connect to %s: %s", where,
				 strerror(err));
	return error_set(e, err, "%s %s: %s", call->method, where,
			 call->errors[0] ? call->errors
					 : curl_easy_strerror(code));
}
