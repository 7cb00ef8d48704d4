http_tests = tests/http/test-byte_range tests/http/test-json \
	tests/http/test-route tests/http/test-reply_file \
	tests/http/test-server tests/http/test-client \
	tests/http/test-gzip tests/http/test-lookup tests/http/test-tls
check_PROGRAMS += $(http_tests)
HTTP_TEST_CFLAGS = $(libhttp_a_CFLAGS) $(CMOCKA_CFLAGS)
HTTP_TEST_LIBS = $(HTTP_LIBS) $(CMOCKA_LIBS)

tests_http_test_gzip_SOURCES = %D%/test-gzip.c
tests_http_test_gzip_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_gzip_LDADD = $(HTTP_TEST_LIBS) $(INFLATE_LIBS)
tests_http_test_byte_range_SOURCES = %D%/test-byte_range.c
tests_http_test_byte_range_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_byte_range_LDADD = $(HTTP_TEST_LIBS)
tests_http_test_lookup_SOURCES = %D%/test-lookup.c
tests_http_test_lookup_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_lookup_LDADD = $(HTTP_TEST_LIBS)
tests_http_test_json_SOURCES = %D%/test-json.c
tests_http_test_json_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_json_LDADD = $(HTTP_TEST_LIBS)
tests_http_test_route_SOURCES = %D%/test-route.c
tests_http_test_route_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_route_LDADD = $(HTTP_TEST_LIBS)
tests_http_test_server_SOURCES = %D%/test-server.c %D%/world.c %D%/world.h
tests_http_test_server_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_server_LDADD = $(HTTP_TEST_LIBS)
tests_http_test_client_SOURCES = %D%/test-client.c %D%/world.c %D%/world.h
tests_http_test_client_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_client_LDADD = $(HTTP_TEST_LIBS)
tests_http_test_reply_file_SOURCES = %D%/test-reply_file.c %D%/world.c \
	%D%/world.h
tests_http_test_reply_file_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_reply_file_LDADD = $(HTTP_TEST_LIBS)
tests_http_test_tls_SOURCES = %D%/test-tls.c %D%/world.c %D%/world.h
tests_http_test_tls_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_tls_LDADD = libcontroller.a $(HTTP_TEST_LIBS)
