noinst_LIBRARIES += libcontroller.a
libcontroller_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) \
	$(SQLITE_CFLAGS) $(GNUTLS_CFLAGS)
libcontroller_a_SOURCES = \
	%D%/controller.c %D%/controller.h \
	%D%/controller_conf.c %D%/controller_conf.h \
	%D%/engine.c %D%/engine.h \
	%D%/access/accounts.c %D%/access/accounts.h \
	%D%/access/authority.c %D%/access/authority.h \
	%D%/access/audit.c %D%/access/audit.h \
	%D%/access/certificate.c %D%/access/certificate.h \
	%D%/access/instance_identity.c %D%/access/instance_identity.h \
	%D%/access/collaborators.c %D%/access/collaborators.h \
	%D%/access/passwords.c %D%/access/passwords.h \
	%D%/access/principal.c %D%/access/principal.h \
	%D%/access/rate_limit.c %D%/access/rate_limit.h \
	%D%/access/secrets.c %D%/access/secrets.h \
	%D%/access/tokens.c %D%/access/tokens.h \
	%D%/access/vault.c %D%/access/vault.h \
	%D%/api/api.c %D%/api/api.h %D%/api/api_handlers.h \
	%D%/api/api_account.c \
	%D%/api/api_addons.c \
	%D%/api/api_accounts.c \
	%D%/api/api_apps.c \
	%D%/api/api_attachments.c \
	%D%/api/api_audit.c \
	%D%/api/addon_param.c %D%/api/addon_param.h \
	%D%/api/api_certificates.c \
	%D%/api/api_collaborators.c \
	%D%/api/api_buildpacks.c \
	%D%/api/api_catalogue.c \
	%D%/api/api_domains.c \
	%D%/api/api_download.c %D%/api/api_download.h \
	%D%/api/api_drains.c \
	%D%/api/api_dynos.c \
	%D%/api/api_features.c \
	%D%/api/api_log_stats.c \
	%D%/api/api_logplex.c \
	%D%/api/api_logs.c \
	%D%/api/api_outputs.c %D%/api/api_outputs.h \
	%D%/api/api_releases.c \
	%D%/api/api_routes.c \
	%D%/api/api_slugs.c %D%/api/api_slugs.h \
	%D%/api/api_tokens.c \
	%D%/api/api_upload.c \
	%D%/api/api_webhooks.c \
	%D%/api/gate.c %D%/api/gate.h \
	%D%/api/log_room.c %D%/api/log_room.h \
	%D%/api/log_session.c %D%/api/log_session.h \
	%D%/api/long_poll.c %D%/api/long_poll.h \
	%D%/api/packed_body.c %D%/api/packed_body.h \
	%D%/api/negotiate.c %D%/api/negotiate.h \
	%D%/api/body_members.c %D%/api/body_members.h \
	%D%/api/range.c %D%/api/range.h \
	%D%/api/release_clock.c %D%/api/release_clock.h \
	%D%/api/router_feed.c %D%/api/router_feed.h \
	%D%/api/upstream.c %D%/api/upstream.h \
	%D%/api/upstream_logs.c \
	%D%/api/views.c %D%/api/views.h \
	%D%/attach/attach.c %D%/attach/attach.h %D%/attach/attach_peer.h \
	%D%/attach/attach_arrival.c %D%/attach/attach_sessions.h \
	%D%/attach/frame_peer.c %D%/attach/frame_peer.h \
	%D%/attach/record.c %D%/attach/record.h \
	%D%/attach/rendezvous.c %D%/attach/rendezvous.h \
	%D%/attach/rendezvous_client.c %D%/attach/rendezvous_client.h \
	%D%/attach/tls_conn.c %D%/attach/tls_conn.h \
	%D%/logplex/log_chunk.c %D%/logplex/log_chunk.h \
	%D%/logplex/drain.c %D%/logplex/drain.h \
	%D%/logplex/drain_backoff.c %D%/logplex/drain_backoff.h \
	%D%/logplex/drain_cursors.c %D%/logplex/drain_cursors.h \
	%D%/logplex/drain_docs.c %D%/logplex/drain_docs.h \
	%D%/logplex/drain_frame.c %D%/logplex/drain_frame.h \
	%D%/logplex/drain_http.c \
	%D%/logplex/drain_networks.c %D%/logplex/drain_networks.h \
	%D%/logplex/drain_sink.c %D%/logplex/drain_sink.h \
	%D%/logplex/drain_syslog.c \
	%D%/logplex/drain_url.c %D%/logplex/drain_url.h \
	%D%/logplex/drain_window.c %D%/logplex/drain_window.h \
	%D%/logplex/drains.c %D%/logplex/drains.h \
	%D%/logplex/log_file.c %D%/logplex/log_file.h \
	%D%/logplex/log_frames.c %D%/logplex/log_frames.h \
	%D%/logplex/log_ring.c %D%/logplex/log_ring.h \
	%D%/logplex/log_store.c %D%/logplex/log_store.h \
	%D%/logplex/logplex_frame.c %D%/logplex/logplex_frame.h \
	%D%/logplex/logplex_input.c %D%/logplex/logplex_input.h \
	%D%/logplex/logs.c %D%/logplex/logs.h \
	%D%/logplex/output_capture.c %D%/logplex/output_capture.h \
	%D%/logplex/outputs.c %D%/logplex/outputs.h \
	%D%/model/addon_values.c %D%/model/addon_values.h \
	%D%/model/addons.c %D%/model/addons.h \
	%D%/model/apps.c %D%/model/apps.h \
	%D%/model/assignments.c %D%/model/assignments.h \
	%D%/model/buildpacks.c %D%/model/buildpacks.h \
	%D%/model/change.c %D%/model/change.h \
	%D%/model/config_vars.c %D%/model/config_vars.h \
	%D%/model/deaths.c %D%/model/deaths.h \
	%D%/model/domain_name.c %D%/model/domain_name.h \
	%D%/model/domains.c %D%/model/domains.h \
	%D%/model/dyno_plan.c %D%/model/dyno_plan.h \
	%D%/model/dynos.c %D%/model/dynos.h \
	%D%/model/features.c %D%/model/features.h \
	%D%/model/sleep.c %D%/model/sleep.h \
	%D%/model/fixed_id.c %D%/model/fixed_id.h \
	%D%/model/formation.c %D%/model/formation.h \
	%D%/model/health_gate.c %D%/model/health_gate.h \
	%D%/model/hosts.c %D%/model/hosts.h \
	%D%/model/live.c %D%/model/live.h \
	%D%/model/log_tokens.c %D%/model/log_tokens.h \
	%D%/model/names.c %D%/model/names.h \
	%D%/model/one_off.c %D%/model/one_off.h \
	%D%/model/outcome.c %D%/model/outcome.h \
	%D%/model/placement.c %D%/model/placement.h \
	%D%/model/preboot.c %D%/model/preboot.h \
	%D%/model/release_phase.c %D%/model/release_phase.h \
	%D%/model/release_switch.c %D%/model/release_switch.h \
	%D%/model/releases.c %D%/model/releases.h \
	%D%/model/retention.c %D%/model/retention.h \
	%D%/model/scaling.c %D%/model/scaling.h \
	%D%/model/seats.c %D%/model/seats.h \
	%D%/model/seals.c %D%/model/seals.h \
	%D%/model/sizes.c %D%/model/sizes.h \
	%D%/model/web_url.c %D%/model/web_url.h \
	%D%/model/webhooks.c %D%/model/webhooks.h \
	%D%/slug/slug_objects.c %D%/slug/slug_objects.h \
	%D%/slug/slug_storage.c %D%/slug/slug_storage.h \
	%D%/slug/slugs.c %D%/slug/slugs.h \
	%D%/slug/storage_jobs.c %D%/slug/storage_jobs.h \
	%D%/state/doc.c %D%/state/doc.h \
	%D%/state/sqlite.c %D%/state/sqlite.h \
	%D%/state/state.c %D%/state/state.h %D%/state/state_driver.h \
	%D%/state/state_sqlite.c \
	%D%/webhook/deliveries.c %D%/webhook/deliveries.h \
	%D%/webhook/delivery.c %D%/webhook/delivery.h \
	%D%/webhook/signature.c %D%/webhook/signature.h \
	%D%/webhook/snapshot.c %D%/webhook/snapshot.h \
	%D%/webhook/webhook_feed.c %D%/webhook/webhook_feed.h \
	%D%/webhook/webhook_store.c %D%/webhook/webhook_store.h
CONTROLLER_LIBS = libcontroller.a $(SLUGSTORE_LIBS) $(HTTP_LIBS) $(INFLATE_LIBS) \
	$(SQLITE_LIBS) $(GNUTLS_LIBS)

pkglibexec_PROGRAMS += dyno-controller
dyno_controller_CFLAGS = $(libcontroller_a_CFLAGS)
dyno_controller_SOURCES = %D%/dyno-controller.c
dyno_controller_LDADD = $(CONTROLLER_LIBS)
