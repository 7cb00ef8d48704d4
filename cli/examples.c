/*
 * examples.c - every verb as it is used. A table; the verbs and their usage are in
 * verbs.c.
 */
#include "cli/examples.h"

#include "base/base.h"

#define EXAMPLES_MAX 4

static const struct {
	const char *verb;
	const char *lines[EXAMPLES_MAX + 1];
} table[] = {
	{ "apps", { "dynoctl apps", "dynoctl apps --json | jq -r '.[].web_url'" } },
	{ "apps:create", { "dynoctl apps:create shop", "app=$(dynoctl apps:create)" } },
	{ "apps:info", { "dynoctl apps:info shop",
			 "dynoctl apps:info -a shop --json | jq .stack.name" } },
	{ "apps:rename", { "dynoctl apps:rename store -a shop" } },
	{ "apps:destroy", { "dynoctl apps:destroy shop",
			    "dynoctl apps:destroy --confirm shop" } },
	{ "deploy", { "dynoctl deploy -a shop .", "dynoctl deploy shop build/slug.tgz",
		      "dynoctl deploy -a shop . && dynoctl wait -a shop" } },
	{ "config", { "dynoctl config -a shop", "dynoctl config -a shop -s > shop.env",
		      "dynoctl config -a shop --json" } },
	{ "config:get", { "dynoctl config:get DATABASE_URL -a shop",
			  "psql \"$(dynoctl config:get DATABASE_URL -a shop)\"" } },
	{ "config:set", { "dynoctl config:set RAILS_ENV=production LANG=C.UTF-8 -a shop",
			  "dynoctl config:set \"KEY=$(cat key.pem)\" -a shop" } },
	{ "config:unset", { "dynoctl config:unset DEBUG TRACE -a shop" } },
	{ "addons", { "dynoctl addons -a shop", "dynoctl addons -a shop --json" } },
	{ "addons:create", {
		"dynoctl addons:create postgresql url=postgres://db/shop --as DATABASE",
		"dynoctl addons:create redis url=redis://cache/1 --name cache -a shop" } },
	{ "addons:set", { "dynoctl addons:set cache url=redis://cache/2 -a shop" } },
	{ "addons:attach", { "dynoctl addons:attach cache --as SESSIONS -a shop" } },
	{ "addons:detach", { "dynoctl addons:detach SESSIONS -a shop" } },
	{ "addons:destroy", { "dynoctl addons:destroy cache -a shop",
			      "dynoctl addons:destroy cache -a shop --confirm shop" } },
	{ "buildpacks", { "dynoctl buildpacks -a shop" } },
	{ "buildpacks:set", { "dynoctl buildpacks:set heroku/nodejs heroku/ruby -a shop",
			      "dynoctl buildpacks:set -a shop" } },
	{ "domains", { "dynoctl domains -a shop" } },
	{ "domains:add", { "dynoctl domains:add www.example.com -a shop",
			   "dynoctl domains:add '*.example.com' -a shop" } },
	{ "domains:remove", { "dynoctl domains:remove www.example.com -a shop" } },
	{ "features", { "dynoctl features -a shop" } },
	{ "features:enable", { "dynoctl features:enable preboot -a shop" } },
	{ "features:disable", { "dynoctl features:disable preboot -a shop" } },
	{ "maintenance", { "dynoctl maintenance -a shop" } },
	{ "maintenance:on", { "dynoctl maintenance:on -a shop" } },
	{ "maintenance:off", { "dynoctl maintenance:off -a shop" } },
	{ "webhooks", { "dynoctl webhooks -a shop" } },
	{ "webhooks:add", {
		"dynoctl webhooks:add https://ci.example.com/hook -a shop",
		"dynoctl webhooks:add https://ci.example.com/hook -i api:release -l sync" } },
	{ "webhooks:remove", { "dynoctl webhooks:remove 6f1c63b2-0a3b-4a0c-9a57-5f0c5e6b2f11 "
			       "-a shop" } },
	{ "webhooks:deliveries", { "dynoctl webhooks:deliveries -a shop" } },
	{ "ps", { "dynoctl ps -a shop", "dynoctl ps web -a shop",
		  "dynoctl ps -a shop --json | jq -r '.[] | [.name, .state] | @tsv'" } },
	{ "scale", { "dynoctl scale -a shop", "dynoctl scale web=2 worker+1 -a shop",
		     "dynoctl scale web=4:standard-2x -a shop" } },
	{ "ps:type", { "dynoctl ps:type -a shop", "dynoctl ps:type standard-2x -a shop",
		       "dynoctl ps:type web=performance-m worker=basic -a shop" } },
	{ "restart", { "dynoctl restart -a shop", "dynoctl restart web -a shop",
		       "dynoctl restart web.1 -a shop" } },
	{ "stop", { "dynoctl stop run.1234 -a shop", "dynoctl stop worker -a shop" } },
	{ "why", { "dynoctl why web.1 -a shop", "dynoctl why -n 5 -a shop" } },
	{ "wait", { "dynoctl wait -a shop", "dynoctl wait --timeout 60 web -a shop",
		    "dynoctl deploy shop . && dynoctl wait --fail-fast -a shop" } },
	{ "logs", { "dynoctl logs --tail -a shop", "dynoctl logs -n 1500 -d web.1 -a shop",
		    "dynoctl logs --tail --source heroku -a shop",
		    "dynoctl logs --json -a shop | jq -r .text" } },
	{ "logs:stats", { "dynoctl logs:stats -a shop" } },
	{ "drains", { "dynoctl drains -a shop" } },
	{ "drains:add", { "dynoctl drains:add https://user:key@logs.example.com/in -a shop",
			  "dynoctl drains:add syslog+tls://logs.example.com:6514 -a shop" } },
	{ "drains:remove", { "dynoctl drains:remove syslog+tls://logs.example.com:6514 "
			     "-a shop" } },
	{ "logs:token", { "dynoctl logs:token -a shop",
			  "dynoctl logs:token --renew -a shop" } },
	{ "releases", { "dynoctl releases -a shop", "dynoctl releases -n 50 -a shop" } },
	{ "releases:info", { "dynoctl releases:info -a shop",
			     "dynoctl releases:info v7 -a shop --json" } },
	{ "releases:output", { "dynoctl releases:output -a shop",
			       "dynoctl releases:output v7 -a shop" } },
	{ "releases:wait", { "dynoctl releases:wait -a shop",
			     "dynoctl releases:wait v7 --timeout 600 -a shop" } },
	{ "rollback", { "dynoctl rollback -a shop", "dynoctl rollback v7 -a shop" } },
	{ "run", { "dynoctl run -a shop bash", "dynoctl run -a shop -- ls -a",
		   "dynoctl run -a shop --release v7 -e DEBUG=1 rake db:version",
		   "dynoctl run -a shop --no-tty 'pg_dump $DATABASE_URL' > shop.sql" } },
	{ "run:detached", { "dynoctl run:detached -a shop -s performance-m rake reindex" } },
	{ "host ps", { "dynoctl host ps", "dynoctl host ps --root /tmp/try" } },
	{ "host info", { "dynoctl host info --json" } },
	{ "host plan", { "dynoctl host plan", "dynoctl host plan --all" } },
	{ "host metrics", { "dynoctl host metrics | grep dynos" } },
	{ "host top", { "dynoctl host top --sort memory" } },
	{ "host doctor", { "dynoctl host doctor", "dynoctl host doctor --repair" } },
	{ "host drain", { "dynoctl host drain",
			  "dynoctl host drain --deadline 3600 --wait" } },
	{ "host undrain", { "dynoctl host undrain" } },
	{ "host stop", { "dynoctl host stop --timeout 120" } },
	{ "access ca", { "dynoctl access ca > ca.pem",
			 "dynoctl access ca --sign-host worker-2 -o worker-2.pem" } },
	{ "access host", { "dynoctl access host worker-2 > token" } },
	{ "access", { "dynoctl access -a shop" } },
	{ "access:add", { "dynoctl access:add ann@example.com -a shop" } },
	{ "access:remove", { "dynoctl access:remove ann@example.com -a shop" } },
	{ "accounts", { "dynoctl accounts" } },
	{ "accounts:add", { "dynoctl accounts:add ann@example.com" } },
	{ "accounts:remove", { "dynoctl accounts:remove ann@example.com",
		"dynoctl accounts:remove ann@example.com --confirm ann@example.com" } },
	{ "accounts:suspend", { "dynoctl accounts:suspend ann@example.com" } },
	{ "accounts:resume", { "dynoctl accounts:resume ann@example.com" } },
	{ "accounts:password", { "dynoctl accounts:password ann@example.com",
		"pwgen -s 20 1 | dynoctl accounts:password ann@example.com" } },
	{ "tokens", { "dynoctl tokens", "dynoctl tokens ann@example.com",
		      "dynoctl tokens hosts" } },
	{ "tokens:create", { "export HEROKU_API_KEY=$(dynoctl tokens:create --expires 12h)",
		"dynoctl tokens:create ann@example.com --scope read -d dashboard" } },
	{ "tokens:revoke", { "dynoctl tokens:revoke 6f1c63b2-0a3b-4a0c-9a57-5f0c5e6b2f11" } },
	{ "audit", { "dynoctl audit", "dynoctl audit -a shop -n 20" } },
	{ "sandbox start", { "dynoctl sandbox start --root /tmp/try" } },
	{ "sandbox env", { "eval \"$(dynoctl sandbox env --root /tmp/try)\"" } },
	{ "sandbox status", { "dynoctl sandbox status --root /tmp/try" } },
	{ "sandbox stop", { "dynoctl sandbox stop --root /tmp/try" } },
	{ "version", { "dynoctl version" } },
	{ "help", { "dynoctl help", "dynoctl help host", "dynoctl help config:set" } },
};

const char *const *examples_of(const char *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(table[i].verb, verb))
			return table[i].lines;
	return NULL;
}
