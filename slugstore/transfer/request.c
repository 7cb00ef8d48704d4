/*
 * request.c - libcurl, held tight.
 *
 * Redirects are ours: libcurl would take the headers of a request along to any
 * host.
 */
#include "base/clock.h"
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/transfer/request.h"
#include "slugstore/transfer/s3.h"
#include "slugstore/transfer/target.h"

#include <inttypes.h>
#include <netinet/in.h>

#define REQUEST_REDIRECTS_MAX 5
#define REQUEST_SLACK_USEC (50 * USEC_PER_MSEC)
#define REQUEST_STALL_BYTES_PER_SEC 1024L

static size_t on_request_header(char *line, size_t size, size_t n,
				void *userdata)
{
	struct request *r = userdata;

	reply_line(&r->reply, line, size * n);
	return size * n;
}

static size_t on_request_body(char *data, size_t size, size_t n, void *userdata)
{
	struct request *r = userdata;
	size_t room = REQUEST_PAGE_MAX - r->page.len;

	n *= size;
	if (r->on_body && (r->reply.status == 200 || r->reply.status == 206)) {
		r->stopped = !r->on_body(r, data, n);
	} else {
		buf_add(&r->page, data, n < room ? n : room);
		r->full = n > room;
	}
	return r->stopped || r->full ? 0 : n;
}

static int on_request_progress(void *userdata, curl_off_t total, curl_off_t now,
			       curl_off_t up_total, curl_off_t up_now)
{
	struct request *r = userdata;

	if (r->on_sent)
		r->on_sent((uint64_t)up_now, (uint64_t)up_total, r->userdata);
	return 0;
}

static void request_sign(struct request *r, const char *sha256)
{
	const struct slugs_conf *conf = r->target->conf;
	auto_free char *how = xasprintf("aws:amz:%s:s3", conf->s3_region);

	curl_easy_setopt(r->curl, CURLOPT_AWS_SIGV4, how);
	curl_easy_setopt(r->curl, CURLOPT_USERNAME, conf->s3_access_key);
	curl_easy_setopt(r->curl, CURLOPT_PASSWORD, r->target->secret);
	curl_easy_setopt(r->curl, CURLOPT_PATH_AS_IS, 1L);
	strv_addf(&r->headers, "x-amz-content-sha256: %s", sha256);
}

/* own: at the address itself, not where it redirects to. */
static void request_set_trust(CURL *c, const struct target *t, bool own)
{
	const char *ca = own && t->peer.ca_file ? t->peer.ca_file
						: t->conf->ca_file;
	const char *cert = own ? t->peer.cert_file : NULL;
	char *dir = NULL;
	const char *key = t->peer.key_file ? t->peer.key_file : cert;

	/* Debian's libcurl trusts a directory: our file would only add to it. */
	if (!ca) {
		curl_easy_getinfo(c, CURLINFO_CAINFO, &ca);
		curl_easy_getinfo(c, CURLINFO_CAPATH, &dir);
	}
	curl_easy_setopt(c, CURLOPT_CAINFO, ca);
	curl_easy_setopt(c, CURLOPT_CAPATH, dir);
	curl_easy_setopt(c, CURLOPT_SSLCERT, cert);
	curl_easy_setopt(c, CURLOPT_SSLKEY, cert ? key : NULL);
}

/* NULL: that of the configuration, or of the environment. */
static void request_set_proxy(CURL *c, const struct target *t, const char *proxy)
{
	const struct slugs_conf *conf = t->conf;

	curl_easy_setopt(c, CURLOPT_PROXY, proxy ? proxy : conf->proxy);
	curl_easy_setopt(c, CURLOPT_NOPROXY, proxy ? "" : conf->no_proxy);
}

static void request_set_network(CURL *c, const struct target *t)
{
	const struct slugs_conf *conf = t->conf;

	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)conf->connect_sec);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, REQUEST_STALL_BYTES_PER_SEC);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)conf->stall_sec);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "dyno-slug/" DYNO_VERSION);
	request_set_trust(c, t, true);
	if (t->unix_socket) {
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, t->unix_socket);
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	} else {
		request_set_proxy(c, t, t->peer.proxy);
	}
}

int request_init(struct request *r, const struct target *t,
		 uint64_t deadline_usec, const char *sha256, struct error *e)
{
	CURL *c = curl_easy_init();

	*r = REQUEST_INIT;
	if (!c)
		return error_set(e, ENOMEM, "start libcurl");
	r->curl = c;
	r->target = t;
	r->deadline_usec = deadline_usec;
	request_set_network(c, t);
	curl_easy_setopt(c, CURLOPT_URL, t->url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->text);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_request_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_request_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_request_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
	if (t->secret)
		request_sign(r, sha256);
	return 0;
}

