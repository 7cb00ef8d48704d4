/*
 * client.c - libcurl's multi interface inside sd-event.
 *
 * libcurl must not be called from its own callbacks, and programs start and
 * free calls there. So a new call only enters a list, and a call that is freed
 * in there is only marked: the tick, a deferred source, does the rest.
 */
#include "base/loop.h"
#include "http/call.h"

#include <stdio.h>
#include <sys/epoll.h>

/* ---- libcurl's wishes ---- */

static void client_tick_soon(struct http_client *c)
{
	sd_event_source_set_enabled(c->tick, SD_EVENT_ONESHOT);
}

static void client_act(struct http_client *c, curl_socket_t fd, int mask)
{
	int running;

	c->inside = true;
	curl_multi_socket_action(c->multi, fd, mask, &running);
	c->inside = false;
	client_tick_soon(c);
}

static int on_client_io(sd_event_source *src, int fd, uint32_t revents,
			void *userdata)
{
	int mask = (revents & (EPOLLIN | EPOLLHUP | EPOLLRDHUP)
			? CURL_CSELECT_IN : 0) |
		   (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (revents & EPOLLERR ? CURL_CSELECT_ERR : 0);

	client_act(userdata, fd, mask);
	return 0;
}

static int on_client_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	client_act(userdata, CURL_SOCKET_TIMEOUT, 0);
	return 0;
}

static int on_client_socket(CURL *easy, curl_socket_t fd, int what,
			    void *userdata, void *socket_data)
{
	struct http_client *c = userdata;
	sd_event_source *src = socket_data;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
			  (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	if (what == CURL_POLL_REMOVE) {
		loop_unref(src);
		curl_multi_assign(c->multi, fd, NULL);
		return 0;
	}
	if (src) {
		sd_event_source_set_io_events(src, events);
		return 0;
	}
	if (sd_event_add_io(c->event, &src, fd, events, on_client_io, c) < 0)
		return -1;
	sd_event_source_set_description(src, "http client");
	curl_multi_assign(c->multi, fd, src);
	return 0;
}

static int on_client_timeout(CURLM *multi, long msec, void *userdata)
{
	struct http_client *c = userdata;

	if (msec < 0) {
		sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
		return 0;
	}
	sd_event_source_set_time_relative(c->timer,
					  (uint64_t)msec * USEC_PER_MSEC);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
	return 0;
}

/* ---- calls come and go ---- */

static void client_start(struct http_client *c, struct http_call *call)
{
	call->state = CALL_RUNNING;
	c->inside = true;
	curl_multi_add_handle(c->multi, call->easy);
	c->inside = false;
}

static void client_detach(struct http_client *c, struct http_call *call)
{
	if (call->state == CALL_RUNNING || call->state == CALL_FREED ||
	    (call->wire && call->state == CALL_DONE)) {
		c->inside = true;
		curl_multi_remove_handle(c->multi, call->easy);
		c->inside = false;
	}
}

/* on_done may free the call: nothing touches it afterwards. */
static void client_finish(struct http_client *c, struct http_call *call,
			  CURLcode code)
{
	struct error e;
	struct http_result res = { .error = &e };

	/* libcurl finds a wire's connection by way of the multi handle. */
	if (!call->wire || code != CURLE_OK)
		client_detach(c, call);
	if (call->state == CALL_FREED) {
		client_detach(c, call);
		call_destroy(call);
		return;
	}
	call->wire = call->wire && code == CURLE_OK;
	call->state = CALL_DONE;
	res.r = call_outcome(call, code, &res.status, &e);
	res.body = buf_str(&call->answer);
	res.body_len = call->answer.len;
	res.request_id = call->request_id;
	call->on_done(&res, call->userdata);
}

static void client_sweep(struct http_client *c)
{
	struct http_call *call, *next;

	list_for_each_safe(call, next, &c->calls, link) {
		if (call->state == CALL_NEW) {
			client_start(c, call);
		} else if (call->state == CALL_FREED) {
			client_detach(c, call);
			call_destroy(call);
		}
	}
}

static int on_client_tick(sd_event_source *src, void *userdata)
{
	struct http_client *c = userdata;
	struct http_call *call = NULL;
	CURLMsg *msg;
	CURLcode code;
	int left;

	client_sweep(c);
	msg = curl_multi_info_read(c->multi, &left);
	if (!msg || msg->msg != CURLMSG_DONE)
		return 0;
	/* One a turn: on_done may free any other call, or the client. */
	client_tick_soon(c);
	code = msg->data.result;
	curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
	client_finish(c, call, code);
	return 0;
}

int http_call_new(struct http_call **ret, struct http_client *c,
		  const struct http_call_spec *spec, http_done_fn on_done,
		  void *userdata, struct error *e)
{
	struct http_call *call = NULL;
	int r;

	assert(c->multi && on_done);
	r = call_make(&call, c, spec, e);
	if (r < 0)
		return r;
	call->on_done = on_done;
	call->userdata = userdata;
	list_add_tail(&c->calls, &call->link);
	client_tick_soon(c);
	*ret = call;
	return 0;
}

struct http_call *http_call_free(struct http_call *call)
{
	struct http_client *c;

	if (!call)
		return NULL;
	c = call->client;
	if (c && c->inside && call->state == CALL_RUNNING) {
		call->state = CALL_FREED;
		client_tick_soon(c);
		return NULL;
	}
	if (c)
		client_detach(c, call);
	return call_destroy(call);
}

int http_call_wait(struct http_client *c, const struct http_call_spec *spec,
		   int *ret_status, struct buf *ret_body, struct error *e)
{
	auto_(call_destroy_p) struct http_call *call = NULL;
	int r;

	r = call_make(&call, c, spec, e);
	if (r < 0)
		return r;
	call->state = CALL_DONE;	/* never in the multi handle */
	r = call_outcome(call, curl_easy_perform(call->easy), ret_status, e);
	if (r >= 0 && ret_body)
		buf_add(ret_body, buf_str(&call->answer), call->answer.len);
	return r;
}

/* ---- the client ---- */

static int client_set_base(struct http_client *c, const char *base,
			   struct error *e)
{
	const char *path = str_after(base, "unix:");
	size_t n = strlen(base);

	if (path) {
		c->unix_path = xstrdup(path);
		c->base = xstrdup("http://localhost");
		return 0;
	}
	if (!str_after(base, "http://") && !str_after(base, "https://"))
		return error_set(e, EINVAL, "\"%s\" is not an address: expected "
				 "unix:/PATH, http:// or https://", base);
	while (n && base[n - 1] == '/')
		n--;
	c->base = xstrndup(base, n);
	return 0;
}

static int client_set_loop(struct http_client *c, sd_event *event,
			   struct error *e)
{
	int r;

	c->event = sd_event_ref(event);
	c->multi = curl_multi_init();
	if (!c->multi)
		return error_set(e, ENOMEM, "create a HTTP client");
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_client_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_client_timeout);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	r = sd_event_add_defer(event, &c->tick, on_client_tick, c);
	if (r < 0)
		return error_ret(e, r, "create a HTTP client");
	sd_event_source_set_description(c->tick, "http client tick");
	sd_event_source_set_enabled(c->tick, SD_EVENT_OFF);
	r = loop_timer(event, &c->timer, 0, on_client_timer, c,
		       "http client timer", e);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	return 0;
}

