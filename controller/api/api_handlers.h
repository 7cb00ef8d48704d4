#pragma once

/*
 * api_handlers.h - the functions behind the routes of the API, for the table
 * in api_routes.c.
 */
#include "controller/api/api.h"

#define ROUTE_FN(name) void name(struct http_request *req, void *userdata)

ROUTE_FN(api_apps_create);
ROUTE_FN(api_apps_list);
ROUTE_FN(api_apps_user);		/* of an account */
ROUTE_FN(api_apps_info);
ROUTE_FN(api_apps_update);
ROUTE_FN(api_apps_destroy);

ROUTE_FN(api_config_get);
ROUTE_FN(api_config_patch);
ROUTE_FN(api_releases_list);
ROUTE_FN(api_releases_create);
ROUTE_FN(api_releases_get);
ROUTE_FN(api_releases_config);
ROUTE_FN(api_outputs_stream);

ROUTE_FN(api_formation_list);
ROUTE_FN(api_formation_get);
ROUTE_FN(api_formation_batch);
ROUTE_FN(api_formation_single);
ROUTE_FN(api_dynos_list);
ROUTE_FN(api_dynos_get);
ROUTE_FN(api_dynos_create);
ROUTE_FN(api_dynos_inside);
ROUTE_FN(api_dynos_restart_all);
ROUTE_FN(api_dynos_restart);		/* also stop */
ROUTE_FN(api_deaths_list);		/* of an app, or of a dyno's name */
ROUTE_FN(api_dynos_restart_type);	/* also stop */

ROUTE_FN(api_slugs_create);
ROUTE_FN(api_slugs_get);
ROUTE_FN(api_upload_head);		/* PUT of a blob: its head */
ROUTE_FN(api_upload);			/* ... and its end */
ROUTE_FN(api_download);

ROUTE_FN(api_logplex_head);		/* lines of shippers: the request's head */
ROUTE_FN(api_logplex);			/* ... and its end */
ROUTE_FN(api_logs_token);
ROUTE_FN(api_logs_session);
ROUTE_FN(api_logs_stream);
ROUTE_FN(api_log_stats);
ROUTE_FN(api_drains_list);
ROUTE_FN(api_drains_create);
ROUTE_FN(api_drains_get);
ROUTE_FN(api_drains_update);
ROUTE_FN(api_drains_delete);

ROUTE_FN(api_domains_list);
ROUTE_FN(api_domains_create);
ROUTE_FN(api_domains_get);
ROUTE_FN(api_domains_update);
ROUTE_FN(api_domains_delete);
ROUTE_FN(api_addons_list);
ROUTE_FN(api_addons_create);
ROUTE_FN(api_addons_get);
ROUTE_FN(api_addons_delete);
ROUTE_FN(api_addons_all);
ROUTE_FN(api_addons_one);
ROUTE_FN(api_addons_config);
ROUTE_FN(api_addons_config_set);
ROUTE_FN(api_addons_attachments);
ROUTE_FN(api_addons_resolve);
ROUTE_FN(api_attachments_all);
ROUTE_FN(api_attachments_create);
ROUTE_FN(api_attachments_one);
ROUTE_FN(api_attachments_delete);
ROUTE_FN(api_attachments_list);
ROUTE_FN(api_attachments_get);
ROUTE_FN(api_attachments_resolve);
ROUTE_FN(api_webhooks_list);
ROUTE_FN(api_webhooks_create);
ROUTE_FN(api_webhooks_get);
ROUTE_FN(api_webhooks_update);
ROUTE_FN(api_webhooks_delete);
ROUTE_FN(api_webhook_events);
ROUTE_FN(api_webhook_event);
ROUTE_FN(api_webhook_deliveries);
ROUTE_FN(api_webhook_delivery);
ROUTE_FN(api_features_list);
ROUTE_FN(api_features_get);
ROUTE_FN(api_features_set);

ROUTE_FN(api_ca);			/* for everybody */
ROUTE_FN(api_host_certificate);

ROUTE_FN(api_account);
ROUTE_FN(api_account_update);
ROUTE_FN(api_rate_limits);
ROUTE_FN(api_accounts_list);
ROUTE_FN(api_accounts_add);
ROUTE_FN(api_accounts_get);
ROUTE_FN(api_accounts_update);
ROUTE_FN(api_accounts_remove);
ROUTE_FN(api_tokens_list);		/* of the asker */
ROUTE_FN(api_tokens_create);
ROUTE_FN(api_tokens_get);
ROUTE_FN(api_tokens_revoke);
ROUTE_FN(api_sessions_end);
ROUTE_FN(api_account_tokens_list);
ROUTE_FN(api_account_tokens_create);
ROUTE_FN(api_host_tokens_list);
ROUTE_FN(api_host_tokens_create);
ROUTE_FN(api_audit);
ROUTE_FN(api_collaborators_list);
ROUTE_FN(api_collaborators_get);
ROUTE_FN(api_collaborators_add);
ROUTE_FN(api_collaborators_remove);
ROUTE_FN(api_stacks);
ROUTE_FN(api_stack);
ROUTE_FN(api_app_stacks);
ROUTE_FN(api_regions);
ROUTE_FN(api_region);
ROUTE_FN(api_sizes);
ROUTE_FN(api_size);
ROUTE_FN(api_app_sizes);
ROUTE_FN(api_account_list);		/* empty, of the account */
ROUTE_FN(api_empty_list);		/* empty, of an app */
ROUTE_FN(api_none);			/* 404 */
ROUTE_FN(api_app_none);			/* 404 of an app */
ROUTE_FN(api_endpoints_create);
ROUTE_FN(api_buildpacks);
ROUTE_FN(api_buildpacks_set);

ROUTE_FN(upstream_hosts);
ROUTE_FN(upstream_register);
ROUTE_FN(upstream_assignments);
ROUTE_FN(upstream_report);
ROUTE_FN(upstream_logs);
ROUTE_FN(upstream_slug);
ROUTE_FN(upstream_attach);

ROUTE_FN(router_feed_routes);
ROUTE_FN(router_feed_activity);

ROUTE_FN(attach_client);
