#pragma once

/*
 * drain_url.h - where a drain leads: http, https, syslog or syslog+tls.
 */
#include "base/base.h"

struct error;

enum drain_kind {
	DRAIN_HTTP,			/* also https */
	DRAIN_SYSLOG,
	DRAIN_SYSLOG_TLS,
	DRAIN_KIND_COUNT
};

struct drain_url {
	enum drain_kind kind;
	char *host;			/* a name, or an address without brackets */
	char *connect;			/* what libcurl connects to: an http(s) URL */
};

#define DRAIN_URL_INIT ((struct drain_url){ DRAIN_HTTP, NULL, NULL })
#define DRAIN_URL_MAX 2048

/* EINVAL: the message says what is wrong with it, and does not repeat it: it may
 * hold a password. */
int drain_url_parse(struct drain_url *ret, const char *text, struct error *e);
void drain_url_deinit(struct drain_url *u);
