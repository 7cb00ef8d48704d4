# Targets for foreign bytes; with "make check" each runs its corpus.
check_PROGRAMS += tests/fuzz/fuzz-api tests/fuzz/fuzz-attach tests/fuzz/fuzz-head \
	tests/fuzz/fuzz-logplex tests/fuzz/fuzz-manifest tests/fuzz/fuzz-oci \
	tests/fuzz/fuzz-rendezvous tests/fuzz/fuzz-rendezvous-tls tests/fuzz/fuzz-slug
EXTRA_DIST += %D%/api %D%/attach %D%/head %D%/logplex %D%/manifest %D%/oci \
	%D%/rendezvous %D%/slug

tests_fuzz_fuzz_api_SOURCES = %D%/fuzz-api.c %D%/corpus.c %D%/corpus.h \
	%D%/json_mutate.c %D%/json_mutate.h
tests_fuzz_fuzz_api_CFLAGS = $(libcontroller_a_CFLAGS)
tests_fuzz_fuzz_api_LDADD = $(CONTROLLER_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_attach_SOURCES = %D%/fuzz-attach.c %D%/corpus.c %D%/corpus.h
tests_fuzz_fuzz_attach_CFLAGS = $(libcontroller_a_CFLAGS)
tests_fuzz_fuzz_attach_LDADD = libcli.a $(CONTROLLER_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_head_SOURCES = %D%/fuzz-head.c %D%/corpus.c %D%/corpus.h
tests_fuzz_fuzz_head_CFLAGS = $(libcontroller_a_CFLAGS)
tests_fuzz_fuzz_head_LDADD = $(CONTROLLER_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_logplex_SOURCES = %D%/fuzz-logplex.c %D%/corpus.c %D%/corpus.h
tests_fuzz_fuzz_logplex_CFLAGS = $(libcontroller_a_CFLAGS)
tests_fuzz_fuzz_logplex_LDADD = $(CONTROLLER_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_manifest_SOURCES = %D%/fuzz-manifest.c %D%/corpus.c %D%/corpus.h
tests_fuzz_fuzz_manifest_LDADD = $(SLUGSTORE_LIBS) $(BASE_LIBS)

# The plain one has a tls_conn of its own.
tests_fuzz_fuzz_rendezvous_SOURCES = %D%/fuzz-rendezvous.c %D%/wire_plain.c %D%/wire.h %D%/wire_socket.c \
	%D%/corpus.c %D%/corpus.h
tests_fuzz_fuzz_rendezvous_CFLAGS = $(libcontroller_a_CFLAGS)
tests_fuzz_fuzz_rendezvous_LDADD = $(CONTROLLER_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_rendezvous_tls_SOURCES = %D%/fuzz-rendezvous.c %D%/wire_tls.c %D%/wire.h %D%/wire_socket.c \
	%D%/corpus.c %D%/corpus.h
tests_fuzz_fuzz_rendezvous_tls_CFLAGS = $(libcontroller_a_CFLAGS) -DFUZZ_TLS
tests_fuzz_fuzz_rendezvous_tls_LDADD = $(CONTROLLER_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_slug_SOURCES = %D%/fuzz-slug.c %D%/corpus.c %D%/corpus.h
tests_fuzz_fuzz_slug_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS)
tests_fuzz_fuzz_slug_LDADD = $(SLUGSTORE_LIBS) $(BASE_LIBS)

tests_fuzz_fuzz_oci_SOURCES = %D%/fuzz-oci.c %D%/corpus.c %D%/corpus.h \
	%D%/json_mutate.c %D%/json_mutate.h
tests_fuzz_fuzz_oci_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_oci_LDADD = $(OCI_LIBS) $(BASE_LIBS)
