base_tests = \
	tests/base/test-error \
	tests/base/test-buf \
	tests/base/test-strv \
	tests/base/test-map \
	tests/base/test-clock \
	tests/base/test-id \
	tests/base/test-conf \
	tests/base/test-verb \
	tests/base/test-file \
	tests/base/test-process \
	tests/base/test-job \
	tests/base/test-sock \
	tests/base/test-fdstore \
	tests/base/test-replay \
	tests/base/test-root
check_PROGRAMS += $(base_tests)
BASE_TEST_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(CMOCKA_CFLAGS)
BASE_TEST_LIBS = $(BASE_LIBS) $(CMOCKA_LIBS)
base_test_directory = %D%/directory.c %D%/directory.h

tests_base_test_error_SOURCES = %D%/test-error.c
tests_base_test_error_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_error_LDADD = $(BASE_TEST_LIBS)
tests_base_test_replay_SOURCES = %D%/test-replay.c
tests_base_test_replay_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_replay_LDADD = $(BASE_TEST_LIBS)
tests_base_test_buf_SOURCES = %D%/test-buf.c
tests_base_test_buf_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_buf_LDADD = $(BASE_TEST_LIBS)
tests_base_test_strv_SOURCES = %D%/test-strv.c
tests_base_test_strv_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_strv_LDADD = $(BASE_TEST_LIBS)
tests_base_test_map_SOURCES = %D%/test-map.c
tests_base_test_map_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_map_LDADD = $(BASE_TEST_LIBS)
tests_base_test_clock_SOURCES = %D%/test-clock.c
tests_base_test_clock_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_clock_LDADD = $(BASE_TEST_LIBS)
tests_base_test_id_SOURCES = %D%/test-id.c
tests_base_test_id_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_id_LDADD = $(BASE_TEST_LIBS)
tests_base_test_conf_SOURCES = %D%/test-conf.c $(base_test_directory)
tests_base_test_conf_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_conf_LDADD = $(BASE_TEST_LIBS)
tests_base_test_verb_SOURCES = %D%/test-verb.c
tests_base_test_verb_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_verb_LDADD = $(BASE_TEST_LIBS)
tests_base_test_file_SOURCES = %D%/test-file.c $(base_test_directory)
tests_base_test_file_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_file_LDADD = $(BASE_TEST_LIBS)
tests_base_test_process_SOURCES = %D%/test-process.c
tests_base_test_process_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_process_LDADD = $(BASE_TEST_LIBS)
tests_base_test_job_SOURCES = %D%/test-job.c
tests_base_test_job_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_job_LDADD = $(BASE_TEST_LIBS)
tests_base_test_sock_SOURCES = %D%/test-sock.c $(base_test_directory)
tests_base_test_sock_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_sock_LDADD = $(BASE_TEST_LIBS)
tests_base_test_root_SOURCES = %D%/test-root.c $(base_test_directory)
tests_base_test_root_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_root_LDADD = $(BASE_TEST_LIBS)
tests_base_test_fdstore_SOURCES = %D%/test-fdstore.c
tests_base_test_fdstore_CFLAGS = $(BASE_TEST_CFLAGS)
tests_base_test_fdstore_LDADD = $(BASE_TEST_LIBS)
