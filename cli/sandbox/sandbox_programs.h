#pragma once

/*
 * sandbox_programs.h - programs that the service user can execute.
 *
 * The daemons drop to the service user and start helpers as that user. A build
 * tree below /root, closed to everybody else, would not let them. Then the
 * sandbox runs copies in DIR/run/dyno/programs.
 */
#include "base/base.h"

struct error;
struct root;

/*
 * *ret_dynoctl is the path of the dynoctl beside which all programs are, owned
 * by the caller: this one's own, or DIR/run/dyno/programs/dynoctl, with fresh
 * copies.
 */
int sandbox_programs(const struct root *root, char **ret_dynoctl,
		     struct error *e);
