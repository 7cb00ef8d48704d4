/*
 * verbs.c - every verb: usage, completion and the check of the manual page
 * come from this table.
 */
#include "cli/verbs.h"

#include "cli/cli.h"
#include "cli/help.h"

#include <stdio.h>

const struct verb cli_verbs[] = {
	{ "apps", 0, 0, apps_list, "[--json]", "list all apps" },
	{ "apps:create", 0, 1, apps_create, "[NAME]", "make an app" },
	{ "apps:info", 0, 1, apps_info, "[APP] [--json]", "show an app" },
	{ "apps:rename", 1, 1, apps_rename, "NAME", "give an app another name" },
	{ "apps:destroy", 0, 1, apps_destroy, "[APP] [--confirm APP]",
	  "remove an app and all it has" },
	{ "deploy", 1, 2, deploy_run, "[APP] SLUG.tgz|DIRECTORY",
	  "release a slug, or a directory with a Procfile" },
	{ "config", 0, 0, config_list, "[-s|--json]", "show the config vars" },
	{ "config:get", 1, 1, config_get, "KEY [--json]", "show one config var" },
	{ "config:set", 1, -1, config_set, "KEY=VALUE...",
	  "set config vars and restart the app" },
	{ "config:unset", 1, -1, config_unset, "KEY...",
	  "remove config vars and restart the app" },
	{ "addons", 0, 0, addons_list, "[--json]", "show the external resources" },
	{ "addons:create", 2, -1, addons_create,
	  "PLAN KEY=VALUE... [--as NAME] [--name NAME]",
	  "attach an external resource: its values become config vars" },
	{ "addons:set", 2, -1, addons_set, "ADDON KEY=VALUE...",
	  "change values of a resource" },
	{ "addons:attach", 1, 1, addons_attach, "ADDON [--as NAME]",
	  "attach a resource under another name, too" },
	{ "addons:detach", 1, 1, addons_detach, "NAME",
	  "take one name of a resource away" },
	{ "addons:destroy", 1, 1, addons_destroy, "ADDON [--confirm APP]",
	  "forget a resource and its config vars" },
	{ "buildpacks", 0, 0, buildpacks_list, "[--json]",
	  "show the buildpacks that are noted" },
	{ "buildpacks:set", 0, -1, buildpacks_set, "[URL...]",
	  "note these buildpacks, for who builds slugs" },
	{ "domains", 0, 0, domains_list, "[--json]", "show the host names of an app" },
	{ "domains:add", 1, 1, domains_add, "HOSTNAME",
	  "let an app answer under a host name; *.x.y is possible" },
	{ "domains:remove", 1, 1, domains_remove, "HOSTNAME", "take it away" },
	{ "features", 0, 0, features_list, "[--json]", "show an app's switches" },
	{ "features:enable", 1, 1, features_enable, "FEATURE", "switch one on" },
	{ "features:disable", 1, 1, features_disable, "FEATURE", "switch one off" },
	{ "maintenance", 0, 0, features_maintenance, "[--json]",
	  "tell whether visitors get a page instead of the app" },
	{ "maintenance:on", 0, 0, features_maintenance_on, "", "give them the page" },
	{ "maintenance:off", 0, 0, features_maintenance_off, "",
	  "let them in again" },
	{ "webhooks", 0, 0, webhooks_list, "[--json]",
	  "show who is told what happens to an app" },
	{ "webhooks:add", 1, 1, webhooks_add,
	  "URL [-i KIND,...] [-l notify|sync] [-s SECRET] [-t AUTHORIZATION]",
	  "tell a URL what happens, signed" },
	{ "webhooks:remove", 1, 1, webhooks_remove, "ID", "tell it no more" },
	{ "webhooks:deliveries", 0, 0, webhooks_deliveries, "[--json]",
	  "show what was told, and how that went" },
	{ "ps", 0, -1, dynos_list, "[TYPE|DYNO...] [--trace] [--json]",
	  "show the dynos of an app" },
	{ "scale", 0, -1, scale_run, "[TYPE=N[:SIZE]|TYPE+N|TYPE-N...] [--json]",
	  "show or change the formation" },
	{ "ps:type", 0, -1, scale_type, "[SIZE|TYPE=SIZE...] [--json]",
	  "show or change the sizes of dynos" },
	{ "restart", 0, 1, dynos_restart, "[DYNO|TYPE]",
	  "restart all dynos, one, or those of a type" },
	{ "stop", 1, 1, dynos_stop, "DYNO|TYPE", "stop a dyno" },
	{ "why", 0, 1, why_run, "[DYNO] [-n N] [--json]",
	  "tell how a dyno's processes ended, and why" },
	{ "wait", 0, 1, wait_run, "[--timeout SEC] [--fail-fast] [TYPE]",
	  "wait until the formation is up" },
	{ "logs", 0, 0, logs_show, "[-n N] [--tail] [--dyno DYNO] [--source S] [--json]",
	  "show the log" },
	{ "logs:stats", 0, 0, logs_stats, "[--json]",
	  "count the lines that came, were lost, and went into drains" },
	{ "drains", 0, 0, drains_list, "[--json]", "show the log drains" },
	{ "drains:add", 1, 1, drains_add, "URL",
	  "send the log to https://, http://, syslog:// or syslog+tls://" },
	{ "drains:remove", 1, 1, drains_remove, "URL|TOKEN", "end a log drain" },
	{ "logs:token", 0, 0, logs_token, "[--source S] [--renew] [--json]",
	  "show what a log shipper needs to write into the log" },
	{ "releases", 0, 0, releases_list, "[-n N] [--json]",
	  "show the releases, newest first" },
	{ "releases:info", 0, 1, releases_info, "[vN] [--json]",
	  "show the current release, or another one" },
	{ "releases:output", 0, 1, releases_output, "[vN]",
	  "show what a release command wrote, to its end" },
	{ "releases:wait", 0, 1, releases_wait, "[vN] [--timeout SEC] [--json]",
	  "wait until a release is not pending; fail if it has failed" },
	{ "rollback", 0, 1, releases_rollback, "[vN]",
	  "release again what an earlier release had" },
	{ "run", 1, -1, run_run,
	  "[--no-tty] [--detach] [--size S] [--release vN] [-e K=V] COMMAND...",
	  "run a command in a dyno of its own" },
	{ "run:detached", 1, -1, run_detached,
	  "[--size S] [--release vN] [-e K=V] COMMAND...",
	  "run it and do not wait; its output goes to the log" },
	{ "run:inside", 1, -1, run_inside, "[--no-tty] [-e K=V] DYNO COMMAND...",
	  "run a command inside of a dyno that is up" },
	{ "host ps", 0, 0, host_ps, "[--json]", "show the dynos of this host" },
	{ "host info", 0, 0, host_info, "[--json]", "show this host's manager" },
	{ "host plan", 0, 0, host_plan, "[--all] [--json]",
	  "tell what comes next here, and why it has not come yet" },
	{ "host metrics", 0, 0, host_metrics, "[--json]",
	  "print this host's numbers for Prometheus" },
	{ "host top", 0, 0, host_top, "[-s|--sort KEY] [--json]",
	  "show what the dynos of this host use, again and again" },
	{ "host doctor", 0, 0, host_doctor, "[--repair] [--json]",
	  "find what nobody owns on this machine, and what it lacks" },
	{ "host drain", 0, 0, host_drain,
	  "[--deadline SEC] [--wait [--timeout SEC]] [--json]",
	  "let this host take no new dynos" },
	{ "host undrain", 0, 0, host_undrain, "[--json]",
	  "let it take dynos again, after drain or stop" },
	{ "host stop", 0, 0, host_stop, "[--no-wait] [--timeout SEC] [--json]",
	  "end the dynos of this host, and let it take none" },
	{ "access ca", 0, 0, access_ca,
	  "[--sign-host HOST [--days N] [-o|--output FILE]] [--json]",
	  "show whom to trust here, or sign a worker host's certificate" },
	{ "access host", 1, 1, access_host, "HOST [--json]",
	  "make a token for a worker host" },
	{ "access", 0, 0, access_list, "[--json]", "show who may use an app" },
	{ "access:add", 1, 1, access_add, "EMAIL", "let somebody use an app" },
	{ "access:remove", 1, 1, access_remove, "EMAIL", "no longer" },
	{ "accounts", 0, 0, accounts_list, "[--json]", "list the accounts" },
	{ "accounts:add", 1, 1, accounts_add, "EMAIL", "make an account" },
	{ "accounts:remove", 1, 1, accounts_remove, "EMAIL [--confirm EMAIL]",
	  "remove an account and its tokens" },
	{ "accounts:suspend", 1, 1, accounts_suspend, "EMAIL",
	  "refuse an account's tokens" },
	{ "accounts:resume", 1, 1, accounts_resume, "EMAIL", "take them again" },
	{ "accounts:password", 1, 1, accounts_password, "EMAIL",
	  "set the password for heroku login -i" },
	{ "tokens", 0, 1, tokens_list, "[EMAIL|hosts] [--json]",
	  "list the tokens of an account, or of the worker hosts" },
	{ "tokens:create", 0, 1, tokens_create, "[EMAIL] [--scope "
	  "read|write|admin] [--expires TIME] [--description TEXT]",
	  "make a token and print it, once" },
	{ "tokens:revoke", 1, 1, tokens_revoke, "ID", "make a token worthless" },
	{ "audit", 0, 0, audit_run, "[-n N] [--json]", "tell who changed what" },
	{ "sandbox start", 0, 0, sandbox_start, "--root DIR [--timeout SEC]",
	  "start a complete private instance" },
	{ "sandbox env", 0, 0, sandbox_env, "--root DIR",
	  "print the shell variables that lead to it" },
	{ "sandbox status", 0, 0, sandbox_status, "--root DIR [--json]",
	  "show its processes and addresses" },
	{ "sandbox stop", 0, 0, sandbox_stop, "--root DIR [--keep]",
	  "end it and remove what it made" },
	{ "version", 0, 0, verbs_version, "", "print the version" },
	{ "help", 0, 2, verbs_help, "[VERB|NOUN]",
	  "list the verbs, or tell about one" },
	{ "verbs", 0, 0, verbs_names, "", NULL },
	{ "sandbox keep", 0, 0, keeper_run, "--root DIR", NULL },
};
const size_t cli_n_verbs = ARRAY_SIZE(cli_verbs);

