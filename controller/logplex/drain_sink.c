/*
 * drain_sink.c - what both kinds of sinks share.
 */
#include "base/error.h"
#include "controller/logplex/drain_networks.h"
#include "controller/logplex/drain_sink.h"

#include <stdio.h>

int drain_sink_new(struct drain_sink **ret, struct drain_sink_spec *spec,
		   struct error *e)
{
	struct drain_sink *s = spec->url.kind == DRAIN_HTTP ? drain_http_new()
							    : drain_syslog_new();

	s->spec = *spec;
	spec->url = DRAIN_URL_INIT;
	*ret = s;
	return 0;
}

struct drain_sink *drain_sink_free(struct drain_sink *s)
{
	struct drain_url url;

	if (!s)
		return NULL;
	url = s->spec.url;
	s->kind->free(s);
	drain_url_deinit(&url);
	return NULL;
}

void drain_sink_done(struct drain_sink *s, const struct drain_outcome *outcome)
{
	s->spec.on_done(outcome, s->spec.userdata);
}

void drain_sink_failure(struct drain_outcome *ret, int r)
{
	const char *why = strerror(-r);

	ret->verdict = DRAIN_FAILED;
	ret->certificate = r == -EACCES;
	if (ret->certificate)
		why = "bad certificate";
	else if (r == -EPERM)
		why = "the address is not allowed (drain-networks)";
	snprintf(ret->why, sizeof(ret->why), "%s", why);
}

bool drain_sink_address(const struct sockaddr *address, void *userdata)
{
	struct drain_sink *s = userdata;

	return drain_networks_allow(s->spec.networks, address);
}
