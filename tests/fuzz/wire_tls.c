/*
 * wire_tls.c - GnuTLS on both sides.
 */
#include "base/error.h"
#include "base/file.h"
#include "controller/access/authority.h"
#include "controller/attach/attach.h"
#include "http/tls_identity.h"
#include "tests/fuzz/wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WIRE_NAME "fuzz.test"
#define WIRE_DAY 86400

static struct {
	char dir[64];
	struct authority *ca;
	struct tls_identity *identity;
	struct tls_creds *creds;	/* the client's */
	gnutls_session_t session;
	int fd;
} wire = { .fd = -1 };

static void wire_end(void)
{
	tls_identity_free(wire.identity);
	tls_creds_unref(wire.creds);
	authority_free(wire.ca);
	file_remove_tree(AT_FDCWD, wire.dir, NULL);
}

struct tls_identity *wire_identity(void)
{
	static const char *const names[] = { WIRE_NAME };
	auto_free char *server = NULL, *ca = NULL;
	auto_buf pem = BUF_INIT;
	struct error e;

	if (wire.identity)
		return wire.identity;
	snprintf(wire.dir, sizeof(wire.dir), "%s/dyno-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert(mkdtemp(wire.dir));
	atexit(wire_end);
	server = xasprintf("%s/server.pem", wire.dir);
	ca = xasprintf("%s/ca.pem", wire.dir);
	assert(authority_open(&wire.ca, wire.dir, &e) == 0);
	assert(authority_sign_server(wire.ca, names, 1, WIRE_DAY, &pem, &e) == 0);
	assert(file_write_fast(AT_FDCWD, server, pem.data, pem.len, 0600, &e) == 0);
	assert(tls_identity_new(&wire.identity, &(struct tls_creds_spec){
		.cert_file = server, }, &e) == 0);
	assert(tls_creds_load(&wire.creds, &(struct tls_creds_spec){
		.ca_file = ca, }, &e) == 0);
	return wire.identity;
}

const int wire_socket_type = SOCK_STREAM;

void wire_connect(sd_event *event, bool frames)
{
	struct error e;
	int r;

	wire.fd = wire_socket_connect();
	assert(tls_creds_session(wire.creds, WIRE_NAME, frames ? ATTACH_PROTOCOL : NULL,
				 &wire.session, &e) == 0);
	gnutls_transport_set_int(wire.session, wire.fd);
	while ((r = gnutls_handshake(wire.session)) != 0) {
		assert(!gnutls_error_is_fatal(r));
		sd_event_run(event, 0);
	}
	assert(tls_creds_agreed(wire.session, ATTACH_PROTOCOL) == frames);
}

bool wire_send(const char *data, size_t n)
{
	return gnutls_record_send(wire.session, data, n) == (ssize_t)n;
}

ssize_t wire_receive(struct buf *ret)
{
	ssize_t n;

	buf_reserve(ret, WIRE_RECORD_MAX);
	n = gnutls_record_recv(wire.session, ret->data + ret->len, WIRE_RECORD_MAX);
	if (n <= 0)
		return n < 0 && !gnutls_error_is_fatal((int)n) ? 0 : -1;
	ret->len += (size_t)n;
	ret->data[ret->len] = '\0';
	return n;
}

void wire_half_close(void)
{
	gnutls_bye(wire.session, GNUTLS_SHUT_WR);
	shutdown(wire.fd, SHUT_WR);
}

void wire_close(void)
{
	gnutls_deinit(wire.session);
	wire.fd = fd_close(wire.fd);
}
