# Targets for foreign bytes; with "make check" each runs its corpus.
check_PROGRAMS += tests/fuzz/fuzz-slug
EXTRA_DIST += %D%/slug

tests_fuzz_fuzz_slug_SOURCES = %D%/fuzz-slug.c
tests_fuzz_fuzz_slug_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
tests_fuzz_fuzz_slug_LDADD = $(SLUGSTORE_LIBS) $(BASE_LIBS)
