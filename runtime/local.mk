noinst_LIBRARIES += libruntime.a libruntime-child.a
libruntime_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS) $(CAP_CFLAGS) $(MNL_CFLAGS)
libruntime_a_SOURCES = \
	%D%/adopt.c \
	%D%/cgroup.c \
	%D%/cgroup.h \
	%D%/cgroup_attach.c \
	%D%/cgroup_device.c \
	%D%/cgroup_device.h \
	%D%/cgroup_dirs.c \
	%D%/cgroup_dirs.h \
	%D%/cgroup_freeze.c \
	%D%/cgroup_group.h \
	%D%/cgroup_group.c \
	%D%/cgroup_group_inside.h \
	%D%/cgroup_group_join.c \
	%D%/cgroup_group_life.c \
	%D%/cgroup_host.h \
	%D%/cgroup_limits.c \
	%D%/cgroup_limits.h \
	%D%/cgroup_make.c \
	%D%/cgroup_make.h \
	%D%/cgroup_mounts.c \
	%D%/cgroup_mounts.h \
	%D%/cgroup_oom.c \
	%D%/cgroup_path.c \
	%D%/cgroup_path.h \
	%D%/cgroup_process.c \
	%D%/cgroup_process.h \
	%D%/cgroup_realtime.c \
	%D%/cgroup_realtime.h \
	%D%/cgroup_settings.c \
	%D%/cgroup_settings.h \
	%D%/cgroup_settings_v1.c \
	%D%/cgroup_settings_v2.c \
	%D%/cgroup_tree.c \
	%D%/cgroup_tree.h \
	%D%/cgroup_usage.c \
	%D%/cgroup_usage.h \
	%D%/cgroup_usage_inside.h \
	%D%/cgroup_usage_v1.c \
	%D%/cgroup_usage_v2.c \
	%D%/cgroup_v1.c \
	%D%/cgroup_v2.c \
	%D%/dyno.c \
	%D%/etc.c \
	%D%/etc.h \
	%D%/idmap.c \
	%D%/idmap.h \
	%D%/init.h \
	%D%/instance.h \
	%D%/landlock.c \
	%D%/landlock.h \
	%D%/network.c \
	%D%/network.h \
	%D%/network_claim.c \
	%D%/network_claim.h \
	%D%/network_dns.c \
	%D%/network_dns.h \
	%D%/network_filter.c \
	%D%/network_filter.h \
	%D%/network_guard.c \
	%D%/network_guard.h \
	%D%/network_link.c \
	%D%/network_link.h \
	%D%/network_netlink.c \
	%D%/network_netlink.h \
	%D%/network_pool.c \
	%D%/network_pool.h \
	%D%/network_query.c \
	%D%/network_query.h \
	%D%/network_rules.c \
	%D%/network_rules.h \
	%D%/network_state.h \
	%D%/network_sysctl.c \
	%D%/network_sysctl.h \
	%D%/network_watch.c \
	%D%/network_watch.h \
	%D%/plan.c \
	%D%/plan.h \
	%D%/plan_dyno.c \
	%D%/plan_dyno.h \
	%D%/record.c \
	%D%/record.h \
	%D%/remove.c \
	%D%/runtime.c \
	%D%/runtime.h \
	%D%/seccomp.c \
	%D%/seccomp.h \
	%D%/seccomp_cache.c \
	%D%/seccomp_cache.h \
	%D%/seccomp_names.c \
	%D%/seccomp_names.h \
	%D%/seccomp_newer.c \
	%D%/seccomp_newer.h \
	%D%/seccomp_policy.c \
	%D%/seccomp_profile.c \
	%D%/seccomp_profile.h \
	%D%/seccomp_slim.c \
	%D%/seccomp_slim.h \
	%D%/seccomp_tree.c \
	%D%/seccomp_tree.h \
	%D%/spawn.c \
	%D%/spawn.h \
	%D%/stack.c \
	%D%/stack.h \
	%D%/stack_copy.c \
	%D%/stack_copy.h \
	%D%/start.c
RUNTIME_LIBS = libruntime.a libruntime-child.a $(SECCOMP_LIBS) $(CAP_LIBS) \
	$(MNL_LIBS)

