noinst_LIBRARIES += libbase.a
libbase_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(INIH_CFLAGS)
libbase_a_SOURCES = \
	%D%/alloc.c %D%/base.h \
	%D%/buf.c %D%/buf.h \
	%D%/clock.c %D%/clock.h \
	%D%/conf.c %D%/conf.h \
	%D%/error.c %D%/error.h \
	%D%/fdstore.c %D%/fdstore.h \
	%D%/fault.c %D%/fault.h \
	%D%/file.c %D%/file.h \
	%D%/id.c %D%/id.h \
	%D%/job.c %D%/job.h \
	%D%/list.h \
	%D%/log.c %D%/log.h \
	%D%/loop.c %D%/loop.h \
	%D%/map.c %D%/map.h \
	%D%/process.c %D%/process.h %D%/process_user.c \
	%D%/replay.c %D%/replay.h \
	%D%/root.c %D%/root.h \
	%D%/sock.c %D%/sock.h \
	%D%/strv.c %D%/strv.h \
	%D%/terminal.c %D%/terminal.h \
	%D%/verb.c %D%/verb.h
