check_PROGRAMS += %D%/test-dynod-conf %D%/test-dynod-wipe \
	%D%/test-host-message %D%/test-host-server %D%/test-keeper \
	%D%/test-upgrade

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

tests_manager_test_upgrade_SOURCES = %D%/test-upgrade.c
tests_manager_test_upgrade_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_upgrade_LDADD = $(DYNOD_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

# For tests/system/test_dynod.py.
noinst_PROGRAMS += %D%/fake-supervisor
tests_manager_fake_supervisor_SOURCES = %D%/fake-supervisor.c
tests_manager_fake_supervisor_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_manager_fake_supervisor_LDADD = libmanager.a $(BASE_LIBS)

check_PROGRAMS += %D%/test-address %D%/test-assignment %D%/test-attach \
	%D%/test-attach-frame %D%/test-backoff %D%/test-boot \
	%D%/test-capture %D%/test-cycle %D%/test-death \
	%D%/test-drain %D%/test-host-plan \
	%D%/test-prometheus \
	%D%/test-dyno-fsm %D%/test-journal %D%/test-labels \
	%D%/test-desired %D%/test-report %D%/test-webhook \
	%D%/test-life-model %D%/test-meter \
	%D%/test-port %D%/test-reconcile %D%/test-slug-jobs \
	%D%/test-slug-gc %D%/test-slug-pins %D%/test-state \
	%D%/test-supervisor-conf

tests_manager_test_address_SOURCES = %D%/test-address.c
tests_manager_test_address_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_address_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_assignment_SOURCES = %D%/test-assignment.c
tests_manager_test_assignment_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_assignment_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_attach_SOURCES = %D%/test-attach.c
tests_manager_test_attach_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_attach_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_attach_frame_SOURCES = %D%/test-attach-frame.c
tests_manager_test_attach_frame_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_attach_frame_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_backoff_SOURCES = %D%/test-backoff.c
tests_manager_test_backoff_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_backoff_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_boot_SOURCES = %D%/test-boot.c
tests_manager_test_boot_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_boot_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_capture_SOURCES = %D%/test-capture.c
tests_manager_test_capture_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_capture_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_cycle_SOURCES = %D%/test-cycle.c
tests_manager_test_cycle_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_cycle_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_death_SOURCES = %D%/test-death.c
tests_manager_test_death_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_death_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_drain_SOURCES = %D%/test-drain.c
tests_manager_test_drain_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_drain_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_host_plan_SOURCES = %D%/test-host-plan.c
tests_manager_test_host_plan_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_host_plan_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_prometheus_SOURCES = %D%/test-prometheus.c
tests_manager_test_prometheus_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_prometheus_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_dyno_fsm_SOURCES = %D%/test-dyno-fsm.c
tests_manager_test_dyno_fsm_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_dyno_fsm_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_journal_SOURCES = %D%/test-journal.c
tests_manager_test_journal_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_journal_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_labels_SOURCES = %D%/test-labels.c
tests_manager_test_labels_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_labels_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_report_SOURCES = %D%/test-report.c
tests_manager_test_report_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_report_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_life_model_SOURCES = %D%/test-life-model.c
tests_manager_test_life_model_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_life_model_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_webhook_SOURCES = %D%/test-webhook.c
tests_manager_test_webhook_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_webhook_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_desired_SOURCES = %D%/test-desired.c
tests_manager_test_desired_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_desired_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_meter_SOURCES = %D%/test-meter.c
tests_manager_test_meter_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_meter_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_port_SOURCES = %D%/test-port.c
tests_manager_test_port_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_port_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_reconcile_SOURCES = %D%/test-reconcile.c
tests_manager_test_reconcile_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_reconcile_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_slug_gc_SOURCES = %D%/test-slug-gc.c \
	%D%/slug_program.c %D%/slug_program.h
tests_manager_test_slug_gc_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_slug_gc_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_slug_pins_SOURCES = %D%/test-slug-pins.c \
	%D%/slug_program.c %D%/slug_program.h
tests_manager_test_slug_pins_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_slug_pins_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_slug_jobs_SOURCES = %D%/test-slug-jobs.c \
	%D%/slug_program.c %D%/slug_program.h
tests_manager_test_slug_jobs_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_slug_jobs_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

tests_manager_test_state_SOURCES = %D%/test-state.c
tests_manager_test_state_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_state_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)

# A control plane of a few lines, for system tests and for trying things.
EXTRA_DIST += %D%/fake_upstream.py

tests_manager_test_supervisor_conf_SOURCES = %D%/test-supervisor-conf.c
tests_manager_test_supervisor_conf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_manager_test_supervisor_conf_LDADD = $(SUPERVISOR_LIBS) $(CMOCKA_LIBS)