void request_deinit(struct request *r)
{
	if (r->curl)
		curl_easy_cleanup(r->curl);
	r->curl = NULL;
	strv_deinit(&r->headers);
	buf_deinit(&r->page);
}

static int request_add_list(struct curl_slist **list, const struct strv *lines,
			    struct error *e)
{
	for (size_t i = 0; i < lines->n; i++) {
		struct curl_slist *more = curl_slist_append(*list, lines->v[i]);

		if (!more)
			return error_set(e, ENOMEM, "out of memory");
		*list = more;
	}
	return 0;
}

static bool request_may_help(CURLcode code)
{
	static const CURLcode codes[] = {
		CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST,
		CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT,
		CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR,
		CURLE_PARTIAL_FILE, CURLE_HTTP2, CURLE_HTTP2_STREAM,
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (code == codes[i])
			return true;
	return false;
}

/* Without redirects. own: the target's headers may go along. */
static int request_once(struct request *r, bool own, struct error *e)
{
	struct curl_slist *list = NULL;
	uint64_t now = clock_mono_usec();
	curl_off_t later = 0;
	CURLcode code = CURLE_OPERATION_TIMEDOUT;
	int x = own ? request_add_list(&list, &r->target->headers, e) : 0;

	if (x == 0)
		x = request_add_list(&list, &r->headers, e);
	r->reply = (struct reply){ .status = 0 };
	buf_clear(&r->page);
	r->full = false;
	r->text[0] = '\0';
	if (x == 0 && now < r->deadline_usec) {
		curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, list);
		curl_easy_setopt(r->curl, CURLOPT_TIMEOUT_MS, (long)
				 ((r->deadline_usec - now) / USEC_PER_MSEC + 1));
		code = curl_easy_perform(r->curl);
		curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, NULL);
	}
	curl_slist_free_all(list);
	if (x < 0)
		return x;
	curl_easy_getinfo(r->curl, CURLINFO_RETRY_AFTER, &later);
	r->retry_after_sec = later > 0 ? (uint64_t)later : 0;
	if (r->stopped)
		return REQUEST_STOPPED;
	if (code == CURLE_OK || r->full)
		return 0;
	if (r->forbidden)
		return error_set(e, EPROTO, "the server redirects to a link-local"
				 " address");
	/* libcurl's clock is not quite ours. */
	if (clock_mono_usec() + REQUEST_SLACK_USEC >= r->deadline_usec)
		return error_set(e, ETIMEDOUT, "not done after %" PRIu64 " s",
				 r->target->conf->total_sec);
	if (!*r->text)
		strncat(r->text, curl_easy_strerror(code), sizeof(r->text) - 1);
	return request_may_help(code) ? REQUEST_BROKEN
				      : error_set(e, EIO, "%s", r->text);
}

/* 0 or < 0; ret: an owned string, "" if there is no such part. */
static int request_part(CURLU *u, CURLUPart part, char **ret)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(u, part, &text, CURLU_DEFAULT_PORT);

	*ret = xstrdup(code == CURLUE_OK ? text : "");
	curl_free(text);
	return code == CURLUE_OK || code == CURLUE_NO_PORT ? 0 : -EINVAL;
}

static bool request_same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	auto_free char *x = NULL, *y = NULL;

	return request_part(a, part, &x) == 0 && request_part(b, part, &y) == 0 &&
	       strcasecmp(x, y) == 0;
}

/* Where a redirect leads: may it, and does the target's own go along? */
static int request_judge(CURLU *from, CURLU *to, const char *url, bool *own,
			 struct error *e)
{
	auto_free char *old = NULL, *new = NULL;

	if (curl_url_set(to, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) ||
	    request_part(to, CURLUPART_SCHEME, &new) < 0 ||
	    request_part(from, CURLUPART_SCHEME, &old) < 0)
		return error_set(e, EPROTO, "the server redirects to no address");
	if (strcasecmp(new, "http") != 0 && strcasecmp(new, "https") != 0)
		return error_set(e, EPROTO, "the server redirects to \"%.20s\","
				 " which is neither http nor https", new);
	if (strcasecmp(old, "https") == 0 && strcasecmp(new, "https") != 0)
		return error_set(e, EPROTO, "the server redirects from https to"
				 " http");
	if (!request_same_part(from, to, CURLUPART_SCHEME) ||
	    !request_same_part(from, to, CURLUPART_HOST) ||
	    !request_same_part(from, to, CURLUPART_PORT)) {
		*own = false;
		curl_url_set(to, CURLUPART_USER, NULL, 0);
		curl_url_set(to, CURLUPART_PASSWORD, NULL, 0);
	}
	return 0;
}

