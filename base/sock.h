#pragma once

/*
 * sock.h - unix sockets: listening, peer identity, messages with descriptors.
 */
#include "base/base.h"

#include <sys/socket.h>
#include <sys/types.h>

struct error;

#define SOCK_FDS_MAX 8

/* Listen on a unix stream socket. The socket appears under its path by a
 * rename when it is ready, replacing a stale one; mode applies. */
int sock_listen_unix(const char *path, mode_t mode, struct error *e);

/* Connect to a unix socket of the given type. Returns the fd. */
int sock_connect_unix(const char *path, int type, struct error *e);

/* Listen on TCP; port 0 picks a free one. Returns the fd. */
int sock_listen_tcp(const char *address, uint16_t port, uint16_t *ret_port,
		    struct error *e);

/* Is fd such a socket: listening there, by TCP? Port 0: on whatever port. */
bool sock_listens_tcp(int fd, const char *address, uint16_t port,
		      uint16_t *ret_port);

/* Is fd a stream socket that listens at this path? */
bool sock_listens_unix(int fd, const char *path);

int sock_peer(int fd, uid_t *ret_uid, pid_t *ret_pid, struct error *e);

/* One message with up to SOCK_FDS_MAX descriptors (borrowed). EAGAIN is an
 * error of that code. */
int sock_send(int fd, const void *data, size_t n, const int *fds, size_t n_fds,
	      struct error *e);

/*
 * One message: *ret_n bytes in data (a longer message is EMSGSIZE),
 * descriptors in fds[], *ret_n_fds of them, close-on-exec, owned by the
 * caller. A message of 0 bytes on SEQPACKET = the peer is gone.
 */
int sock_recv(int fd, void *data, size_t max, size_t *ret_n,
	      int fds[SOCK_FDS_MAX], size_t *ret_n_fds, struct error *e);
