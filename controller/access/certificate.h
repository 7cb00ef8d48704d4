#pragma once

/*
 * certificate.h - the certificate that the ports with TLS show, as a file: ours,
 * signed by the instance's CA, for every name by which this machine is reached.
 */
#include "base/base.h"

struct authority;
struct error;

/*
 * Have a good one in path (key and certificate, mode 0600): what is there is kept
 * while the CA has signed it, it names everything and lasts for 30 days more; else it
 * is made. names: of the configuration, separated by commas or blanks; NULL: none. To
 * be called at the start and daily.
 */
int certificate_ensure(struct authority *a, const char *path, const char *names,
		       struct error *e);
