noinst_LIBRARIES += libmanager.a
libmanager_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
libmanager_a_SOURCES = \
	%D%/protocol/host_client.c %D%/protocol/host_client.h \
	%D%/protocol/host_link.c %D%/protocol/host_link.h \
	%D%/protocol/host_message.c %D%/protocol/host_message.h \
	%D%/protocol/host_proto.h \
	%D%/limits.h

# What only dynod is made of: a library, so that tests can link it with a fake
# runtime.
noinst_LIBRARIES += libdynod.a
libdynod_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
libdynod_a_SOURCES = \
	%D%/dynod/dyno_table.c %D%/dynod/dyno_table.h \
	%D%/dynod/dynod_conf.c %D%/dynod/dynod_conf.h \
	%D%/dynod/dynod_wipe.c %D%/dynod/dynod_wipe.h \
	%D%/dynod/host_check.c %D%/dynod/host_check.h \
	%D%/dynod/host_server.c %D%/dynod/host_server.h \
	%D%/dynod/instance_lock.c %D%/dynod/instance_lock.h \
	%D%/dynod/keeper.c %D%/dynod/keeper.h \
	%D%/dynod/removals.c %D%/dynod/removals.h \
	%D%/dynod/upgrade.c %D%/dynod/upgrade.h
DYNOD_LIBS = libdynod.a libmanager.a

pkglibexec_PROGRAMS += dynod
dynod_SOURCES = %D%/dynod/dynod.c %D%/dynod/dynod.h %D%/dynod/dynod_serve.c
dynod_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
dynod_LDADD = $(DYNOD_LIBS) $(RUNTIME_LIBS) $(BASE_LIBS)

# What only dyno-supervisor is made of, as a library for tests.
noinst_LIBRARIES += libsupervisor.a
libsupervisor_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
libsupervisor_a_SOURCES = \
	%D%/supervisor/cycling.c %D%/supervisor/cycling.h \
	%D%/supervisor/draining.c %D%/supervisor/draining.h \
	%D%/supervisor/lag.c %D%/supervisor/lag.h \
	%D%/supervisor/pass.c %D%/supervisor/pass.h \
	%D%/supervisor/strays.c %D%/supervisor/strays.h \
	%D%/supervisor/supervisor.h \
	%D%/supervisor/supervisor_conf.c %D%/supervisor/supervisor_conf.h \
	%D%/supervisor/tally.c %D%/supervisor/tally.h \
	%D%/model/address.c %D%/model/address.h \
	%D%/model/assignment.c %D%/model/assignment.h \
	%D%/model/backoff.c %D%/model/backoff.h \
	%D%/model/boot.c %D%/model/boot.h \
	%D%/model/cycle.c %D%/model/cycle.h \
	%D%/model/death.c %D%/model/death.h \
	%D%/model/desired.c %D%/model/desired.h \
	%D%/model/drain.c %D%/model/drain.h \
	%D%/model/dyno_fsm.c %D%/model/dyno_fsm.h \
	%D%/model/host_plan.c %D%/model/host_plan.h \
	%D%/model/labels.c %D%/model/labels.h \
	%D%/model/meter.c %D%/model/meter.h \
	%D%/model/reconcile.c %D%/model/reconcile.h \
	%D%/life/inside.c %D%/life/inside.h \
	%D%/life/life.c %D%/life/life.h \
	%D%/life/life_birth.c \
	%D%/life/life_client.c \
	%D%/life/life_death.c \
	%D%/life/life_host.c \
	%D%/life/life_inside.c \
	%D%/life/life_log.c \
	%D%/life/life_output.c \
	%D%/life/life_resume.c \
	%D%/life/life_slug.c \
	%D%/life/metering.c %D%/life/metering.h \
	%D%/life/port.c %D%/life/port.h \
	%D%/life/state.c %D%/life/state.h \
	%D%/output/capture.c %D%/output/capture.h \
	%D%/output/journal.c %D%/output/journal.h \
	%D%/output/journal_inside.h \
	%D%/output/journal_open.c \
	%D%/output/log_local.c %D%/output/log_local.h \
	%D%/output/log_sender.c %D%/output/log_sender.h \
	%D%/attach/attach.c %D%/attach/attach.h \
	%D%/attach/attach_dyno.c \
	%D%/attach/attach_frame.c %D%/attach/attach_frame.h \
	%D%/attach/attach_sides.h \
	%D%/attach/attach_stream.c \
	%D%/slug/slug_command.c %D%/slug/slug_command.h \
	%D%/slug/slug_gc.c %D%/slug/slug_gc.h \
	%D%/slug/slug_jobs.c %D%/slug/slug_jobs.h \
	%D%/slug/slug_pins.c %D%/slug/slug_pins.h \
	%D%/upstream/desired_dir.c %D%/upstream/desired_dir.h \
	%D%/upstream/dial.c %D%/upstream/dial.h \
	%D%/upstream/report.c %D%/upstream/report.h \
	%D%/upstream/upstream.c %D%/upstream/upstream.h \
	%D%/upstream/webhook.c %D%/upstream/webhook.h \
	%D%/upstream/webhook_sign.c \
	%D%/api/host_api.c %D%/api/host_api.h \
	%D%/api/host_api_drain.c %D%/api/host_api_drain.h \
	%D%/api/host_api_plan.c %D%/api/host_api_plan.h \
	%D%/api/host_metrics.c %D%/api/host_metrics.h \
	%D%/api/prometheus.c %D%/api/prometheus.h
SUPERVISOR_LIBS = libsupervisor.a libmanager.a $(SLUGSTORE_LIBS) $(HTTP_LIBS) $(INFLATE_LIBS) -lm

pkglibexec_PROGRAMS += dyno-supervisor
dyno_supervisor_SOURCES = %D%/supervisor/supervisor.c %D%/supervisor/supervisor_load.c \
	%D%/supervisor/supervisor_settle.c
dyno_supervisor_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
dyno_supervisor_LDADD = $(SUPERVISOR_LIBS)
