check_PROGRAMS += %D%/test-cgroup %D%/test-network %D%/test-oci %D%/test-oci_errors \
	%D%/test-oci_json %D%/test-oci_mount %D%/test-plan \
	%D%/test-inside %D%/test-record %D%/test-seccomp %D%/test-stack

tests_runtime_test_cgroup_SOURCES = %D%/test-cgroup.c
tests_runtime_test_cgroup_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_cgroup_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test-container %D%/test-dynorun_option %D%/test-hook
tests_runtime_test_container_SOURCES = %D%/test-container.c $(base_test_directory)
tests_runtime_test_container_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_container_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_dynorun_option_SOURCES = %D%/test-dynorun_option.c
tests_runtime_test_dynorun_option_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_dynorun_option_LDADD = libdynorun.a $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_hook_SOURCES = %D%/test-hook.c $(base_test_directory)
tests_runtime_test_hook_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_hook_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test-cgroup-device %D%/test-cgroup-settings
tests_runtime_test_cgroup_device_SOURCES = %D%/test-cgroup-device.c
tests_runtime_test_cgroup_device_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_cgroup_device_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_cgroup_settings_SOURCES = %D%/test-cgroup-settings.c
tests_runtime_test_cgroup_settings_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_cgroup_settings_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_network_SOURCES = %D%/test-network.c
tests_runtime_test_network_CFLAGS = $(AM_CFLAGS) $(MNL_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_network_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_oci_SOURCES = %D%/test-oci.c %D%/oci_text.h
tests_runtime_test_oci_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_oci_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_oci_errors_SOURCES = %D%/test-oci_errors.c %D%/oci_text.h
tests_runtime_test_oci_errors_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_oci_errors_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_oci_json_SOURCES = %D%/test-oci_json.c
tests_runtime_test_oci_json_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_oci_json_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_oci_mount_SOURCES = %D%/test-oci_mount.c
tests_runtime_test_oci_mount_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_oci_mount_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_plan_SOURCES = %D%/test-plan.c
tests_runtime_test_plan_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_plan_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_inside_SOURCES = %D%/test-inside.c
tests_runtime_test_inside_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_inside_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_record_SOURCES = %D%/test-record.c
tests_runtime_test_record_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_record_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_seccomp_SOURCES = %D%/test-seccomp.c %D%/bpf.c %D%/bpf.h
tests_runtime_test_seccomp_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_seccomp_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_stack_SOURCES = %D%/test-stack.c
tests_runtime_test_stack_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_stack_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

# These need root and make kernel objects: tests/vm/check runs them, not "make check".
noinst_PROGRAMS += %D%/system-cgroup %D%/system-cgroup-group %D%/system-network

tests_runtime_system_cgroup_SOURCES = %D%/system-cgroup.c
tests_runtime_system_cgroup_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_system_cgroup_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_system_cgroup_group_SOURCES = %D%/system-cgroup-group.c
tests_runtime_system_cgroup_group_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_system_cgroup_group_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_system_network_SOURCES = %D%/system-network.c %D%/netns.c \
	%D%/netns.h %D%/netns_frame.c %D%/netns_frame.h %D%/network_reach.c \
	%D%/network_reach.h %D%/network_world.c %D%/network_world.h
tests_runtime_system_network_CFLAGS = $(AM_CFLAGS) $(MNL_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_system_network_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

# The whole runtime; at the top of the build tree, where it finds dyno-init.
noinst_PROGRAMS += system-runtime
system_runtime_SOURCES = %D%/system-runtime.c
system_runtime_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS)

# Starts that fail at every point.
noinst_PROGRAMS += system-faults
system_faults_SOURCES = %D%/system-faults.c %D%/census.c %D%/census.h \
	tests/bench/instance.c tests/bench/instance.h
system_faults_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) -lm

check_PROGRAMS += %D%/test-landlock
tests_runtime_test_landlock_SOURCES = %D%/test-landlock.c %D%/confine.c \
	%D%/confine.h
tests_runtime_test_landlock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_landlock_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

# "confined both node app.js", with strace -f around it: what a program thinks
# of a dyno's walls.
noinst_PROGRAMS += %D%/confined
tests_runtime_confined_SOURCES = %D%/confined.c %D%/confine.c %D%/confine.h
tests_runtime_confined_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS)

check_PROGRAMS += %D%/test-seccomp-profile %D%/test-seccomp-cache
tests_runtime_test_seccomp_profile_SOURCES = %D%/test-seccomp-profile.c %D%/bpf.c \
	%D%/bpf.h
tests_runtime_test_seccomp_profile_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS) \
	$(CMOCKA_CFLAGS)
tests_runtime_test_seccomp_profile_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)

tests_runtime_test_seccomp_cache_SOURCES = %D%/test-seccomp-cache.c
tests_runtime_test_seccomp_cache_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_seccomp_cache_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test-seccomp-slim
tests_runtime_test_seccomp_slim_SOURCES = %D%/test-seccomp-slim.c %D%/bpf.c %D%/bpf.h
tests_runtime_test_seccomp_slim_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_seccomp_slim_LDADD = $(RUNTIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test-plan_oci %D%/test-plan_rootfs
oci_plan_sources = %D%/oci_plan.c %D%/oci_plan.h %D%/oci_text.h
tests_runtime_test_plan_oci_SOURCES = %D%/test-plan_oci.c $(oci_plan_sources)
tests_runtime_test_plan_oci_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_plan_oci_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_runtime_test_plan_rootfs_SOURCES = %D%/test-plan_rootfs.c $(oci_plan_sources)
tests_runtime_test_plan_rootfs_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_runtime_test_plan_rootfs_LDADD = $(OCI_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
