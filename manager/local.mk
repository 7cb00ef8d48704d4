noinst_LIBRARIES += libmanager.a
libmanager_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
libmanager_a_SOURCES = \
	%D%/host_client.c %D%/host_client.h \
	%D%/host_link.c %D%/host_link.h \
	%D%/host_message.c %D%/host_message.h \
	%D%/host_proto.h \
	%D%/limits.h

# What only dynod is made of: a library, so that tests can link it with a fake
# runtime.
noinst_LIBRARIES += libdynod.a
libdynod_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
libdynod_a_SOURCES = \
	%D%/dyno_table.c %D%/dyno_table.h \
	%D%/dynod_conf.c %D%/dynod_conf.h \
	%D%/dynod_wipe.c %D%/dynod_wipe.h \
	%D%/host_check.c %D%/host_check.h \
	%D%/host_server.c %D%/host_server.h \
	%D%/instance_lock.c %D%/instance_lock.h \
	%D%/keeper.c %D%/keeper.h \
	%D%/removals.c %D%/removals.h \
	%D%/upgrade.c %D%/upgrade.h
DYNOD_LIBS = libdynod.a libmanager.a

pkglibexec_PROGRAMS += dynod
dynod_SOURCES = %D%/dynod.c %D%/dynod.h %D%/dynod_serve.c
dynod_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
dynod_LDADD = $(DYNOD_LIBS) $(RUNTIME_LIBS) $(BASE_LIBS)

# What only dyno-supervisor is made of, as a library for tests.
noinst_LIBRARIES += libsupervisor.a
libsupervisor_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
libsupervisor_a_SOURCES = \
	%D%/assignment.c %D%/assignment.h \
	%D%/attach.c %D%/attach.h %D%/attach_sides.h \
	%D%/attach_dyno.c %D%/attach_stream.c \
	%D%/attach_frame.c %D%/attach_frame.h \
	%D%/backoff.c %D%/backoff.h \
	%D%/boot.c %D%/boot.h \
	%D%/capture.c %D%/capture.h \
	%D%/cycle.c %D%/cycle.h \
	%D%/cycling.c %D%/cycling.h \
	%D%/meter.c %D%/meter.h \
	%D%/metering.c %D%/metering.h \
	%D%/desired.c %D%/desired.h \
	%D%/desired_dir.c %D%/desired_dir.h \
	%D%/dial.c %D%/dial.h \
	%D%/drain.c %D%/drain.h \
	%D%/draining.c %D%/draining.h \
	%D%/death.c %D%/death.h \
	%D%/dyno_fsm.c %D%/dyno_fsm.h \
	%D%/host_api.c %D%/host_api.h \
	%D%/host_api_drain.c %D%/host_api_drain.h \
	%D%/host_api_plan.c %D%/host_api_plan.h \
	%D%/host_metrics.c %D%/host_metrics.h \
	%D%/host_plan.c %D%/host_plan.h \
	%D%/inside.c %D%/inside.h \
	%D%/journal.c %D%/journal.h \
	%D%/journal_inside.h %D%/journal_open.c \
	%D%/labels.c %D%/labels.h \
	%D%/lag.c %D%/lag.h \
	%D%/life.c %D%/life.h \
	%D%/life_birth.c %D%/life_client.c %D%/life_death.c \
	%D%/life_host.c %D%/life_inside.c %D%/life_log.c %D%/life_output.c \
	%D%/life_resume.c %D%/life_slug.c \
	%D%/log_local.c %D%/log_local.h \
	%D%/log_sender.c %D%/log_sender.h \
	%D%/pass.c %D%/pass.h \
	%D%/port.c %D%/port.h \
	%D%/prometheus.c %D%/prometheus.h \
	%D%/reconcile.c %D%/reconcile.h \
	%D%/report.c %D%/report.h \
	%D%/slug_command.c %D%/slug_command.h \
	%D%/slug_gc.c %D%/slug_gc.h \
	%D%/slug_jobs.c %D%/slug_jobs.h \
	%D%/slug_pins.c %D%/slug_pins.h \
	%D%/state.c %D%/state.h \
	%D%/strays.c %D%/strays.h \
	%D%/supervisor.h \
	%D%/supervisor_conf.c %D%/supervisor_conf.h \
	%D%/tally.c %D%/tally.h \
	%D%/upstream.c %D%/upstream.h \
	%D%/webhook.c %D%/webhook.h \
	%D%/webhook_sign.c
SUPERVISOR_LIBS = libsupervisor.a libmanager.a $(SLUGSTORE_LIBS) $(HTTP_LIBS) $(INFLATE_LIBS) -lm

pkglibexec_PROGRAMS += dyno-supervisor
dyno_supervisor_SOURCES = %D%/supervisor.c %D%/supervisor_load.c \
	%D%/supervisor_settle.c
dyno_supervisor_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
dyno_supervisor_LDADD = $(SUPERVISOR_LIBS)
