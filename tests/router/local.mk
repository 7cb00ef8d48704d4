router_tests = tests/router/test-routes tests/router/test-haproxy-conf \
	tests/router/test-haproxy tests/router/test-waiting-room
check_PROGRAMS += $(router_tests)
ROUTER_TEST_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
ROUTER_TEST_LIBS = librouter.a $(HTTP_LIBS) $(CMOCKA_LIBS)

tests_router_test_routes_SOURCES = %D%/test-routes.c
tests_router_test_routes_CFLAGS = $(ROUTER_TEST_CFLAGS)
tests_router_test_routes_LDADD = $(ROUTER_TEST_LIBS)
tests_router_test_haproxy_conf_SOURCES = %D%/test-haproxy-conf.c
tests_router_test_haproxy_conf_CFLAGS = $(ROUTER_TEST_CFLAGS)
tests_router_test_haproxy_conf_LDADD = $(ROUTER_TEST_LIBS)
tests_router_test_haproxy_SOURCES = %D%/test-haproxy.c
tests_router_test_haproxy_CFLAGS = $(ROUTER_TEST_CFLAGS)
tests_router_test_haproxy_LDADD = $(ROUTER_TEST_LIBS)
tests_router_test_waiting_room_SOURCES = %D%/test-waiting-room.c
tests_router_test_waiting_room_CFLAGS = $(ROUTER_TEST_CFLAGS)
tests_router_test_waiting_room_LDADD = $(ROUTER_TEST_LIBS)
