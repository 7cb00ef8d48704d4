#include "tests/runtime/netns.h"
#include "base/error.h"
#include "base/process.h"
#include "base/strv.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <cmocka.h>

#define CONNECT_MSEC 1000

/* ---- namespaces ---- */

pid_t netns_fork(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

void netns_open(struct netns *ns)
{
	auto_free char *path = NULL;
	int ready[2];
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	ns->pid = netns_fork();
	if (ns->pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	path = xasprintf("/proc/%d/ns/net", (int)ns->pid);
	ns->ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(ns->ns_fd >= 0);
}

void netns_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void netns_close(struct netns *ns)
{
	ns->ns_fd = fd_close(ns->ns_fd);
	netns_kill(ns->pid);
	ns->pid = 0;
}

void netns_enter(const struct netns *ns)
{
	if (ns && setns(ns->ns_fd, CLONE_NEWNET) < 0)
		_exit(101);
}

pid_t netns_begin(const struct netns *ns, netns_fn fn, const void *arg)
{
	pid_t pid = netns_fork();

	if (pid == 0) {
		netns_enter(ns);
		_exit(fn(arg));
	}
	return pid;
}

int netns_end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 102;
}

int netns_call(const struct netns *ns, netns_fn fn, const void *arg)
{
	return netns_end(netns_begin(ns, fn, arg));
}

static int netns_exec(const void *arg)
{
	auto_free char *words = xstrdup(arg);
	auto_strv argv = STRV_INIT;
	char *rest = words, *word;

	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while ((word = strsep(&rest, " ")))
		strv_add(&argv, word);
	dup2(null_fd, STDOUT_FILENO);	/* the status says it all */
	dup2(null_fd, STDERR_FILENO);
	execvp(argv.v[0], argv.v);
	return 103;
}

int netns_run(const struct netns *ns, const char *command)
{
	return netns_call(ns, netns_exec, command);
}

/* ---- TCP ---- */

static struct sockaddr_in netns_address(const char *address, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		_exit(104);
	return a;
}

static _Noreturn void netns_server(int fd)
{
	for (;;) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		char text[INET_ADDRSTRLEN];
		int c = accept(fd, (struct sockaddr *)&peer, &len);

		if (c < 0)
			_exit(105);
		inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text));
		if (write(c, text, strlen(text)) < 0)
			_exit(106);
		close(c);
	}
}

pid_t netns_serve(const struct netns *ns, const char *address, uint16_t port)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = netns_fork();
	if (pid == 0) {
		struct sockaddr_in a = netns_address(address, port);
		int on = 1, fd;

		netns_enter(ns);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		    listen(fd, 8) < 0 || write(ready[1], "", 1) != 1)
			_exit(107);
		netns_server(fd);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

struct netns_target {
	const char *source, *address;
	uint16_t port;
	int answer_fd;
};

static int netns_wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int code = ETIMEDOUT;
	socklen_t len = sizeof(code);

	if (poll(&p, 1, CONNECT_MSEC) > 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len);
	return code;
}

static int netns_client(const void *arg)
{
	const struct netns_target *t = arg;
	struct sockaddr_in to = netns_address(t->address, t->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), code;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[INET_ADDRSTRLEN];
	ssize_t n;

	if (t->source) {
		struct sockaddr_in from = netns_address(t->source, 0);

		if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
			return errno;
	}
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS)
		return errno;
	code = netns_wait_connected(fd);
	if (code)
		return code;
	poll(&p, 1, CONNECT_MSEC);
	n = read(fd, text, sizeof(text));
	if (n > 0 && write(t->answer_fd, text, (size_t)n) < 0)
		return errno;
	return 0;
}

int netns_connect(const struct netns *ns, const char *source,
		  const char *address, uint16_t port, char out[INET_ADDRSTRLEN])
{
	struct netns_target t = { source, address, port, -1 };
	int p[2], r;
	ssize_t n;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	t.answer_fd = p[1];
	r = netns_call(ns, netns_client, &t);
	close(p[1]);
	n = read(p[0], out, INET_ADDRSTRLEN - 1);
	out[n < 0 ? 0 : n] = '\0';
	close(p[0]);
	return r;
}

/* ---- UDP and ICMP ---- */

static _Noreturn void netns_echo(int fd)
{
	for (;;) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		char data[64];
		ssize_t n = recvfrom(fd, data, sizeof(data), 0,
				     (struct sockaddr *)&peer, &len);

		if (n < 0)
			_exit(108);
		sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, len);
	}
}

pid_t netns_serve_udp(const struct netns *ns, const char *address, uint16_t port)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = netns_fork();
	if (pid == 0) {
		struct sockaddr_in a = netns_address(address, port);
		int fd;

		netns_enter(ns);
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		    write(ready[1], "", 1) != 1)
			_exit(109);
		netns_echo(fd);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

/* Refusals by ICMP show as errors of a connected socket. */
static int netns_ask(int fd, const struct sockaddr_in *to, const void *data,
		     size_t n, size_t skip, uint8_t want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t answer[128];
	ssize_t got;

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
	    send(fd, data, n, 0) < 0)
		return errno;
	while (poll(&p, 1, CONNECT_MSEC) > 0) {
		got = recv(fd, answer, sizeof(answer), 0);
		if (got < 0)
			return errno;
		if ((size_t)got > skip && answer[skip] == want)
			return 0;
	}
	return ETIMEDOUT;
}

static int netns_udp_client(const void *arg)
{
	const struct netns_target *t = arg;
	struct sockaddr_in to = netns_address(t->address, t->port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (t->source) {
		struct sockaddr_in from = netns_address(t->source, 0);

		if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
			return errno;
	}
	return netns_ask(fd, &to, "x", 1, 0, 'x');
}

int netns_ask_udp(const struct netns *ns, const char *source,
		  const char *address, uint16_t port)
{
	struct netns_target t = { source, address, port, -1 };

	return netns_call(ns, netns_udp_client, &t);
}

static int netns_ping_client(const void *arg)
{
	struct sockaddr_in to = netns_address(arg, 0);
	struct icmphdr echo = {
		.type = ICMP_ECHO, .checksum = (uint16_t)~ICMP_ECHO,
	};
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	return netns_ask(fd, &to, &echo, sizeof(echo), sizeof(struct iphdr),
			 ICMP_ECHOREPLY);
}

int netns_ping(const struct netns *ns, const char *address)
{
	return netns_call(ns, netns_ping_client, address);
}

const char *netns_try(const struct netns *ns, const char *address, uint16_t port)
{
	const struct netns_target t = { NULL, address, port, STDERR_FILENO };
	const struct {
		const char *name;
		netns_fn fn;
		const void *arg;
	} ways[] = {
		{ "TCP",  netns_client,      &t },
		{ "UDP",  netns_udp_client,  &t },
		{ "ICMP", netns_ping_client, address },
	};
	const char *answered = NULL;
	pid_t pids[ARRAY_SIZE(ways)];

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		pids[i] = netns_begin(ns, ways[i].fn, ways[i].arg);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (netns_end(pids[i]) == 0)
			answered = ways[i].name;
	return answered;
}
