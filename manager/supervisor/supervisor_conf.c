/* supervisor_conf.c - the keys, as a table, and what follows from them. */
#include "base/buf.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "manager/limits.h"
#include "manager/model/address.h"
#include "manager/model/labels.h"
#include "manager/supervisor/supervisor_conf.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>

#define KEY(name, type, member, min, max, def, doc) \
	{ name, CONF_##type, offsetof(struct supervisor_conf, member), min, max, def, doc }

static const struct conf_key keys[] = {
	KEY("upstream", STRING, upstream, 0, 0, NULL,
	    "address of the controller: unix:/PATH, https://HOST:PORT or "
	    "http://HOST:PORT, or none; default: the socket of this machine's own"),
	KEY("upstream-token-file", STRING, upstream_token_file, 0, 0, NULL,
	    "file with the token of this host, for an upstream over TCP"),
	KEY("upstream-ca-file", STRING, upstream_ca_file, 0, 0, NULL,
	    "CAs to trust with an https upstream; none: the system's"),
	KEY("upstream-cert-file", STRING, upstream_cert_file, 0, 0, NULL,
	    "certificate of this host, for an https upstream"),
	KEY("upstream-key-file", STRING, upstream_key_file, 0, 0, NULL,
	    "its key; none: it is in there"),
	KEY("upstream-proxy", STRING, upstream_proxy, 0, 0, NULL,
	    "HTTP proxy on the way to upstream: http://HOST:PORT; none: no proxy, "
	    "whatever the environment says"),
	KEY("upstream-no-proxy", STRING, upstream_no_proxy, 0, 0, NULL,
	    "names, with all below them, and addresses to which this proxy is not "
	    "the way: HOST, HOST; or *"),
	KEY("host", STRING, host, 0, 0, NULL,
	    "name of this host; default: the machine's"),
	KEY("desired-dir", STRING, desired_dir, 0, 0, NULL,
	    "directory in which what shall run here is put, when upstream is none"),
	KEY("report-url", STRING, report_url, 0, 0, NULL,
	    "http or https address that every report is POSTed to as well"),
	KEY("report-secret-file", STRING, report_secret_file, 0, 0, NULL,
	    "file with the secret that these are signed with"),
	KEY("report-ca-file", STRING, report_ca_file, 0, 0, NULL,
	    "CAs to trust with an https report-url; none: the system's"),
	KEY("labels", STRING, labels, 0, 0, NULL,
	    "what this host is, for upstream: KEY=VALUE, KEY=VALUE"),
	KEY("boot-timeout", SEC, boot_timeout, 1, 600, "60",
	    "seconds a web dyno has to listen on $PORT"),
	KEY("stop-grace", SEC, stop_grace, 1, 600, "30",
	    "seconds between SIGTERM and SIGKILL"),
	KEY("kill-retry", SEC, kill_retry, 1, 600, "10",
	    "seconds after which SIGKILL is sent again"),
	KEY("withdraw-timeout", SEC, withdraw_timeout, 0, 60, "1",
	    "seconds that a web dyno waits for upstream to close its route before "
	    "SIGTERM"),
	KEY("output-grace", SEC, output_grace, 1, 60, "2",
	    "seconds for the output of an ended dyno that somebody holds open"),
	KEY("attach-timeout", SEC, attach_timeout, 1, 3600, "30",
	    "seconds an attached one-off waits for its client"),
	KEY("attach-idle", SEC, attach_idle, 1, 86400, "3600",
	    "seconds without a byte in either direction that end an attachment"),
	KEY("hup-interval", SEC, hup_interval, 1, 600, "5",
	    "seconds between two SIGHUPs after the loss of a client"),
	KEY("hup-count", UINT, hup_count, 1, 100, "3",
	    "SIGHUPs before a dyno counts as detached"),
	KEY("report-interval", SEC, report_interval, 1, 3600, "10",
	    "seconds between two complete reports to upstream"),
	KEY("stable-after", SEC, stable_after, 1, 86400, "600",
	    "seconds a dyno has to be up for the next crash to count as the first"),
	KEY("crash-pauses", STRING, crash_pauses, 0, 0, "0 20 40 60 180 320",
	    "minutes until a crashed dyno is tried again, one for each crash; the "
	    "last for all that follow"),
	KEY("cycle-after", SEC, cycle_after, 1, 10 * 86400, "86400",
	    "seconds that a process may run before it is restarted"),
	KEY("cycle-spread", SEC, cycle_spread, 0, 86400, "12960",
	    "seconds of chance that are added to it, for each process anew"),
	KEY("metrics-interval", SEC, metrics_interval, 1, 3600, "20",
	    "seconds between two samples of a dyno's memory and load"),
	KEY("log-runtime-metrics", BOOL, log_runtime_metrics, 0, 0, "no",
	    "write the samples to the log of every app, not only where upstream "
	    "wants it"),
	KEY("backoff-unit", SEC, backoff_unit, 0, 3600, "60",
	    "seconds of a minute in crash-pauses; 0: one second always, but for "
	    "the first"),
	KEY("slug-gc-interval", SEC, slug_gc_interval, 0, 30 * 86400, "3600",
	    "seconds between collections of slugs; 0: only before an import that "
	    "would not fit"),
	KEY("port-min", UINT, port_min, 1024, 65535, "3000",
	    "lowest $PORT"),
	KEY("port-max", UINT, port_max, 1024, 65535, "59999",
	    "highest $PORT"),
};

static_assert(SLUG_GC_INTERVAL_SEC == 3600, "the default in the table above");

static char *supervisor_conf_host(void)
{
	char name[64] = "";
	size_t n = 0;

	gethostname(name, sizeof(name) - 1);
	for (size_t i = 0; name[i]; i++)
		if (isalnum((unsigned char)name[i]) || (n && strchr(".-", name[i])))
			name[n++] = (char)tolower((unsigned char)name[i]);
	name[n] = '\0';
	return xstrdup(n ? name : "localhost");
}

static bool supervisor_conf_host_ok(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && n <= 63 && isalnum((unsigned char)s[0]) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

static int supervisor_conf_secret(const char *path, char **ret, struct error *e)
{
	auto_buf text = BUF_INIT;
	int r;

	if (!path)
		return 0;
	r = file_read(AT_FDCWD, path, 4096, &text, e);
	if (r < 0)
		return r;
	*ret = xstrndup(buf_str(&text), strcspn(buf_str(&text), " \t\r\n"));
	return 0;
}

/* What cannot be read is told at the start, not by every request. */
static int supervisor_conf_readable(const char *key, const char *path,
				    struct error *e)
{
	int r = 0;

	if (path && access(path, R_OK) < 0)
		r = error_sys(e, "read %s", path);
	return error_prefix(e, r, "%s", key);
}

/* One file may be for all hosts, wherever they stand. */
static const char *supervisor_conf_proxy(const struct supervisor_conf *c)
{
	auto_(address_deinit) struct address to = { NULL, NULL };
	const char *rest = str_after(c->upstream, "https://");

	if (!rest)
		rest = str_after(c->upstream, "http://");
	if (!rest)
		return c->upstream_proxy;
	address_parse(&to, rest, "");
	return address_is_among(to.host, c->upstream_no_proxy) ? NULL
		: c->upstream_proxy;
}

static int supervisor_conf_client(struct supervisor_conf *c, struct error *e)
{
	int r = supervisor_conf_readable("upstream-ca-file", c->upstream_ca_file, e);

	if (r == 0)
		r = supervisor_conf_readable("upstream-cert-file",
					     c->upstream_cert_file, e);
	if (r == 0)
		r = supervisor_conf_readable("upstream-key-file",
					     c->upstream_key_file, e);
	if (r == 0)
		r = supervisor_conf_readable("report-ca-file", c->report_ca_file, e);
	if (r == 0 && c->upstream_key_file && !c->upstream_cert_file)
		r = error_set(e, EINVAL, "upstream-key-file needs "
			      "upstream-cert-file");
	if (r == 0 && c->upstream_proxy && !str_after(c->upstream_proxy, "http://"))
		r = error_set(e, EINVAL, "upstream-proxy: \"%s\" is not of the form "
			      "http://HOST:PORT", c->upstream_proxy);
	c->client = (struct http_client_spec){
		.base = c->upstream, .token = c->token,
		.ca_file = c->upstream_ca_file, .cert_file = c->upstream_cert_file,
		.key_file = c->upstream_key_file, .proxy = supervisor_conf_proxy(c),
	};
	return r;
}

bool supervisor_conf_is_alone(const struct supervisor_conf *c)
{
	return str_eq(c->upstream, "none");
}

static int supervisor_conf_hook(struct supervisor_conf *c, struct error *e)
{
	if (c->report_url && !str_after(c->report_url, "http://") &&
	    !str_after(c->report_url, "https://"))
		return error_set(e, EINVAL, "report-url: \"%s\" is not http:// or "
				 "https://", c->report_url);
	return supervisor_conf_secret(c->report_secret_file, &c->report_secret, e);
}

int supervisor_conf_load(struct supervisor_conf *c, const struct root *root,
			 struct error *e)
{
	int r;

	conf_defaults(keys, ARRAY_SIZE(keys), c);
	r = conf_load(keys, ARRAY_SIZE(keys), c, root->etc, "supervisor", e);
	if (r < 0)
		return r;
	if (c->port_min > c->port_max)
		return error_set(e, EINVAL, "port-min is above port-max");
	r = backoff_parse(&c->backoff, c->crash_pauses, c->backoff_unit, e);
	if (r < 0)
		return error_prefix(e, r, "crash-pauses");
	r = labels_parse(&c->labels_json, c->labels, e);
	if (r < 0)
		return error_prefix(e, r, "labels");
	if (!c->upstream)
		c->upstream = xasprintf("unix:%s/api.sock", root->run);
	if (!c->host)
		c->host = supervisor_conf_host();
	if (!supervisor_conf_host_ok(c->host))
		return error_set(e, EINVAL, "host: \"%s\" is not a host name in "
				 "lower case", c->host);
	if (c->desired_dir && !supervisor_conf_is_alone(c))
		return error_set(e, EINVAL, "desired-dir needs \"upstream = none\"");
	r = supervisor_conf_secret(c->upstream_token_file, &c->token, e);
	if (r == 0)
		r = supervisor_conf_client(c, e);
	return r < 0 ? r : supervisor_conf_hook(c, e);
}

void supervisor_conf_deinit(struct supervisor_conf *c)
{
	conf_free(keys, ARRAY_SIZE(keys), c);
	free(take_ptr(c->token));
	free(take_ptr(c->report_secret));
	json_decref(take_ptr(c->labels_json));
}

void supervisor_conf_usage(void)
{
	printf("usage: dyno-supervisor [--root DIR] [--check]\n\n"
	       "Started by dynod; --check only reads the configuration,\n"
	       "DIR/etc/dyno/supervisor.conf:\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		printf("  %-20s %s%s%s%s\n", keys[i].name, keys[i].doc,
		       keys[i].def ? " (default " : "",
		       keys[i].def ? keys[i].def : "", keys[i].def ? ")" : "");
}
