#include "tests/runtime/netns_frame.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <cmocka.h>

#define LISTEN_MSEC 500
#define STEP_MSEC 5
#define HEARD_NOTHING 100

void netns_frame_add(struct netns_frame *f, const void *data, size_t n)
{
	assert_true(f->len + n <= sizeof(f->data));
	memcpy(f->data + f->len, data, n);
	f->len += n;
}

void netns_frame_add_mark(struct netns_frame *f, unsigned number)
{
	const uint8_t byte = (uint8_t)number;

	netns_frame_add(f, NETNS_MARK, sizeof(NETNS_MARK));
	netns_frame_add(f, &byte, 1);
}

void netns_frame_begin(struct netns_frame *f, const uint8_t to[NETNS_MAC_BYTES],
		       const uint8_t from[NETNS_MAC_BYTES], uint16_t type)
{
	const uint16_t wire = htons(type);

	f->len = 0;
	netns_frame_add(f, to, NETNS_MAC_BYTES);
	netns_frame_add(f, from, NETNS_MAC_BYTES);
	netns_frame_add(f, &wire, sizeof(wire));
}

static int frame_packet_socket(const char *device)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (a.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		_exit(110);
	return fd;
}

struct frame_sending {
	const char *device;
	const struct netns_frame *frame;
};

static int frame_sender(const void *arg)
{
	const struct frame_sending *s = arg;
	int fd = frame_packet_socket(s->device);

	for (int i = 0; i < 3; i++) {
		if (send(fd, s->frame->data, s->frame->len, 0) < 0)
			return errno;
		poll(NULL, 0, STEP_MSEC);
	}
	return 0;
}

void netns_frame_send(const struct netns *ns, const char *device,
		const struct netns_frame *f)
{
	const struct frame_sending s = { device, f };

	assert_int_equal(netns_call(ns, frame_sender, &s), 0);
}

static _Noreturn void frame_listener(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t data[2048];

	while (poll(&p, 1, LISTEN_MSEC) > 0) {
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data) - 1, 0,
				     (struct sockaddr *)&from, &len);
		const uint8_t *mark;

		if (n < 0 || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		data[n] = 0;
		mark = memmem(data, (size_t)n, NETNS_MARK, sizeof(NETNS_MARK));
		if (mark)
			_exit(mark[sizeof(NETNS_MARK)]);
	}
	_exit(HEARD_NOTHING);
}

pid_t netns_frame_listen(const struct netns *ns, const char *device)
{
	int ready[2], fd;
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = netns_fork();
	if (pid == 0) {
		netns_enter(ns);
		fd = frame_packet_socket(device);
		if (write(ready[1], "", 1) != 1)
			_exit(111);
		frame_listener(fd);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

int netns_frame_heard(pid_t listener)
{
	int status;

	assert_int_equal(waitpid(listener, &status, 0), listener);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= HEARD_NOTHING);
	return WEXITSTATUS(status) == HEARD_NOTHING ? NETNS_FRAME_NONE
						    : WEXITSTATUS(status);
}
