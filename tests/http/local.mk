http_tests = tests/http/test-server
check_PROGRAMS += $(http_tests)
HTTP_TEST_CFLAGS = $(libhttp_a_CFLAGS) $(CMOCKA_CFLAGS)
HTTP_TEST_LIBS = $(HTTP_LIBS) $(CMOCKA_LIBS)

tests_http_test_server_SOURCES = %D%/test-server.c %D%/world.c %D%/world.h
tests_http_test_server_CFLAGS = $(HTTP_TEST_CFLAGS)
tests_http_test_server_LDADD = $(HTTP_TEST_LIBS)
