noinst_LIBRARIES += libhttp.a
libhttp_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(MICROHTTPD_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS) \
	$(GNUTLS_CFLAGS)
libhttp_a_SOURCES = \
	%D%/body_room.c %D%/body_room.h \
	%D%/byte_range.c %D%/byte_range.h \
	%D%/call.c %D%/call.h \
	%D%/client.c %D%/client.h \
	%D%/gzip.c %D%/gzip.h \
	%D%/handshake.c \
	%D%/handshake_tcp.c %D%/handshake_tcp.h \
	%D%/handshake_tls.c %D%/handshake_tls.h \
	%D%/json.c %D%/json.h \
	%D%/lookup.c %D%/lookup.h \
	%D%/reply.c \
	%D%/reply_file.c \
	%D%/request.c %D%/request.h %D%/request_ask.c \
	%D%/route.c %D%/route.h \
	%D%/server.c %D%/server.h \
	%D%/stream.c \
	%D%/tls_creds.c %D%/tls_creds.h \
	%D%/tls_identity.c %D%/tls_identity.h \
	%D%/tls_listener.c %D%/tls_listener.h \
	%D%/tls_pipe.c %D%/tls_pipe.h \
	%D%/upgrade.c \
	%D%/wire.c %D%/wire.h
