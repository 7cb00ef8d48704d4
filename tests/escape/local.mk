# The escape probes of test_escape.py: one static program, since it has to run
# on any stack. Without sanitizers: it runs out of memory on purpose.
noinst_PROGRAMS += %D%/escape
tests_escape_escape_CFLAGS = $(WARN_CFLAGS)
tests_escape_escape_LDFLAGS = -static
tests_escape_escape_SOURCES = %D%/bombs.c %D%/enter.c %D%/ether.c \
	%D%/files.c %D%/filter.c %D%/kernel.c %D%/main.c %D%/mounts.c \
	%D%/namespaces.c %D%/network.c %D%/probe.h %D%/processes.c \
	%D%/terminal.c %D%/tree.c
