check_PROGRAMS += tests/cli/test-words tests/cli/test-texts tests/cli/test-slug_file \
	tests/cli/test-sandbox tests/cli/test-attach tests/cli/test-verbs \
	tests/cli/test-doctor
CLI_TEST_CFLAGS = $(libcli_a_CFLAGS) $(CMOCKA_CFLAGS)
CLI_TEST_LIBS = $(CLI_LIBS) $(CMOCKA_LIBS)

tests_cli_test_words_SOURCES = %D%/test-words.c
tests_cli_test_words_CFLAGS = $(CLI_TEST_CFLAGS)
tests_cli_test_words_LDADD = $(CLI_TEST_LIBS)
tests_cli_test_texts_SOURCES = %D%/test-texts.c
tests_cli_test_texts_CFLAGS = $(CLI_TEST_CFLAGS)
tests_cli_test_texts_LDADD = $(CLI_TEST_LIBS)
tests_cli_test_slug_file_SOURCES = %D%/test-slug_file.c
tests_cli_test_slug_file_CFLAGS = $(CLI_TEST_CFLAGS)
tests_cli_test_slug_file_LDADD = $(CLI_TEST_LIBS)
tests_cli_test_sandbox_SOURCES = %D%/test-sandbox.c
tests_cli_test_sandbox_CFLAGS = $(CLI_TEST_CFLAGS)
tests_cli_test_sandbox_LDADD = $(CLI_TEST_LIBS)
tests_cli_test_attach_SOURCES = %D%/test-attach.c
tests_cli_test_attach_CFLAGS = $(CLI_TEST_CFLAGS)
tests_cli_test_attach_LDADD = $(CLI_TEST_LIBS)
tests_cli_test_verbs_SOURCES = %D%/test-verbs.c
tests_cli_test_verbs_CFLAGS = $(CLI_TEST_CFLAGS)
tests_cli_test_verbs_LDADD = $(CLI_TEST_LIBS)
EXTRA_tests_cli_test_verbs_DEPENDENCIES = dynoctl$(EXEEXT) dyno-slug$(EXEEXT)
tests_cli_test_doctor_SOURCES = %D%/test-doctor.c
tests_cli_test_doctor_CFLAGS = $(CLI_TEST_CFLAGS)
tests_cli_test_doctor_LDADD = $(CLI_TEST_LIBS)
