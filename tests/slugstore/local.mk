SLUGSTORE_TEST_LIBS = $(SLUGSTORE_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
TRANSFER_TEST_LIBS = $(TRANSFER_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
SLUGSTORE_TEST_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += \
	tests/slugstore/test-collect \
	tests/slugstore/test-conf \
	tests/slugstore/test-crowd \
	tests/slugstore/test-download \
	tests/slugstore/test-dyno-slug \
	tests/slugstore/test-entry \
	tests/slugstore/test-inflate \
	tests/slugstore/test-keeping \
	tests/slugstore/test-lease \
	tests/slugstore/test-marks \
	tests/slugstore/test-image \
	tests/slugstore/test-pack \
	tests/slugstore/test-pins \
	tests/slugstore/test-reply \
	tests/slugstore/test-retry \
	tests/slugstore/test-s3 \
	tests/slugstore/test-slugignore \
	tests/slugstore/test-space \
	tests/slugstore/test-manifest \
	tests/slugstore/test-sandbox \
	tests/slugstore/test-store \
	tests/slugstore/test-tree \
	tests/slugstore/test-unpack

tests_slugstore_test_collect_SOURCES = %D%/test-collect.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_collect_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_collect_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_crowd_SOURCES = %D%/test-crowd.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_crowd_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_crowd_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_conf_SOURCES = %D%/test-conf.c %D%/maker.c %D%/maker.h
tests_slugstore_test_conf_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_conf_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_download_SOURCES = %D%/test-download.c \
	%D%/maker.c %D%/maker.h %D%/fake_http.c %D%/fake_http.h
tests_slugstore_test_download_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_download_LDADD = $(TRANSFER_TEST_LIBS)

tests_slugstore_test_dyno_slug_SOURCES = %D%/test-dyno-slug.c \
	%D%/maker.c %D%/maker.h %D%/fake_http.c %D%/fake_http.h
tests_slugstore_test_dyno_slug_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_dyno_slug_LDADD = $(SLUGSTORE_TEST_LIBS)
EXTRA_tests_slugstore_test_dyno_slug_DEPENDENCIES = dyno-slug$(EXEEXT)

tests_slugstore_test_entry_SOURCES = %D%/test-entry.c
tests_slugstore_test_entry_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_entry_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_keeping_SOURCES = %D%/test-keeping.c \
	%D%/command.c %D%/command.h %D%/maker.c %D%/maker.h
tests_slugstore_test_keeping_CFLAGS = $(SLUGSTORE_TEST_CFLAGS) $(JANSSON_CFLAGS)
tests_slugstore_test_keeping_LDADD = $(SLUGSTORE_TEST_LIBS) $(JANSSON_LIBS)
EXTRA_tests_slugstore_test_keeping_DEPENDENCIES = dyno-slug$(EXEEXT)

tests_slugstore_test_inflate_SOURCES = %D%/test-inflate.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_inflate_CFLAGS = $(SLUGSTORE_TEST_CFLAGS) $(INFLATE_CFLAGS)
tests_slugstore_test_inflate_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_lease_SOURCES = %D%/test-lease.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_lease_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_lease_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_image_SOURCES = %D%/test-image.c
tests_slugstore_test_image_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_image_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_pack_SOURCES = %D%/test-pack.c
tests_slugstore_test_pack_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_pack_LDADD = libslugpack.a $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_slugignore_SOURCES = %D%/test-slugignore.c
tests_slugstore_test_slugignore_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_slugignore_LDADD = libslugpack.a $(SLUGSTORE_TEST_LIBS)
tests_slugstore_test_marks_SOURCES = %D%/test-marks.c
tests_slugstore_test_marks_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_marks_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_pins_SOURCES = %D%/test-pins.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_pins_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_pins_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_space_SOURCES = %D%/test-space.c \
	%D%/command.c %D%/command.h %D%/maker.c %D%/maker.h
tests_slugstore_test_space_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_space_LDADD = $(SLUGSTORE_TEST_LIBS)
EXTRA_tests_slugstore_test_space_DEPENDENCIES = dyno-slug$(EXEEXT)

tests_slugstore_test_reply_SOURCES = %D%/test-reply.c
tests_slugstore_test_reply_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_reply_LDADD = $(TRANSFER_TEST_LIBS)

tests_slugstore_test_retry_SOURCES = %D%/test-retry.c
tests_slugstore_test_retry_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_retry_LDADD = $(TRANSFER_TEST_LIBS)

tests_slugstore_test_s3_SOURCES = %D%/test-s3.c
tests_slugstore_test_s3_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_s3_LDADD = $(TRANSFER_TEST_LIBS)

tests_slugstore_test_manifest_SOURCES = %D%/test-manifest.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_manifest_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_manifest_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_sandbox_SOURCES = %D%/test-sandbox.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_sandbox_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_sandbox_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_store_SOURCES = %D%/test-store.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_store_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_store_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_tree_SOURCES = %D%/test-tree.c
tests_slugstore_test_tree_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_tree_LDADD = $(SLUGSTORE_TEST_LIBS)

tests_slugstore_test_unpack_SOURCES = %D%/test-unpack.c \
	%D%/maker.c %D%/maker.h
tests_slugstore_test_unpack_CFLAGS = $(SLUGSTORE_TEST_CFLAGS)
tests_slugstore_test_unpack_LDADD = $(SLUGSTORE_TEST_LIBS)

dist_check_SCRIPTS += %D%/hostile/check
EXTRA_DIST += %D%/hostile/corpus.py %D%/hostile/tarball.py
