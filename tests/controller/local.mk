controller_tests = \
	tests/controller/test-audit \
	tests/controller/test-negotiate \
	tests/controller/test-rate_limit \
	tests/controller/test-authority \
	tests/controller/test-config_vars \
	tests/controller/test-domain_name \
	tests/controller/test-drains \
	tests/controller/test-formation \
	tests/controller/test-logplex_frame \
	tests/controller/test-logs \
	tests/controller/test-range \
	tests/controller/test-record \
	tests/controller/test-secrets \
	tests/controller/test-sleep \
	tests/controller/test-state \
	tests/controller/test-vault \
	tests/controller/test-api \
	tests/controller/test-hosts \
	tests/controller/test-releases \
	tests/controller/test-upstream
check_PROGRAMS += $(controller_tests)
CONTROLLER_TEST_CFLAGS = $(libcontroller_a_CFLAGS) $(CMOCKA_CFLAGS)
CONTROLLER_TEST_LIBS = $(CONTROLLER_LIBS) $(CMOCKA_LIBS)

tests_controller_test_sleep_SOURCES = %D%/test-sleep.c
tests_controller_test_sleep_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_sleep_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_authority_SOURCES = %D%/test-authority.c
tests_controller_test_authority_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_authority_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_audit_SOURCES = %D%/test-audit.c
tests_controller_test_audit_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_audit_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_negotiate_SOURCES = %D%/test-negotiate.c
tests_controller_test_negotiate_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_negotiate_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_rate_limit_SOURCES = %D%/test-rate_limit.c
tests_controller_test_rate_limit_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_rate_limit_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_config_vars_SOURCES = %D%/test-config_vars.c
tests_controller_test_config_vars_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_config_vars_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_domain_name_SOURCES = %D%/test-domain_name.c
tests_controller_test_domain_name_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_domain_name_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_drains_SOURCES = %D%/test-drains.c
tests_controller_test_drains_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_drains_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_formation_SOURCES = %D%/test-formation.c
tests_controller_test_formation_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_formation_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_logplex_frame_SOURCES = %D%/test-logplex_frame.c
tests_controller_test_logplex_frame_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_logplex_frame_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_logs_SOURCES = %D%/test-logs.c
tests_controller_test_logs_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_logs_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_range_SOURCES = %D%/test-range.c
tests_controller_test_range_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_range_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_record_SOURCES = %D%/test-record.c
tests_controller_test_record_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_record_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_secrets_SOURCES = %D%/test-secrets.c
tests_controller_test_secrets_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_secrets_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_state_SOURCES = %D%/test-state.c
tests_controller_test_state_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_state_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_vault_SOURCES = %D%/test-vault.c
tests_controller_test_vault_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_vault_LDADD = $(CONTROLLER_TEST_LIBS)

# These talk to the program itself, on a unix socket below /tmp.
tests_controller_test_api_SOURCES = %D%/test-api.c %D%/instance.c %D%/instance.h
tests_controller_test_api_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_api_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_hosts_SOURCES = %D%/test-hosts.c %D%/instance.c %D%/instance.h
tests_controller_test_hosts_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_hosts_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_releases_SOURCES = %D%/test-releases.c %D%/instance.c \
	%D%/instance.h
tests_controller_test_releases_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_releases_LDADD = $(CONTROLLER_TEST_LIBS)
tests_controller_test_upstream_SOURCES = %D%/test-upstream.c %D%/instance.c \
	%D%/instance.h
tests_controller_test_upstream_CFLAGS = $(CONTROLLER_TEST_CFLAGS)
tests_controller_test_upstream_LDADD = $(CONTROLLER_TEST_LIBS)
