#pragma once

/*
 * network_sysctl.h - what the kernel keeps about a link, or all, in files.
 */
#include "base/base.h"

struct error;

/* Those of the bridge: no IPv6, routing, no redirects. Every one is tried, the
 * first failure is returned. */
int network_sysctl_bridge(const char *bridge, bool ipv6, struct error *e);

/* Does the host route? If not, and if we may, it does from now on. */
bool network_sysctl_forward(bool may_set);