/* What the heroku command calls them, too. */
const struct verbs_alias verbs_aliases[] = {
	{ "list", "apps" },
	{ "create", "apps:create" },
	{ "info", "apps:info" },
	{ "rename", "apps:rename" },
	{ "destroy", "apps:destroy" },
	{ "apps:delete", "apps:destroy" },
	{ "config:add", "config:set" },
	{ "config:remove", "config:unset" },
	{ "ps:scale", "scale" },
	{ "dyno:scale", "scale" },
	{ "ps:resize", "ps:type" },
	{ "dyno:resize", "ps:type" },
	{ "ps:restart", "restart" },
	{ "dyno:restart", "restart" },
	{ "ps:stop", "stop" },
	{ "ps:kill", "stop" },
	{ "dyno:stop", "stop" },
	{ "dyno:kill", "stop" },
	{ "ps:wait", "wait" },
	{ "releases:rollback", "rollback" },
};
const size_t verbs_n_aliases = ARRAY_SIZE(verbs_aliases);

const struct verb *verbs_find(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs_aliases) && argc > 0; i++)
		if (str_eq(verbs_aliases[i].name, argv[0])) {
			auto_free char *name = xstrdup(verbs_aliases[i].verb);

			return verb_find(cli_verbs, cli_n_verbs, 1, &name, ret_words);
		}
	return verb_find(cli_verbs, cli_n_verbs, argc, argv, ret_words);
}

int verbs_help(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	const struct verb *v;
	int words;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (optind == argc) {
		help_overview(stdout);
		return 0;
	}
	v = verbs_find(argc - optind, argv + optind, &words);
	if (v)
		help_verb(v);
	else if (!help_noun(argv[optind]))
		return cli_usage("no verb \"%s\"; \"dynoctl help\" lists them",
				 argv[optind]);
	return 0;
}

/* For completion. */
int verbs_names(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	for (size_t i = 0; i < cli_n_verbs; i++)
		if (cli_verbs[i].doc)
			puts(cli_verbs[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(verbs_aliases); i++)
		puts(verbs_aliases[i].name);
	return 0;
}

int verbs_version(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	puts("dynoctl " DYNO_VERSION);
	return 0;
}