# What reads JSON is a library of its own: dynod must not contain it.
noinst_LIBRARIES += libdynooci.a
libdynooci_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(SECCOMP_CFLAGS)
libdynooci_a_SOURCES = \
	%D%/container.c \
	%D%/container.h \
	%D%/container_child.c \
	%D%/container_child.h \
	%D%/container_config.c \
	%D%/container_copy.c \
	%D%/container_copy.h \
	%D%/container_create.c \
	%D%/container_device.c \
	%D%/container_device.h \
	%D%/container_exec.c \
	%D%/container_reveal.c \
	%D%/container_reveal.h \
	%D%/container_source.c \
	%D%/container_source.h \
	%D%/container_state.c \
	%D%/container_state.h \
	%D%/container_status.c \
	%D%/hook.c \
	%D%/hook.h \
	%D%/oci.c \
	%D%/oci.h \
	%D%/oci_arena.c \
	%D%/oci_arena.h \
	%D%/oci_default.c \
	%D%/oci_features.c \
	%D%/oci_hooks.c \
	%D%/oci_idmap.c \
	%D%/oci_json.c \
	%D%/oci_json.h \
	%D%/oci_linux.c \
	%D%/oci_mount.c \
	%D%/oci_mount.h \
	%D%/oci_mounts.c \
	%D%/oci_objects.h \
	%D%/oci_process.c \
	%D%/oci_read.c \
	%D%/oci_read.h \
	%D%/oci_refuse.c \
	%D%/oci_refuse.h \
	%D%/oci_resources.c \
	%D%/oci_rules.c \
	%D%/oci_seccomp.c \
	%D%/plan_oci.c \
	%D%/plan_oci.h \
	%D%/plan_rootfs.c \
	%D%/plan_rootfs.h \
	%D%/resources.h
# The names of a seccomp profile are libruntime's.
OCI_LIBS = libdynooci.a $(JANSSON_LIBS) $(RUNTIME_LIBS)

# The commands of dynorun.
noinst_LIBRARIES += libdynorun.a
libdynorun_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CAP_CFLAGS)
libdynorun_a_SOURCES = \
	%D%/dynorun.h \
	%D%/dynorun_bundle.c \
	%D%/dynorun_bundle.h \
	%D%/dynorun_console.c \
	%D%/dynorun_console.h \
	%D%/dynorun_delete.c \
	%D%/dynorun_events.c \
	%D%/dynorun_exec.c \
	%D%/dynorun_format.c \
	%D%/dynorun_format.h \
	%D%/dynorun_kill.c \
	%D%/dynorun_life.c \
	%D%/dynorun_life.h \
	%D%/dynorun_list.c \
	%D%/dynorun_log.c \
	%D%/dynorun_match.c \
	%D%/dynorun_option.c \
	%D%/dynorun_option.h \
	%D%/dynorun_process.c \
	%D%/dynorun_process.h \
	%D%/dynorun_ps.c \
	%D%/dynorun_self.c \
	%D%/dynorun_spec.c \
	%D%/dynorun_stats.c \
	%D%/dynorun_stats.h \
	%D%/dynorun_update.c

bin_PROGRAMS += dynorun
dist_bashcompletion_DATA += contrib/completion/dynorun.bash
dynorun_CFLAGS = $(AM_CFLAGS)
dynorun_LDFLAGS = $(AM_LDFLAGS) $(DYNORUN_LDFLAGS)
dynorun_SOURCES = %D%/dynorun.c
dynorun_LDADD = libdynorun.a libdynooci.a libruntime.a libruntime-child.a libbase.a \
	$(JANSSON_LIBS) $(SECCOMP_LIBS) $(CAP_LIBS)

# Neither sanitizers nor coverage here: between clone() and exec, and in PID 1
# of a dyno, there is no runtime for them to lean on.
libruntime_child_a_CFLAGS = $(WARN_CFLAGS)
libruntime_child_a_SOURCES = \
	%D%/child.c \
	%D%/child.h \
	%D%/child_file.c \
	%D%/child_hook.c \
	%D%/child_mount.c \
	%D%/child_op.h \
	%D%/child_path.c \
	%D%/child_privilege.c \
	%D%/child_process.c \
	%D%/child_stdio.c

pkglibexec_PROGRAMS += dyno-init
dyno_init_CFLAGS = $(WARN_CFLAGS) -ffreestanding -fno-stack-protector \
	-fno-asynchronous-unwind-tables -U_FORTIFY_SOURCE
dyno_init_LDFLAGS = -static -nostdlib -nostartfiles -Wl,-z,noseparate-code
dyno_init_SOURCES = %D%/init.c %D%/init.h %D%/bare.h
