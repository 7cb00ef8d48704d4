noinst_LIBRARIES += libruntime.a libruntime-child.a
libruntime_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS) $(CAP_CFLAGS) $(MNL_CFLAGS)
libruntime_a_SOURCES = \
	%D%/adopt.c \
	%D%/trial.c \
	%D%/cgroup/cgroup.c \
	%D%/cgroup/cgroup.h \
	%D%/cgroup/cgroup_attach.c \
	%D%/cgroup/cgroup_device.c \
	%D%/cgroup/cgroup_device.h \
	%D%/cgroup/cgroup_dirs.c \
	%D%/cgroup/cgroup_dirs.h \
	%D%/cgroup/cgroup_freeze.c \
	%D%/cgroup/cgroup_group.h \
	%D%/cgroup/cgroup_group.c \
	%D%/cgroup/cgroup_group_inside.h \
	%D%/cgroup/cgroup_group_join.c \
	%D%/cgroup/cgroup_group_life.c \
	%D%/cgroup/cgroup_host.h \
	%D%/cgroup/cgroup_limits.c \
	%D%/cgroup/cgroup_limits.h \
	%D%/cgroup/cgroup_make.c \
	%D%/cgroup/cgroup_make.h \
	%D%/cgroup/cgroup_mounts.c \
	%D%/cgroup/cgroup_mounts.h \
	%D%/cgroup/cgroup_oom.c \
	%D%/cgroup/cgroup_oom.h \
	%D%/cgroup/cgroup_path.c \
	%D%/cgroup/cgroup_path.h \
	%D%/cgroup/cgroup_process.c \
	%D%/cgroup/cgroup_process.h \
	%D%/cgroup/cgroup_realtime.c \
	%D%/cgroup/cgroup_realtime.h \
	%D%/cgroup/cgroup_settings.c \
	%D%/cgroup/cgroup_settings.h \
	%D%/cgroup/cgroup_settings_v1.c \
	%D%/cgroup/cgroup_settings_v2.c \
	%D%/cgroup/cgroup_tree.c \
	%D%/cgroup/cgroup_tree.h \
	%D%/cgroup/cgroup_usage.c \
	%D%/cgroup/cgroup_usage.h \
	%D%/cgroup/cgroup_usage_inside.h \
	%D%/cgroup/cgroup_usage_v1.c \
	%D%/cgroup/cgroup_usage_v2.c \
	%D%/cgroup/cgroup_v1.c \
	%D%/cgroup/cgroup_v2.c \
	%D%/dyno.c \
	%D%/dyno_usage.c \
	%D%/etc.c \
	%D%/etc.h \
	%D%/idmap.c \
	%D%/idmap.h \
	%D%/init.h \
	%D%/inside.c \
	%D%/instance.h \
	%D%/filter/landlock.c \
	%D%/filter/landlock.h \
	%D%/network/network.c \
	%D%/network/network.h \
	%D%/network/network_claim.c \
	%D%/network/network_claim.h \
	%D%/network/network_dns.c \
	%D%/network/network_dns.h \
	%D%/network/network_filter.c \
	%D%/network/network_filter.h \
	%D%/network/network_guard.c \
	%D%/network/network_guard.h \
	%D%/network/network_link.c \
	%D%/network/network_link.h \
	%D%/network/network_netlink.c \
	%D%/network/network_netlink.h \
	%D%/network/network_pool.c \
	%D%/network/network_prefix.c \
	%D%/network/network_pool.h \
	%D%/network/network_query.c \
	%D%/network/network_query.h \
	%D%/network/network_rules.c \
	%D%/network/network_rules.h \
	%D%/network/network_state.h \
	%D%/network/network_sysctl.c \
	%D%/network/network_sysctl.h \
	%D%/network/network_watch.c \
	%D%/network/network_watch.h \
	%D%/plan.c \
	%D%/plan.h \
	%D%/plan_dyno.c \
	%D%/plan_dyno.h \
	%D%/plan_dyno_root.c \
	%D%/plan_dyno_root.h \
	%D%/record.c \
	%D%/record.h \
	%D%/remove.c \
	%D%/runtime.c \
	%D%/runtime.h \
	%D%/filter/seccomp.c \
	%D%/filter/seccomp.h \
	%D%/filter/seccomp_cache.c \
	%D%/filter/seccomp_cache.h \
	%D%/filter/seccomp_names.c \
	%D%/filter/seccomp_names.h \
	%D%/filter/seccomp_newer.c \
	%D%/filter/seccomp_newer.h \
	%D%/filter/seccomp_policy.c \
	%D%/filter/seccomp_profile.c \
	%D%/filter/seccomp_profile.h \
	%D%/filter/seccomp_slim.c \
	%D%/filter/seccomp_slim.h \
	%D%/filter/seccomp_tree.c \
	%D%/filter/seccomp_tree.h \
	%D%/slug_image.c \
	%D%/slug_image.h \
	%D%/spawn.c \
	%D%/spawn.h \
	%D%/stack.c \
	%D%/stack.h \
	%D%/stack_copy.c \
	%D%/stack_copy.h \
	%D%/start.c \
	%D%/start_layers.c %D%/start_layers.h
