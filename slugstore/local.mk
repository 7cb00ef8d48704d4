noinst_LIBRARIES += libslugstore.a
libslugstore_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(GNUTLS_CFLAGS)
libslugstore_a_SOURCES = \
	%D%/digest.c %D%/digest.h \
	%D%/entry.c %D%/entry.h \
	%D%/import.c \
	%D%/incoming.c %D%/incoming.h \
	%D%/lease.c %D%/lease.h \
	%D%/limits.c %D%/limits.h \
	%D%/store.c %D%/store.h %D%/store_dir.h \
	%D%/store_unpack.c \
	%D%/tar.c %D%/tar.h \
	%D%/tree.c %D%/tree.h \
	%D%/unpack.c %D%/unpack.h
SLUGSTORE_LIBS = libslugstore.a $(ARCHIVE_LIBS) $(GNUTLS_LIBS)

bin_PROGRAMS += dyno-slug
dyno_slug_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
dyno_slug_SOURCES = \
	%D%/dyno-slug.c \
	%D%/fetch.c %D%/fetch.h \
	%D%/progress.c %D%/progress.h
dyno_slug_LDADD = $(SLUGSTORE_LIBS) $(CURL_LIBS) $(JANSSON_LIBS) $(BASE_LIBS)
