/*
 * fake_http.c - one client at a time, one answer each.
 */
#include "base/sock.h"
#include "tests/slugstore/fake_http.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void fake_http_send(int fd, const char *head, const char *body, size_t n)
{
	if (write(fd, head, strlen(head)) < 0 || (n && write(fd, body, n) < 0))
		return;		/* the client went away: its business */
}

static void fake_http_slug(int fd, int slug_fd, size_t less)
{
	struct stat st;
	auto_free char *body = NULL, *head = NULL;

	assert(fstat(slug_fd, &st) == 0);
	body = xmalloc((size_t)st.st_size);
	assert(pread(slug_fd, body, (size_t)st.st_size, 0) == st.st_size);
	head = xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			 (size_t)st.st_size);
	fake_http_send(fd, head, body, (size_t)st.st_size - less);
}

static void fake_http_answer(int fd, const char *request, int slug_fd)
{
	static const struct { const char *path, *head; } answers[] = {
		{ "/moved", "302 Found\r\nLocation: /slug\r\n" },
		{ "/loop", "302 Found\r\nLocation: /loop\r\n" },
		{ "/file", "302 Found\r\nLocation: file:///etc/passwd\r\n" },
		{ "/fail", "500 Oops\r\n" },
		{ "/gone", "404 Not Found\r\n" },
		{ "/secret", "401 Unauthorized\r\n" },
	};
	const char *path = str_after(request, "GET ");
	size_t n = path ? strcspn(path, " ") : 0;

	if (n == 5 && strncmp(path, "/slug", 5) == 0) {
		fake_http_slug(fd, slug_fd, 0);
	} else if (n == 6 && strncmp(path, "/short", 6) == 0) {
		fake_http_slug(fd, slug_fd, 10);
	} else if (n == 5 && strncmp(path, "/huge", 5) == 0) {
		fake_http_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 629145600"
			       "\r\n\r\n", "x", 1);
	} else if (strstr(request, "\r\nX-Token: t0ps3cret\r\n")) {
		fake_http_slug(fd, slug_fd, 0);
	} else for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		auto_free char *head = NULL;

		if (n != strlen(answers[i].path) ||
		    strncmp(path, answers[i].path, n) != 0)
			continue;
		head = xasprintf("HTTP/1.1 %sContent-Length: 5\r\n\r\n",
				 answers[i].head);
		fake_http_send(fd, head, "page\n", 5);
	}
}

static void fake_http_client(int fd, int slug_fd)
{
	char request[4096];
	size_t n = 0;

	while (n < sizeof(request) - 1) {
		ssize_t r = read(fd, request + n, sizeof(request) - 1 - n);

		if (r <= 0)
			return;
		n += (size_t)r;
		request[n] = '\0';
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	fake_http_answer(fd, request, slug_fd);
}

static _Noreturn void fake_http_serve(int tcp_fd, int unix_fd, int slug_fd)
{
	struct pollfd p[2] = {
		{ .fd = tcp_fd, .events = POLLIN },
		{ .fd = unix_fd, .events = POLLIN },
	};

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		poll(p, 2, -1);
		for (int i = 0; i < 2; i++) {
			auto_close int fd = p[i].revents & POLLIN
				? accept(p[i].fd, NULL, NULL) : -1;

			if (fd >= 0) {
				int flags = fcntl(fd, F_GETFL);

				fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
				fake_http_client(fd, slug_fd);
				shutdown(fd, SHUT_RDWR);
			}
		}
	}
}

void fake_http_start(struct fake_http *h, const char *unix_path, int slug_fd)
{
	auto_close int tcp_fd = sock_listen_tcp("127.0.0.1", 0, &h->port, NULL);
	auto_close int unix_fd = sock_listen_unix(unix_path, 0600, NULL);

	assert(tcp_fd >= 0 && unix_fd >= 0);
	h->pid = fork();
	assert(h->pid >= 0);
	if (h->pid == 0)
		fake_http_serve(tcp_fd, unix_fd, slug_fd);
}

void fake_http_stop(struct fake_http *h)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
}
