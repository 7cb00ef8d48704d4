#pragma once

/*
 * verbs.h - the verbs of dynoctl; see the table in verbs.c.
 */

#define VERB(name) int name(int argc, char **argv, void *userdata);
VERB(apps_list)
VERB(apps_create)
VERB(apps_info)
VERB(apps_destroy)
VERB(config_list)
VERB(config_get)
VERB(config_set)
VERB(config_unset)
VERB(deploy_run)
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
VERB(releases_list)
VERB(releases_rollback)
VERB(run_run)
VERB(sandbox_env)
VERB(sandbox_start)
VERB(sandbox_status)
VERB(sandbox_stop)
VERB(scale_run)
VERB(verbs_help)
VERB(verbs_names)
VERB(verbs_version)
VERB(wait_run)
VERB(why_run)
#undef VERB
