noinst_LIBRARIES += libmanager.a
libmanager_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
libmanager_a_SOURCES = \
	%D%/host_client.c %D%/host_client.h \
	%D%/host_link.c %D%/host_link.h \
	%D%/host_message.c %D%/host_message.h \
	%D%/host_proto.h \
	%D%/limits.h

# What only dynod is made of: a library, so that tests can link it with a fake
# runtime.
noinst_LIBRARIES += libdynod.a
libdynod_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
libdynod_a_SOURCES = \
	%D%/dyno_table.c %D%/dyno_table.h \
	%D%/dynod_conf.c %D%/dynod_conf.h \
	%D%/dynod_wipe.c %D%/dynod_wipe.h \
	%D%/host_check.c %D%/host_check.h \
	%D%/host_server.c %D%/host_server.h \
	%D%/instance_lock.c %D%/instance_lock.h \
	%D%/keeper.c %D%/keeper.h
DYNOD_LIBS = libdynod.a libmanager.a

pkglibexec_PROGRAMS += dynod
dynod_SOURCES = %D%/dynod.c
dynod_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
dynod_LDADD = $(DYNOD_LIBS) $(RUNTIME_LIBS) $(BASE_LIBS)