static bool request_is_link_local(const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;
	const uint8_t *a = v6->sin6_addr.s6_addr;

	if (sa->sa_family == AF_INET)
		a = (const void *)&v4->sin_addr;
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		a += sizeof(v6->sin6_addr) - sizeof(v4->sin_addr);
	else
		return sa->sa_family == AF_INET6 &&
		       IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
	return a[0] == 169 && a[1] == 254;
}

/* The name may be anything: what it stands for counts. */
static curl_socket_t on_request_socket(void *userdata, curlsocktype purpose,
				       struct curl_sockaddr *to)
{
	struct request *r = userdata;

	if (request_is_link_local(&to->addr)) {
		r->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void request_forbid_link_local(struct request *r)
{
	curl_easy_setopt(r->curl, CURLOPT_OPENSOCKETFUNCTION, on_request_socket);
	curl_easy_setopt(r->curl, CURLOPT_OPENSOCKETDATA, r);
}

static int request_follow(struct request *r, bool *own, struct error *e)
{
	CURLU *from = curl_url(), *to = curl_url();
	char *before = NULL, *url = NULL, *next = NULL;
	int x;

	curl_easy_getinfo(r->curl, CURLINFO_EFFECTIVE_URL, &before);
	curl_easy_getinfo(r->curl, CURLINFO_REDIRECT_URL, &url);
	if (!url || !before || curl_url_set(from, CURLUPART_URL, before, 0))
		x = error_set(e, EPROTO, "the server redirects to no address");
	else
		x = request_judge(from, to, url, own, e);
	if (x == 0 && curl_url_get(to, CURLUPART_URL, &next, 0) == CURLUE_OK) {
		curl_easy_setopt(r->curl, CURLOPT_URL, next);
		if (!*own)
			request_forbid_link_local(r);
		if (!*own)
			request_set_trust(r->curl, r->target, false);
		if (!*own && (r->target->unix_socket || r->target->peer.proxy)) {
			curl_easy_setopt(r->curl, CURLOPT_UNIX_SOCKET_PATH, NULL);
			request_set_proxy(r->curl, r->target, NULL);
		}
	}
	curl_free(next);
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	return x;
}

static bool request_is_redirect(const struct request *r)
{
	static const int statuses[] = { 301, 302, 303, 307, 308 };

	for (size_t i = 0; !r->target->secret && i < ARRAY_SIZE(statuses); i++)
		if (r->reply.status == statuses[i])
			return true;
	return false;
}

int request_perform(struct request *r, struct error *e)
{
	bool own = true;

	for (int i = 0;; i++) {
		int x = request_once(r, own, e);

		if (x != 0 || !request_is_redirect(r))
			return x;
		if (i == REQUEST_REDIRECTS_MAX)
			return error_set(e, ELOOP, "more than %d redirects",
					 REQUEST_REDIRECTS_MAX);
		x = request_follow(r, &own, e);
		if (x < 0)
			return x;
	}
}

bool request_is_retryable(const struct request *r)
{
	static const int statuses[] = { 408, 429, 500, 502, 503, 504 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (r->reply.status == statuses[i])
			return true;
	return false;
}

static void request_s3_error(const struct request *r, struct s3_error *ret)
{
	s3_error_parse(ret, r->page.data, r->target->secret ? r->page.len : 0);
}

bool request_is_absent(const struct request *r)
{
	struct s3_error s3;

	request_s3_error(r, &s3);
	/* Without its bucket nothing would ever be there. */
	return r->reply.status == 410 ||
	       (r->reply.status == 404 && !str_eq(s3.code, "NoSuchBucket"));
}

uint64_t request_total(const struct request *r)
{
	struct s3_error s3;

	request_s3_error(r, &s3);
	return r->reply.has_total ? r->reply.total : s3.size;
}

int request_refused(const struct request *r, struct error *e)
{
	struct s3_error s3;
	int status = r->reply.status;
	int code = status == 401 || status == 403 ? EACCES : EIO;

	request_s3_error(r, &s3);
	if (*s3.code)
		return error_set(e, code, "the object store answers %s: %s",
				 s3.code, *s3.text ? s3.text : "no reason given");
	return error_set(e, code, "the server answers with status %d", status);
}
