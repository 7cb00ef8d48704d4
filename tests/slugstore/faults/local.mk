# What the crash points of slugs are tried with: see crash-points.
noinst_PROGRAMS += %D%/tripwire %D%/steward
tests_slugstore_faults_tripwire_CFLAGS = $(WARN_CFLAGS)
tests_slugstore_faults_tripwire_SOURCES = %D%/tripwire.c \
	%D%/tripwire_call.c %D%/tripwire_call.h
tests_slugstore_faults_steward_SOURCES = %D%/steward.c
tests_slugstore_faults_steward_LDADD = $(SLUGSTORE_LIBS) $(BASE_LIBS)
EXTRA_DIST += %D%/crash-points %D%/crowd %D%/inotify.py %D%/judge.py %D%/power-cut \
	%D%/scenarios.py %D%/server.py %D%/slugs.py
