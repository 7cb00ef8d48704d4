noinst_LIBRARIES += librouter.a
librouter_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
librouter_a_SOURCES = \
	%D%/activity.c %D%/activity.h \
	%D%/haproxy.c %D%/haproxy.h \
	%D%/haproxy_conf.c %D%/haproxy_conf.h \
	%D%/router.c %D%/router.h \
	%D%/routes.c %D%/routes.h \
	%D%/waiting_room.c %D%/waiting_room.h

pkglibexec_PROGRAMS += dyno-router
dyno_router_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
dyno_router_SOURCES = %D%/main.c
dyno_router_LDADD = librouter.a $(HTTP_LIBS)
