/*
 * api_routes.c - every path that the controller serves. Keep doc/API in step.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/api/gate.h"
#include "controller/slug/slugs.h"

#define LOGS_BODY_MAX (1024 * 1024 + 4096)
#define LOGPLEX_BODY_MAX (8 * 1024 * 1024)
#define REPORT_BODY_MAX (4 * 1024 * 1024)
#define ACTIVITY_BODY_MAX (1024 * 1024)

static const struct http_route routes[] = {
	{ "GET",    "/account", api_account },
	{ "GET",    "/access/ca", api_ca },
	{ "PATCH",  "/account", api_account_update },
	{ "GET",    "/account/rate-limits", api_rate_limits },
	{ "GET",    "/users/:user/apps", api_apps_user },
	{ "GET",    "/oauth/authorizations", api_tokens_list },
	{ "POST",   "/oauth/authorizations", api_tokens_create },
	{ "GET",    "/oauth/authorizations/:authorization", api_tokens_get },
	{ "DELETE", "/oauth/authorizations/:authorization", api_tokens_revoke },
	{ "DELETE", "/oauth/sessions/:session", api_sessions_end },
	{ "GET",    "/stacks", api_stacks },
	{ "GET",    "/stacks/:stack", api_stack },
	{ "GET",    "/regions", api_regions },
	{ "GET",    "/regions/:region", api_region },
	{ "GET",    "/dyno-sizes", api_sizes },
	{ "GET",    "/dyno-sizes/:size", api_size },
	{ "GET",    "/apps/:app/available-stacks", api_app_stacks },
	{ "GET",    "/apps/:app/available-dyno-sizes", api_app_sizes },
	{ "GET",    "/teams", api_account_list },
	{ "GET",    "/enterprise-accounts", api_account_list },
	{ "GET",    "/pipelines", api_account_list },
	{ "GET",    "/account/features", api_account_list },
	{ "GET",    "/account/features/:feature", api_none },

	{ "GET",    "/accounts", api_accounts_list },
	{ "POST",   "/accounts", api_accounts_add },
	{ "GET",    "/accounts/:account", api_accounts_get },
	{ "PATCH",  "/accounts/:account", api_accounts_update },
	{ "DELETE", "/accounts/:account", api_accounts_remove },
	{ "GET",    "/accounts/:account/authorizations", api_account_tokens_list },
	{ "POST",   "/accounts/:account/authorizations",
	  api_account_tokens_create },
	{ "GET",    "/host-tokens", api_host_tokens_list },
	{ "POST",   "/host-tokens", api_host_tokens_create },
	{ "GET",    "/audit", api_audit },

	{ "GET",    "/apps", api_apps_list },
	{ "POST",   "/apps", api_apps_create },
	{ "GET",    "/apps/:app", api_apps_info },
	{ "PATCH",  "/apps/:app", api_apps_update },
	{ "DELETE", "/apps/:app", api_apps_destroy },
	{ "GET",    "/apps/:app/config-vars", api_config_get },
	{ "PATCH",  "/apps/:app/config-vars", api_config_patch },

	{ "POST",   "/apps/:app/slugs", api_slugs_create },
	{ "GET",    "/apps/:app/slugs/:slug", api_slugs_get },
	{ "PUT",    "/slug-blobs/:slug", api_upload, SLUGS_BYTES_MAX,
	  api_upload_head },
	{ "GET",    "/slug-blobs/:slug", api_download },

	{ "GET",    "/apps/:app/releases", api_releases_list },
	{ "POST",   "/apps/:app/releases", api_releases_create },
	{ "GET",    "/apps/:app/releases/:release", api_releases_get },
	{ "GET",    "/apps/:app/releases/:release/config-vars",
	  api_releases_config },

	{ "GET",    "/release-outputs/:app/:release", api_outputs_stream },

	{ "GET",    "/apps/:app/formation", api_formation_list },
	{ "PATCH",  "/apps/:app/formation", api_formation_batch },
	{ "GET",    "/apps/:app/formation/:type", api_formation_get },
	{ "PATCH",  "/apps/:app/formation/:type", api_formation_single },

	{ "GET",    "/apps/:app/dynos", api_dynos_list },
	{ "POST",   "/apps/:app/dynos", api_dynos_create },
	{ "DELETE", "/apps/:app/dynos", api_dynos_restart_all },
	{ "GET",    "/apps/:app/dynos/:dyno", api_dynos_get },
	{ "POST",   "/apps/:app/dynos/:dyno", api_dynos_inside },
	{ "DELETE", "/apps/:app/dynos/:dyno", api_dynos_restart },
	{ "POST",   "/apps/:app/dynos/:dyno/actions/stop", api_dynos_restart },
	{ "GET",    "/apps/:app/deaths", api_deaths_list },
	{ "GET",    "/apps/:app/dynos/:dyno/deaths", api_deaths_list },
	{ "DELETE", "/apps/:app/formations/:type", api_dynos_restart_type },
	{ "POST",   "/apps/:app/formations/:type/actions/stop",
	  api_dynos_restart_type },

	{ "POST",   "/apps/:app/log-sessions", api_logs_session },
	{ "POST",   "/apps/:app/log-tokens", api_logs_token },
	{ "POST",   "/logs", api_logplex, LOGPLEX_BODY_MAX,
	  api_logplex_head },
	{ "GET",    "/log-streams/:app", api_logs_stream },
	{ "GET",    "/apps/:app/log-stats", api_log_stats },
	{ "GET",    "/apps/:app/log-drains", api_drains_list },
	{ "POST",   "/apps/:app/log-drains", api_drains_create },
	{ "GET",    "/apps/:app/log-drains/:drain", api_drains_get },
	{ "PUT",    "/apps/:app/log-drains/:drain", api_drains_update },
	{ "DELETE", "/apps/:app/log-drains/:drain", api_drains_delete },

	{ "GET",    "/apps/:app/addons", api_addons_list },
	{ "POST",   "/apps/:app/addons", api_addons_create },
	{ "GET",    "/apps/:app/addons/:addon", api_addons_get },
	{ "DELETE", "/apps/:app/addons/:addon", api_addons_delete },
	{ "GET",    "/apps/:app/addon-attachments", api_attachments_list },
	{ "GET",    "/apps/:app/addon-attachments/:attachment",
	  api_attachments_get },
	{ "GET",    "/addons", api_addons_all },
	{ "GET",    "/users/:user/addons", api_addons_all },
	{ "GET",    "/addons/:addon", api_addons_one },
	{ "GET",    "/addons/:addon/config", api_addons_config },
	{ "PATCH",  "/addons/:addon/config", api_addons_config_set },
	{ "GET",    "/addons/:addon/addon-attachments", api_addons_attachments },
	{ "POST",   "/actions/addons/resolve", api_addons_resolve },
	{ "GET",    "/addon-attachments", api_attachments_all },
	{ "POST",   "/addon-attachments", api_attachments_create },
	{ "GET",    "/addon-attachments/:attachment", api_attachments_one },
	{ "DELETE", "/addon-attachments/:attachment", api_attachments_delete },
	{ "POST",   "/actions/addon-attachments/resolve",
	  api_attachments_resolve },
	{ "GET",    "/apps/:app/buildpack-installations", api_buildpacks },
	{ "PUT",    "/apps/:app/buildpack-installations", api_buildpacks_set },
	{ "GET",    "/apps/:app/collaborators", api_collaborators_list },
	{ "POST",   "/apps/:app/collaborators", api_collaborators_add },
	{ "GET",    "/apps/:app/collaborators/:collaborator",
	  api_collaborators_get },
	{ "DELETE", "/apps/:app/collaborators/:collaborator",
	  api_collaborators_remove },
	{ "GET",    "/apps/:app/domains", api_domains_list },
	{ "POST",   "/apps/:app/domains", api_domains_create },
	{ "GET",    "/apps/:app/domains/:domain", api_domains_get },
	{ "PATCH",  "/apps/:app/domains/:domain", api_domains_update },
	{ "DELETE", "/apps/:app/domains/:domain", api_domains_delete },
	{ "GET",    "/apps/:app/features", api_features_list },
	{ "GET",    "/apps/:app/features/:feature", api_features_get },
	{ "PATCH",  "/apps/:app/features/:feature", api_features_set },
	{ "GET",    "/apps/:app/pipeline-couplings", api_app_none },
	{ "GET",    "/apps/:app/sni-endpoints", api_empty_list },
	{ "POST",   "/apps/:app/sni-endpoints", api_endpoints_create },
	{ "GET",    "/apps/:app/sni-endpoints/:endpoint", api_app_none },

	{ "GET",    "/apps/:app/webhooks", api_webhooks_list },
	{ "POST",   "/apps/:app/webhooks", api_webhooks_create },
	{ "GET",    "/apps/:app/webhooks/:webhook", api_webhooks_get },
	{ "PATCH",  "/apps/:app/webhooks/:webhook", api_webhooks_update },
	{ "DELETE", "/apps/:app/webhooks/:webhook", api_webhooks_delete },
	{ "GET",    "/apps/:app/webhook-events", api_webhook_events },
	{ "GET",    "/apps/:app/webhook-events/:event", api_webhook_event },
	{ "GET",    "/apps/:app/webhook-deliveries", api_webhook_deliveries },
	{ "GET",    "/apps/:app/webhook-deliveries/:delivery",
	  api_webhook_delivery },

	{ "GET",    "/upstream/v1/hosts", upstream_hosts },
	{ "PUT",    "/upstream/v1/hosts/:host", upstream_register },
	{ "GET",    "/upstream/v1/hosts/:host/assignments",
	  upstream_assignments },
	{ "POST",   "/upstream/v1/hosts/:host/report", upstream_report,
	  REPORT_BODY_MAX },
	{ "POST",   "/upstream/v1/hosts/:host/logs", upstream_logs,
	  LOGS_BODY_MAX },
	{ "POST",   "/upstream/v1/hosts/:host/certificate",
	  api_host_certificate },
	{ "GET",    "/upstream/v1/slugs/:sha256", upstream_slug },
	{ "GET",    "/upstream/v1/hosts/:host/attach/:dyno", upstream_attach },

	{ "GET",    "/attach/:secret", attach_client },
	{ "GET",    "/router/v1/routes", router_feed_routes },
	{ "POST",   "/router/v1/activity", router_feed_activity, ACTIVITY_BODY_MAX },
};

int api_routes_serve(struct controller *c, struct error *e)
{
	int r = http_server_new(&c->server, c->event, routes,
				ARRAY_SIZE(routes), c, e);

	if (r < 0)
		return r;
	http_server_set_gate(c->server, gate_check);
	http_server_set_admit(c->server, gate_admit);
	http_server_set_answered(c->server, gate_answered);
	http_server_set_refuse(c->server, gate_refuse);
	return 0;
}
