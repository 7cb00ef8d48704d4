noinst_LIBRARIES += libcontroller.a
libcontroller_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) \
	$(SQLITE_CFLAGS) $(GNUTLS_CFLAGS)
libcontroller_a_SOURCES = \
	%D%/api.c %D%/api.h %D%/api_handlers.h \
	%D%/api_account.c \
	%D%/api_apps.c \
	%D%/api_download.c %D%/api_download.h \
	%D%/api_dynos.c \
	%D%/api_logs.c \
	%D%/api_releases.c \
	%D%/api_routes.c \
	%D%/api_slugs.c %D%/api_slugs.h \
	%D%/api_upload.c \
	%D%/apps.c %D%/apps.h \
	%D%/assignments.c %D%/assignments.h \
	%D%/attach.c %D%/attach.h %D%/attach_peer.h \
	%D%/certificate.c %D%/certificate.h \
	%D%/change.c %D%/change.h \
	%D%/config_vars.c %D%/config_vars.h \
	%D%/controller.c %D%/controller.h \
	%D%/controller_conf.c %D%/controller_conf.h \
	%D%/deaths.c %D%/deaths.h \
	%D%/doc.c %D%/doc.h \
	%D%/dyno_plan.c %D%/dyno_plan.h \
	%D%/dynos.c %D%/dynos.h \
	%D%/engine.c %D%/engine.h \
	%D%/fixed_id.c %D%/fixed_id.h \
	%D%/formation.c %D%/formation.h \
	%D%/frame_peer.c %D%/frame_peer.h \
	%D%/gate.c %D%/gate.h \
	%D%/hosts.c %D%/hosts.h \
	%D%/live.c %D%/live.h \
	%D%/log_frames.c %D%/log_frames.h \
	%D%/log_store.c %D%/log_store.h \
	%D%/logs.c %D%/logs.h \
	%D%/long_poll.c %D%/long_poll.h \
	%D%/names.c %D%/names.h \
	%D%/one_off.c %D%/one_off.h \
	%D%/outcome.c %D%/outcome.h \
	%D%/placement.c %D%/placement.h \
	%D%/range.c %D%/range.h \
	%D%/record.c %D%/record.h \
	%D%/releases.c %D%/releases.h \
	%D%/rendezvous.c %D%/rendezvous.h \
	%D%/router_feed.c %D%/router_feed.h \
	%D%/scaling.c %D%/scaling.h \
	%D%/secrets.c %D%/secrets.h \
	%D%/sizes.c %D%/sizes.h \
	%D%/slug_objects.c %D%/slug_objects.h \
	%D%/slug_storage.c %D%/slug_storage.h \
	%D%/slugs.c %D%/slugs.h \
	%D%/sqlite.c %D%/sqlite.h \
	%D%/state.c %D%/state.h %D%/state_driver.h \
	%D%/state_sqlite.c \
	%D%/storage_jobs.c %D%/storage_jobs.h \
	%D%/tls_conn.c %D%/tls_conn.h \
	%D%/upstream.c %D%/upstream.h \
	%D%/views.c %D%/views.h
CONTROLLER_LIBS = libcontroller.a $(SLUGSTORE_LIBS) $(HTTP_LIBS) $(INFLATE_LIBS) \
	$(SQLITE_LIBS) $(GNUTLS_LIBS)

pkglibexec_PROGRAMS += dyno-controller
dyno_controller_CFLAGS = $(libcontroller_a_CFLAGS)
dyno_controller_SOURCES = %D%/dyno-controller.c
dyno_controller_LDADD = $(CONTROLLER_LIBS)
