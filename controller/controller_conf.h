#pragma once

/*
 * controller_conf.h - the keys of controller.conf.
 */
#include "base/conf.h"

struct root;

struct controller_conf {
	char *user;
	char *listen_address;
	uint64_t port;
	bool https;
	char *https_address;
	uint64_t https_port;
	char *certificate_file, *key_file, *client_ca_file;
	char *certificate_names;
	uint64_t rendezvous_port;
	char *rendezvous_address, *rendezvous_name;
	char *owner;
	char *domain;
	uint64_t web_port;		/* 0 = that in router_port_file */
	char *router_port_file;		/* no key; NULL: there is no router */
	char *default_size;
	char *slug_storage;
	uint64_t rate_limit;
	uint64_t failed_logins;
	uint64_t audit_days;
	uint64_t audit_records;
	bool one_per_type;
	uint64_t release_timeout;	/* seconds */
	uint64_t preboot_window;	/* seconds */
	uint64_t health_window;		/* seconds */
	uint64_t release_days, release_keep;
	uint64_t drain_buffer;
	char *drain_networks;		/* "": none given */
	char *drain_ca_file;		/* the same */
	uint64_t idle_after;		/* seconds, 0 = never */
};

/* Defaults, then <etc>/controller.conf and controller.conf.d. */
int controller_conf_load(struct controller_conf *conf, const struct root *root,
			 struct error *e);
void controller_conf_free(struct controller_conf *conf);
