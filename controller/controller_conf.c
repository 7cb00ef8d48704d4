/*
 * controller_conf.c - one table: names, bounds, defaults, sentences.
 */
#include "base/error.h"
#include "base/root.h"
#include "controller/controller_conf.h"
#include "controller/logplex/log_store.h"
#include "controller/model/sizes.h"
#include "controller/slug/slug_storage.h"

#define KEY(member) offsetof(struct controller_conf, member)

static const struct conf_key keys[] = {
	{ "user", CONF_STRING, KEY(user), 0, 0, "dyno",
	  "the service user, a name or a number, with an optional :group" },
	{ "listen-address", CONF_STRING, KEY(listen_address), 0, 0, "127.0.0.1",
	  "IPv4 address on which the API listens" },
	{ "port", CONF_UINT, KEY(port), 0, 65535, "5080",
	  "TCP port of the API, 0 = a free one that is kept" },
	{ "https", CONF_BOOL, KEY(https), 0, 0, "yes",
	  "serve the API over TLS as well" },
	{ "https-address", CONF_STRING, KEY(https_address), 0, 0, "127.0.0.1",
	  "IPv4 address on which it does" },
	{ "https-port", CONF_UINT, KEY(https_port), 0, 65535, "5443",
	  "TCP port on which it does, 0 = a free one that is kept" },
	{ "certificate-file", CONF_STRING, KEY(certificate_file), 0, 0, NULL,
	  "PEM chain for HTTPS and rendezvous; none: signed by the instance's CA" },
	{ "key-file", CONF_STRING, KEY(key_file), 0, 0, NULL,
	  "PEM key of certificate-file; none: it is in there" },
	{ "certificate-names", CONF_STRING, KEY(certificate_names), 0, 0, NULL,
	  "more names and addresses of this machine for our own certificate" },
	{ "client-ca-file", CONF_STRING, KEY(client_ca_file), 0, 0, NULL,
	  "PEM CAs that sign worker hosts; none: the instance's CA" },
	{ "rendezvous-address", CONF_STRING, KEY(rendezvous_address), 0, 0,
	  "127.0.0.1", "IPv4 address for attached dynos" },
	{ "rendezvous-name", CONF_STRING, KEY(rendezvous_name), 0, 0, NULL,
	  "what clients are told to connect to; none: rendezvous-address" },
	{ "rendezvous-port", CONF_UINT, KEY(rendezvous_port), 0, 65535, "5000",
	  "TLS port for attached dynos, 0 = a free one that is kept" },
	{ "owner", CONF_STRING, KEY(owner), 0, 0, "owner@localhost",
	  "email address of the account" },
	{ "domain", CONF_STRING, KEY(domain), 0, 0, "localhost",
	  "apps are reached as NAME.DOMAIN" },
	{ "web-port", CONF_UINT, KEY(web_port), 0, 65535, "0",
	  "the port in their web_url, 443 is https, 0 = the port of this router" },
	{ "default-size", CONF_STRING, KEY(default_size), 0, 0, "Basic",
	  "dyno size of new process types" },
	{ "slug-storage", CONF_STRING, KEY(slug_storage), 0, 0, "directory",
	  "where slugs are kept: directory, or s3://BUCKET/PREFIX" },
	{ "rate-limit", CONF_UINT, KEY(rate_limit), 0, 10000000, "4500",
	  "requests per hour and account over TCP, 0 = as many as it likes" },
	{ "failed-logins", CONF_UINT, KEY(failed_logins), 0, 100000, "30",
	  "wrong tokens or passwords per minute and address, 0 = any number" },
	{ "audit-days", CONF_UINT, KEY(audit_days), 1, 36500, "90",
	  "days for which the audit trail is kept" },
	{ "audit-records", CONF_UINT, KEY(audit_records), 100, 100000000, "100000",
	  "records that the audit trail holds at most" },
	{ "one-per-type", CONF_BOOL, KEY(one_per_type), 0, 0, "no",
	  "allow only one Eco or Basic dyno per process type, as Heroku does" },
	{ "release-timeout", CONF_SEC, KEY(release_timeout), 1, 86400, "3600",
	  "seconds that a release command may take" },
	{ "preboot-window", CONF_SEC, KEY(preboot_window), 1, 86400, "180",
	  "seconds for which the old web dynos serve on (feature preboot)" },
	{ "health-window", CONF_SEC, KEY(health_window), 1, 86400, "120",
	  "seconds in which web dynos must come up (health-gated-releases)" },
	{ "release-days", CONF_UINT, KEY(release_days), 0, 36500, "30",
	  "days after which a release may expire" },
	{ "release-keep", CONF_UINT, KEY(release_keep), 1, 1000000, "20",
	  "how many of the newest releases of an app never expire" },
	{ "drain-buffer", CONF_UINT, KEY(drain_buffer), 1, LOG_STORE_LINES, "1024",
	  "lines that may wait for a log drain" },
	{ "drain-networks", CONF_STRING, KEY(drain_networks), 0, 0, "",
	  "the only networks that log drains and webhooks may reach, ADDRESS/BITS; "
	  "empty: all but this machine's own, loopback and link-local addresses" },
	{ "drain-ca-file", CONF_STRING, KEY(drain_ca_file), 0, 0, "",
	  "CA certificates for log drains, instead of the system's" },
	{ "idle-after", CONF_UINT, KEY(idle_after), 0, 30 * 86400, "1800",
	  "seconds without a request after which Eco web dynos sleep, 0 = never" },
};

int controller_conf_load(struct controller_conf *conf, const struct root *root,
			 struct error *e)
{
	int r;

	*conf = (struct controller_conf){ .user = NULL };
	conf_defaults(keys, ARRAY_SIZE(keys), conf);
	conf->router_port_file = xasprintf("%s/router/port", root->run);
	r = conf_load(keys, ARRAY_SIZE(keys), conf, root->etc, "controller", e);
	if (r == 0 && !sizes_find(conf->default_size))
		r = error_set(e, EINVAL, "default-size: there is no size \"%s\"",
			      conf->default_size);
	if (r == 0 && !slug_storage_name_ok(conf->slug_storage))
		r = error_set(e, EINVAL, "slug-storage: \"%s\" is neither "
			      "\"directory\" nor of the form s3://BUCKET/PREFIX",
			      conf->slug_storage);
	if (r == 0 && conf->key_file && !conf->certificate_file)
		r = error_set(e, EINVAL, "key-file needs certificate-file");
	return r;
}

void controller_conf_free(struct controller_conf *conf)
{
	conf_free(keys, ARRAY_SIZE(keys), conf);
	free(conf->router_port_file);
	conf->router_port_file = NULL;
}
