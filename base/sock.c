#include "base/error.h"
#include "base/sock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

static int sock_unix_address(struct sockaddr_un *addr, const char *path,
			     struct error *e)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(addr->sun_path))
		return error_set(e, ENAMETOOLONG,
				 "socket path %s is longer than %zu bytes",
				 path, sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, path, strlen(path) + 1);
	return 0;
}

int sock_listen_unix(const char *path, mode_t mode, struct error *e)
{
	auto_free char *tmp = xasprintf("%s.%d", path, (int)getpid());
	auto_close int fd = -1;
	struct sockaddr_un addr;
	int r;

	r = sock_unix_address(&addr, tmp, e);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_sys(e, "create a unix socket");
	unlink(tmp);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return error_sys(e, "bind %s", tmp);
	if (chmod(tmp, mode) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    rename(tmp, path) < 0) {
		r = error_sys(e, "listen on %s", path);
		unlink(tmp);
		return r;
	}
	return take_fd(fd);
}

int sock_connect_unix(const char *path, int type, struct error *e)
{
	auto_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;
	int r;

	if (fd < 0)
		return error_sys(e, "create a unix socket");
	r = sock_unix_address(&addr, path, e);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return error_sys(e, "connect to %s", path);
	return take_fd(fd);
}

int sock_listen_tcp(const char *address, uint16_t port, uint16_t *ret_port,
		    struct error *e)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	socklen_t len = sizeof(addr);
	auto_close int fd = -1;
	int one = 1;

	if (inet_pton(AF_INET, address, &addr.sin_addr) != 1)
		return error_set(e, EINVAL, "\"%s\" is not an IPv4 address",
				 address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_sys(e, "create a TCP socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return error_sys(e, "listen on %s:%u", address, (unsigned)port);
	if (ret_port)
		*ret_port = ntohs(addr.sin_port);
	return take_fd(fd);
}

bool sock_listens_tcp(int fd, const char *address, uint16_t port,
		      uint16_t *ret_port)
{
	struct sockaddr_in addr = { 0 };
	struct in_addr want;
	socklen_t len = sizeof(addr), size = sizeof(int);
	int listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
	    !listening || getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
	    addr.sin_family != AF_INET || inet_pton(AF_INET, address, &want) != 1 ||
	    addr.sin_addr.s_addr != want.s_addr ||
	    (port && ntohs(addr.sin_port) != port))
		return false;
	if (ret_port)
		*ret_port = ntohs(addr.sin_port);
	return true;
}

bool sock_listens_unix(int fd, const char *path)
{
	struct sockaddr_un addr = { 0 };
	socklen_t len = sizeof(addr) - 1, size = sizeof(int);
	int listening = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) >= 0 &&
	       listening && getsockname(fd, (struct sockaddr *)&addr, &len) >= 0 &&
	       addr.sun_family == AF_UNIX && strcmp(addr.sun_path, path) == 0;
}

int sock_peer(int fd, uid_t *ret_uid, pid_t *ret_pid, struct error *e)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return error_sys(e, "ask who the peer is");
	if (ret_uid)
		*ret_uid = cred.uid;
	if (ret_pid)
		*ret_pid = cred.pid;
	return 0;
}

union sock_control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int) * SOCK_FDS_MAX)];
};

int sock_send(int fd, const void *data, size_t n, const int *fds, size_t n_fds,
	      struct error *e)
{
	union sock_control control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t w;

	assert(n_fds <= SOCK_FDS_MAX);
	if (n_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		w = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return error_sys(e, "send a message");
	return 0;
}

static void sock_take_fds(struct msghdr *msg, int *fds, size_t *n_fds)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + *n_fds, CMSG_DATA(c), n * sizeof(int));
		*n_fds += n;
	}
}

int sock_recv(int fd, void *data, size_t max, size_t *ret_n,
	      int fds[SOCK_FDS_MAX], size_t *ret_n_fds, struct error *e)
{
	union sock_control control;
	struct iovec iov = { .iov_base = data, .iov_len = max };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	size_t n_fds = 0;
	ssize_t r;

	do
		r = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_sys(e, "receive a message");
	sock_take_fds(&msg, fds, &n_fds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		return error_set(e, EMSGSIZE, "a message is too long");
	}
	*ret_n = (size_t)r;
	*ret_n_fds = n_fds;
	return 0;
}
