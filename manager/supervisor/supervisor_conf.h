#pragma once

/*
 * supervisor_conf.h - etc/dyno/supervisor.conf.
 */
#include "base/base.h"
#include "http/client.h"
#include "manager/model/backoff.h"

#include <jansson.h>

struct error;
struct root;

struct supervisor_conf {
	char *upstream;			/* base address, or "none" */
	char *upstream_token_file;
	char *upstream_ca_file, *upstream_cert_file, *upstream_key_file;
	char *upstream_proxy, *upstream_no_proxy;
	char *token;			/* of upstream, or NULL: not a key */
	struct http_client_spec client;	/* of all this: not a key */
	char *host;
	char *desired_dir;		/* only without an upstream */
	char *report_url, *report_secret_file, *report_ca_file;
	char *report_secret;		/* from it, or NULL: not a key */
	char *labels;			/* "zone=a, disk=ssd", or NULL */
	json_t *labels_json;		/* from it: not a key */
	/* seconds */
	uint64_t boot_timeout;
	uint64_t stop_grace;
	uint64_t kill_retry, withdraw_timeout, output_grace;
	uint64_t attach_timeout, attach_idle;
	uint64_t hup_interval;
	uint64_t report_interval, stable_after;
	uint64_t cycle_after, cycle_spread;
	uint64_t metrics_interval;
	uint64_t backoff_unit;
	uint64_t slug_gc_interval;
	uint64_t hup_count;
	char *crash_pauses;
	struct backoff backoff;		/* from it: not a key */
	bool log_runtime_metrics;
	uint64_t port_min, port_max;
};

/* Reads the files below root->etc; reads the token too. *c is zeroed before
 * the first call; deinit in any case. */
int supervisor_conf_load(struct supervisor_conf *c, const struct root *root,
			 struct error *e);
void supervisor_conf_deinit(struct supervisor_conf *c);

/* upstream = none. */
bool supervisor_conf_is_alone(const struct supervisor_conf *c);

/* Print the table of keys, with the usage line. */
void supervisor_conf_usage(void);
