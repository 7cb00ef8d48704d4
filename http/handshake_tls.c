/*
 * handshake_tls.c - the child runs one tls_pipe in an event loop of its own, and
 * tells what came of the handshake: the plain socket, or why not.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/sock.h"
#include "http/handshake_tcp.h"
#include "http/handshake_tls.h"
#include "http/tls_pipe.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define BETWEEN_HANDSHAKE_SEC 60		/* nobody waits that long */

struct between {
	sd_event *event;
	const char *host, *protocol;
	int tell_fd;			/* -1: it was told */
};

/* The socket, or what went wrong. */
static void between_tell(struct between *b, int fd, const struct error *e)
{
	if (b->tell_fd >= 0)
		sock_send(b->tell_fd, e, sizeof(*e), &fd, fd >= 0 ? 1 : 0, NULL);
	b->tell_fd = fd_close(b->tell_fd);
}

static void on_between_ready(struct tls_pipe *p, void *userdata)
{
	struct between *b = userdata;
	struct error e = { 0 };
	int fd;

	if (b->protocol && !tls_creds_agreed(tls_pipe_session(p), b->protocol))
		fd = error_set(&e, EPROTONOSUPPORT, "%s does not speak %s", b->host,
			       b->protocol);
	else
		fd = tls_pipe_open(p, &e);
	alarm(0);
	between_tell(b, fd, &e);
	if (fd < 0)
		sd_event_exit(b->event, 0);
	fd_close(fd);
}

static void on_between_end(struct tls_pipe *p, const struct error *e,
			   void *userdata)
{
	struct between *b = userdata;
	struct error closed;

	error_set(&closed, ECONNRESET, "the connection was closed");
	between_tell(b, -1, e ? e : &closed);
	sd_event_exit(b->event, 0);
}

/* In the child. What the parent had open is not ours to keep open. */
static void between_run(int fd, int tell_fd, struct tls_creds *creds,
			const struct handshake_tls *to)
{
	struct between b = {
		.host = to->host, .protocol = to->protocol, .tell_fd = tell_fd,
	};
	struct tls_pipe_spec spec = {
		.fd = fd, .creds = creds, .host = to->host, .protocol = to->protocol,
		.on_ready = on_between_ready, .on_end = on_between_end,
		.userdata = &b,
	};
	struct tls_pipe *pipe;
	struct error e;
	unsigned low = (unsigned)(fd < tell_fd ? fd : tell_fd);
	unsigned high = (unsigned)(fd < tell_fd ? tell_fd : fd);

	alarm(BETWEEN_HANDSHAKE_SEC);
	setsid();			/* no Ctrl-C */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (low > 0)
		close_range(0, low - 1, 0);
	if (low + 1 < high)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
	if (sd_event_new(&spec.event) < 0)
		return;
	b.event = spec.event;
	if (tls_pipe_new(&pipe, &spec, &e) < 0)
		between_tell(&b, -1, &e);
	else
		sd_event_loop(b.event);
}

/* Twice, so that nobody has to wait for the one that stays. */
static int between_fork(int fd, int tell_fd, struct tls_creds *creds,
			const struct handshake_tls *to, struct error *e)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return error_sys(e, "create a process for TLS");
	if (pid == 0) {
		if (fork() == 0)
			between_run(fd, tell_fd, creds, to);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int between_hear(int fd, uint64_t deadline, struct error *e)
{
	struct error told = { 0 };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int fds[SOCK_FDS_MAX], r;
	size_t n, n_fds = 0;

	do {
		uint64_t now = clock_mono_usec();

		r = now >= deadline ? 0
		    : poll(&p, 1, (int)((deadline - now) / USEC_PER_MSEC) + 1);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return error_set(e, ETIMEDOUT, "TLS: no answer in time");
	r = sock_recv(fd, &told, sizeof(told), &n, fds, &n_fds, e);
	if (r < 0)
		return r;
	if (n_fds == 1)
		return fds[0];
	if (n != sizeof(told) || !told.code)
		return error_set(e, ECONNRESET, "TLS: the process died");
	return error_set(e, told.code, "%s", told.msg);
}

int handshake_tls(int fd, const struct handshake_tls *spec, struct error *e)
{
	auto_(tls_creds_unref_p) struct tls_creds *creds = NULL;
	auto_close int net = fd, hear = -1, tell = -1;
	int pair[2];
	int r = tls_creds_load(&creds, &spec->creds, e);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "create a socket pair");
	hear = pair[0];
	tell = pair[1];
	r = between_fork(net, tell, creds, spec, e);
	if (r < 0)
		return r;
	/* The child's alone from here on. */
	tell = fd_close(tell);
	net = fd_close(net);
	return between_hear(hear, spec->deadline, e);
}

int handshake_tls_dial(const char *authority, const struct handshake_tls *spec,
		       struct error *e)
{
	struct handshake_tls to = *spec;
	auto_free char *host = NULL;
	int fd = handshake_tcp(authority, "443", spec->deadline, &host, e);

	to.host = host;
	return fd < 0 ? fd : handshake_tls(fd, &to, e);
}