int http_client_new(struct http_client **ret, sd_event *event,
		    const struct http_client_spec *spec, struct error *e)
{
	auto_(http_client_free_p) struct http_client *c = xcalloc(1, sizeof(*c));
	int r;

	list_init(&c->calls);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(e, EIO, "start libcurl");
	c->name = xstrdup(spec->base);
	c->token = xstrdup(spec->token);
	c->user_agent = xstrdup(spec->user_agent ? spec->user_agent
						 : "dyno/" DYNO_VERSION);
	c->ca_file = xstrdup(spec->ca_file);
	c->cert_file = xstrdup(spec->cert_file);
	c->key_file = xstrdup(spec->key_file ? spec->key_file : spec->cert_file);
	c->proxy = xstrdup(spec->proxy);
	r = client_set_base(c, spec->base, e);
	if (r >= 0 && event)
		r = client_set_loop(c, event, e);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

struct http_client *http_client_free(struct http_client *c)
{
	struct http_call *call, *next;

	if (!c)
		return NULL;
	assert(!c->inside);
	/* Calls belong to the program: they end here, and are freed there. */
	list_for_each_safe(call, next, &c->calls, link) {
		client_detach(c, call);
		list_unlink(&call->link);
		call->client = NULL;
		if (call->state == CALL_FREED)
			call_destroy(call);
		else
			call->state = CALL_DONE;
	}
	if (c->multi)
		curl_multi_cleanup(c->multi);
	c->timer = loop_unref(c->timer);
	c->tick = loop_unref(c->tick);
	c->event = sd_event_unref(c->event);
	free(c->base);
	free(c->unix_path);
	free(c->name);
	free(c->token);
	free(c->user_agent);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->proxy);
	free(c);
	return NULL;
}

char *http_path_escape(const char *segment)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	char *out = xmalloc(3 * strlen(segment) + 1), *p = out;

	for (; *segment; segment++) {
		unsigned char c = (unsigned char)*segment;

		if (strchr(plain, c)) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '%';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	*p = '\0';
	return out;
}
