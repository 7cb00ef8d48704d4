check_PROGRAMS += %D%/test-dynod-conf %D%/test-dynod-wipe \
	%D%/test-host-message %D%/test-host-server %D%/test-keeper

tests_manager_test_dynod_conf_SOURCES = %D%/test-dynod-conf.c
tests_manager_test_dynod_conf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_dynod_conf_LDADD = $(DYNOD_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_manager_test_dynod_wipe_SOURCES = %D%/test-dynod-wipe.c \
	%D%/fake_runtime.c %D%/fake_runtime.h
tests_manager_test_dynod_wipe_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_dynod_wipe_LDADD = $(DYNOD_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_manager_test_host_message_SOURCES = %D%/test-host-message.c \
	%D%/fuzz_host_message.c
tests_manager_test_host_message_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_host_message_LDADD = libmanager.a $(BASE_LIBS) $(CMOCKA_LIBS)

tests_manager_test_host_server_SOURCES = %D%/test-host-server.c \
	%D%/fake_runtime.c %D%/fake_runtime.h
tests_manager_test_host_server_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(CMOCKA_CFLAGS)
tests_manager_test_host_server_LDADD = $(DYNOD_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_manager_test_keeper_SOURCES = %D%/test-keeper.c
tests_manager_test_keeper_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_keeper_LDADD = $(DYNOD_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

# For tests/system/test_dynod.py.
noinst_PROGRAMS += %D%/fake-supervisor
tests_manager_fake_supervisor_SOURCES = %D%/fake-supervisor.c
tests_manager_fake_supervisor_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_manager_fake_supervisor_LDADD = libmanager.a $(BASE_LIBS)
