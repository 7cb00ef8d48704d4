noinst_LIBRARIES += libmanager.a
libmanager_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
libmanager_a_SOURCES = \
	%D%/host_client.c %D%/host_client.h \
	%D%/host_link.c %D%/host_link.h \
	%D%/host_message.c %D%/host_message.h \
	%D%/host_proto.h \
	%D%/limits.h
