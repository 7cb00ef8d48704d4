#pragma once

/*
 * verbs.h - the verbs of dynoctl; see the table in verbs.c.
 */
#include "base/base.h"

struct verb;

/* Another name of a verb; one word. */
struct verbs_alias {
	const char *name, *verb;
};

extern const struct verbs_alias verbs_aliases[];
extern const size_t verbs_n_aliases;

/* As verb_find(), also by another name. */
const struct verb *verbs_find(int argc, char **argv, int *ret_words);

#define VERB(name) int name(int argc, char **argv, void *userdata);
VERB(access_ca)
VERB(access_host)
VERB(access_list)
VERB(access_add)
VERB(access_remove)
VERB(accounts_list)
VERB(accounts_add)
VERB(accounts_remove)
VERB(accounts_suspend)
VERB(accounts_resume)
VERB(accounts_password)
VERB(tokens_list)
VERB(tokens_create)
VERB(tokens_revoke)
VERB(audit_run)
VERB(apps_list)
VERB(apps_create)
VERB(apps_info)
VERB(apps_destroy)
VERB(apps_rename)
VERB(addons_list)
VERB(addons_create)
VERB(addons_set)
VERB(addons_attach)
VERB(addons_detach)
VERB(addons_destroy)
VERB(buildpacks_list)
VERB(buildpacks_set)
VERB(domains_list)
VERB(domains_add)
VERB(domains_remove)
VERB(features_list)
VERB(features_enable)
VERB(features_disable)
VERB(features_maintenance)
VERB(features_maintenance_on)
VERB(features_maintenance_off)
VERB(webhooks_list)
VERB(webhooks_add)
VERB(webhooks_remove)
VERB(webhooks_deliveries)
VERB(config_list)
VERB(config_get)
VERB(config_set)
VERB(config_unset)
VERB(deploy_run)
VERB(drains_add)
VERB(drains_list)
VERB(drains_remove)
VERB(dynos_list)
VERB(dynos_restart)
VERB(dynos_stop)
VERB(host_ps)
VERB(host_info)
VERB(host_plan)
VERB(host_doctor)
VERB(host_top)
VERB(host_metrics)
VERB(host_drain)
VERB(host_undrain)
VERB(host_stop)
VERB(keeper_run)
VERB(logs_show)
VERB(logs_stats)
VERB(logs_token)
VERB(releases_list)
VERB(releases_info)
VERB(releases_output)
VERB(releases_wait)
VERB(releases_rollback)
VERB(run_inside)
VERB(run_run)
VERB(run_detached)
VERB(sandbox_env)
VERB(sandbox_start)
VERB(sandbox_status)
VERB(sandbox_stop)
VERB(scale_run)
VERB(scale_type)
VERB(verbs_help)
VERB(verbs_names)
VERB(verbs_version)
VERB(wait_run)
VERB(why_run)
#undef VERB
