noinst_LIBRARIES += libslugstore.a
libslugstore_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(INFLATE_CFLAGS) \
	$(GNUTLS_CFLAGS)
libslugstore_a_SOURCES = \
	%D%/digest.c %D%/digest.h \
	%D%/entry.c %D%/entry.h %D%/entry_quote.c \
	%D%/import.c \
	%D%/incoming.c %D%/incoming.h \
	%D%/inflate.c %D%/inflate.h %D%/inflate_coder.h \
	%D%/inflate_archive.c \
	%D%/inflate_gzip.c \
	%D%/inflate_xz.c \
	%D%/lease.c %D%/lease.h \
	%D%/limits.c %D%/limits.h \
	%D%/store.c %D%/store.h %D%/store_dir.h \
	%D%/store_unpack.c \
	%D%/tar.c %D%/tar.h \
	%D%/tree.c %D%/tree.h \
	%D%/unpack.c %D%/unpack.h \
	%D%/zstd_frames.c %D%/zstd_frames.h
SLUGSTORE_LIBS = libslugstore.a $(ARCHIVE_LIBS) $(INFLATE_LIBS) $(GNUTLS_LIBS)

bin_PROGRAMS += dyno-slug
dyno_slug_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
dyno_slug_SOURCES = \
	%D%/dyno-slug.c \
	%D%/fetch.c %D%/fetch.h \
	%D%/progress.c %D%/progress.h
dyno_slug_LDADD = $(SLUGSTORE_LIBS) $(CURL_LIBS) $(JANSSON_LIBS) $(BASE_LIBS)
