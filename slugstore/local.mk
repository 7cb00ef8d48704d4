noinst_LIBRARIES += libslugstore.a
libslugstore_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(GNUTLS_CFLAGS)
libslugstore_a_SOURCES = \
	%D%/store.h
SLUGSTORE_LIBS = libslugstore.a $(ARCHIVE_LIBS) $(GNUTLS_LIBS)
