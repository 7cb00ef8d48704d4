/*
 * handshake_tcp.c - one address after the other, with one time-out for all of them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "http/handshake_tcp.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

int handshake_poll(int fd, short events, uint64_t deadline, const char *name,
		   struct error *e)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_mono_usec();
	int r;

	if (now >= deadline)
		return error_set(e, ETIMEDOUT, "%s: no answer in time", name);
	r = poll(&p, 1, (int)((deadline - now) / USEC_PER_MSEC) + 1);
	if (r < 0 && errno != EINTR)
		return error_sys(e, "wait for %s", name);
	return 0;
}

static int handshake_try(const struct addrinfo *a, uint64_t deadline,
			 const char *name, struct error *e)
{
	auto_close int fd = socket(a->ai_family,
				   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0, one = 1, r;
	socklen_t len = sizeof(err);

	if (fd < 0)
		return error_sys(e, "create a TCP socket");
	r = connect(fd, a->ai_addr, a->ai_addrlen);
	if (r < 0 && errno == EINPROGRESS) {
		r = handshake_poll(fd, POLLOUT, deadline, name, e);
		if (r < 0)
			return r;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
			err = errno;
		errno = err;
		r = err ? -1 : 0;
	}
	if (r < 0)
		return error_sys(e, "connect to %s", name);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return take_fd(fd);
}

int handshake_tcp(const char *authority, const char *port, uint64_t deadline,
		  char **ret_host, struct error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	auto_free char *host = xstrndup(authority, strcspn(authority, "/"));
	char *name = host, *colon = strrchr(host, ':');
	int r;

	if (colon && !strchr(colon, ']')) {
		*colon = '\0';
		port = colon + 1;
	}
	if (name[0] == '[') {
		name[strcspn(name, "]")] = '\0';
		name++;
	}
	*ret_host = xstrdup(name);
	r = getaddrinfo(name, port, &hints, &list);
	if (r)
		return error_set(e, EHOSTUNREACH, "look up %s: %s", name,
				 gai_strerror(r));
	r = error_set(e, EHOSTUNREACH, "%s has no address", name);
	for (struct addrinfo *a = list; a && r < 0; a = a->ai_next)
		r = handshake_try(a, deadline, authority, e);
	freeaddrinfo(list);
	return r;
}
