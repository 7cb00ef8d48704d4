noinst_LIBRARIES += libruntime.a
libruntime_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS) $(CAP_CFLAGS) $(MNL_CFLAGS)
libruntime_a_SOURCES = \
	%D%/cgroup.c \
	%D%/cgroup.h \
	%D%/cgroup_host.h \
	%D%/cgroup_limits.c \
	%D%/cgroup_limits.h \
	%D%/cgroup_mounts.c \
	%D%/cgroup_mounts.h \
	%D%/cgroup_tree.c \
	%D%/cgroup_tree.h \
	%D%/cgroup_v1.c \
	%D%/cgroup_v2.c \
	%D%/network.c \
	%D%/network.h \
	%D%/network_filter.c \
	%D%/network_filter.h \
	%D%/network_link.c \
	%D%/network_link.h \
	%D%/network_netlink.c \
	%D%/network_netlink.h \
	%D%/network_pool.c \
	%D%/network_pool.h \
	%D%/runtime.h \
	%D%/stack.c \
	%D%/stack_copy.c \
	%D%/stack_copy.h \
	%D%/stack.h
RUNTIME_LIBS = libruntime.a $(SECCOMP_LIBS) $(CAP_LIBS) $(MNL_LIBS)
