/*
 * upgrade.c - 101: a connection leaves HTTP. libmicrohttpd keeps its own
 * descriptor until it is told, so the program gets a duplicate.
 */
#include "http/request.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>

static void on_upgrade(void *cls, struct MHD_Connection *conn, void *con_cls,
		       const char *early, size_t n, MHD_socket sock,
		       struct MHD_UpgradeResponseHandle *urh)
{
	struct http_request *req = cls;
	int fd = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	int one = 1;

	if (fd >= 0) {
		if (!req->listener->is_unix)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				   sizeof(one));
		req->phase = REQUEST_ANSWERED;
		req->on_open(fd, early, n, req->open_userdata);
	}
	/* req is freed by on_completed, in one of the next runs. */
	MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
	http_server_kick(req->listener);
}

static bool upgrade_is_asked(struct http_request *req, const char *protocol)
{
	const char *want = http_request_header(req, "Upgrade");

	return want && strcasecmp(want, protocol) == 0;
}

void http_upgrade(struct http_request *req, const char *protocol,
		  void (*on_open)(int fd, const void *early, size_t n_early,
				  void *userdata),
		  void *userdata)
{
	http_reply_header(req, "Upgrade", protocol);
	if (!upgrade_is_asked(req, protocol)) {
		http_reply_refuse(req, 426, "This is an upgrade only.");
		return;
	}
	req->on_open = on_open;
	req->open_userdata = userdata;
	http_reply_with(req, MHD_HTTP_SWITCHING_PROTOCOLS,
			MHD_create_response_for_upgrade(on_upgrade, req),
			REQUEST_UPGRADE);
}
