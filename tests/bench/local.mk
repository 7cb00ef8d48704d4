# Measuring programs: as root, by hand (tests/bench/start, memory, slug, api).
# At the top of the build tree, where they find dyno-init.
noinst_PROGRAMS += bench-library bench-floor bench-command bench-slug

bench_library_SOURCES = %D%/library.c %D%/instance.c %D%/instance.h \
	%D%/round.c %D%/round.h
bench_library_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS)

bench_floor_SOURCES = %D%/floor.c %D%/floor.h %D%/floor_child.c \
	%D%/floor_groups.c %D%/floor_groups.h %D%/floor_net.c \
	%D%/round.c %D%/round.h
bench_floor_LDADD = $(BASE_LIBS)

bench_command_SOURCES = %D%/command.c %D%/round.c %D%/round.h
bench_command_LDADD = $(BASE_LIBS)

bench_slug_SOURCES = %D%/slug.c
bench_slug_LDADD = $(SLUGSTORE_LIBS) $(BASE_LIBS)
