#pragma once

/*
 * haproxy.h - the HAProxy processes of this router.
 *
 * A reload starts a new process beside the old one; as soon as the new one
 * has read its files it asks the old ones (-sf) to finish what they have.
 * A new process that cannot start changes nothing. All are children that the
 * kernel kills with this process; the listening socket stays open here, so
 * that no connection is refused in between.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct error;
struct haproxy;

/* program: absolute path; dir: where its files are; both are copied. listen_fd
 * is borrowed. No process is started yet. */
int haproxy_new(struct haproxy **ret, sd_event *event, const char *program,
		const char *dir, int listen_fd, struct error *e);
/* Ends all processes and waits for them: what they have begun they may finish, for
 * up to 5 s. */
struct haproxy *haproxy_free(struct haproxy *h);
DEFINE_AUTO(struct haproxy, haproxy_free)

/* The files have changed: have a process that has read them, soon. Failures
 * are logged and tried again. */
void haproxy_reload(struct haproxy *h);
