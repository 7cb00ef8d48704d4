noinst_LIBRARIES += libhttp.a
libhttp_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(MICROHTTPD_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
libhttp_a_SOURCES = \
	%D%/client.h \
	%D%/json.h \
	%D%/server.h
