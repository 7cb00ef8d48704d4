/*
 * wire_socket.c - a socket whose name the kernel finds, and connections to it.
 */
#include "tests/fuzz/wire.h"

#include <assert.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address;
static socklen_t address_len;

static int wire_socket_new(void)
{
	return socket(AF_UNIX, wire_socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int wire_listen(void)
{
	int fd = wire_socket_new();

	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	address_len = sizeof(address);
	assert(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0 &&
	       listen(fd, 1) == 0);
	assert(getsockname(fd, (struct sockaddr *)&address, &address_len) == 0);
	return fd;
}

int wire_socket_connect(void)
{
	int fd = wire_socket_new();

	assert(connect(fd, (struct sockaddr *)&address, address_len) == 0);
	return fd;
}