RUNTIME_LIBS = libruntime.a libruntime-child.a $(SECCOMP_LIBS) $(CAP_LIBS) \
	$(MNL_LIBS)

# What reads JSON is a library of its own: dynod must not contain it.
noinst_LIBRARIES += libdynooci.a
libdynooci_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(SECCOMP_CFLAGS)
libdynooci_a_SOURCES = \
	%D%/oci/container.c \
	%D%/oci/container.h \
	%D%/oci/container_child.c \
	%D%/oci/container_child.h \
	%D%/oci/container_config.c \
	%D%/oci/container_copy.c \
	%D%/oci/container_copy.h \
	%D%/oci/container_create.c \
	%D%/oci/container_device.c \
	%D%/oci/container_device.h \
	%D%/oci/container_exec.c \
	%D%/oci/container_reveal.c \
	%D%/oci/container_reveal.h \
	%D%/oci/container_source.c \
	%D%/oci/container_source.h \
	%D%/oci/container_state.c \
	%D%/oci/container_state.h \
	%D%/oci/container_status.c \
	%D%/oci/hook.c \
	%D%/oci/hook.h \
	%D%/oci/oci.c \
	%D%/oci/oci.h \
	%D%/oci/oci_arena.c \
	%D%/oci/oci_arena.h \
	%D%/oci/oci_default.c \
	%D%/oci/oci_features.c \
	%D%/oci/oci_hooks.c \
	%D%/oci/oci_idmap.c \
	%D%/oci/oci_json.c \
	%D%/oci/oci_json.h \
	%D%/oci/oci_linux.c \
	%D%/oci/oci_mount.c \
	%D%/oci/oci_mount.h \
	%D%/oci/oci_mounts.c \
	%D%/oci/oci_objects.h \
	%D%/oci/oci_process.c \
	%D%/oci/oci_read.c \
	%D%/oci/oci_read.h \
	%D%/oci/oci_refuse.c \
	%D%/oci/oci_refuse.h \
	%D%/oci/oci_resources.c \
	%D%/oci/oci_rules.c \
	%D%/oci/oci_seccomp.c \
	%D%/oci/plan_oci.c %D%/oci/plan_oci.h \
	%D%/oci/plan_process.c %D%/oci/plan_process.h \
	%D%/oci/plan_rootfs.c \
	%D%/oci/plan_rootfs.h \
	%D%/cgroup/resources.h
# The names of a seccomp profile are libruntime's.
OCI_LIBS = libdynooci.a $(JANSSON_LIBS) $(RUNTIME_LIBS)

# The commands of dynorun.
noinst_LIBRARIES += libdynorun.a
libdynorun_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CAP_CFLAGS)
libdynorun_a_SOURCES = \
	%D%/dynorun/dynorun.h \
	%D%/dynorun/dynorun_bundle.c \
	%D%/dynorun/dynorun_bundle.h \
	%D%/dynorun/dynorun_console.c \
	%D%/dynorun/dynorun_console.h \
	%D%/dynorun/dynorun_delete.c \
	%D%/dynorun/dynorun_events.c \
	%D%/dynorun/dynorun_exec.c \
	%D%/dynorun/dynorun_format.c \
	%D%/dynorun/dynorun_format.h \
	%D%/dynorun/dynorun_kill.c \
	%D%/dynorun/dynorun_life.c \
	%D%/dynorun/dynorun_life.h \
	%D%/dynorun/dynorun_list.c \
	%D%/dynorun/dynorun_log.c \
	%D%/dynorun/dynorun_match.c \
	%D%/dynorun/dynorun_option.c \
	%D%/dynorun/dynorun_option.h \
	%D%/dynorun/dynorun_process.c \
	%D%/dynorun/dynorun_process.h \
	%D%/dynorun/dynorun_ps.c \
	%D%/dynorun/dynorun_self.c \
	%D%/dynorun/dynorun_spec.c \
	%D%/dynorun/dynorun_stats.c \
	%D%/dynorun/dynorun_stats.h \
	%D%/dynorun/dynorun_update.c

bin_PROGRAMS += dynorun
dist_bashcompletion_DATA += contrib/completion/dynorun.bash
dynorun_CFLAGS = $(AM_CFLAGS)
dynorun_LDFLAGS = $(AM_LDFLAGS) $(DYNORUN_LDFLAGS)
dynorun_SOURCES = %D%/dynorun/dynorun.c
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
# The builder's CFLAGS come last, and Debian's ask for a guard that only libc makes.
%D%/dyno_init-init.$(OBJEXT) %D%/dyno_init-init_session.$(OBJEXT): \
	override CFLAGS += -fno-stack-protector
dyno_init_SOURCES = %D%/init.c %D%/init.h %D%/init_session.c \
	%D%/init_session.h %D%/bare.h
