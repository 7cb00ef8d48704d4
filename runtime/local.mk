noinst_LIBRARIES += libruntime.a
libruntime_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS) $(CAP_CFLAGS) $(MNL_CFLAGS)
libruntime_a_SOURCES = \
	%D%/cgroup.h \
	%D%/network.h \
	%D%/runtime.h \
	%D%/stack.h
RUNTIME_LIBS = libruntime.a $(SECCOMP_LIBS) $(CAP_LIBS) $(MNL_LIBS)
