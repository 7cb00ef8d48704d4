#pragma once

/*
 * dynod.h - the one struct of dynod, which dynod.c makes and dynod_serve.c serves
 * with.
 */
#include "base/base.h"
#include "base/root.h"
#include "manager/dynod/dyno_table.h"
#include "manager/dynod/dynod_conf.h"
#include "manager/dynod/host_server.h"
#include "manager/dynod/keeper.h"
#include "manager/dynod/upgrade.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct error;

struct dynod {
	struct root root;
	struct dynod_conf conf;
	int lock_fd;
	sd_event *event;
	struct runtime *rt;
	struct dyno_table dynos;
	struct keeper *keeper;
	struct host_server *server;	/* NULL: no supervisor, or */
	int supervisor_fd;		/* one that waits to be served; else -1 */
	int listen_fd;			/* systemd's, for the supervisor; or -1 */
	size_t told;			/* number of dynos in systemd's STATUS */
	char *program;			/* this one's path, whatever is there now */
	struct upgrade *upgrade;	/* NULL: no trial */
	bool leaving;			/* it has passed its trial, and waits for starts */
};

/* Lock, layout, loop and runtime; also for what does not serve. */
int dynod_open(struct dynod *d, runtime_tell_fn tell, struct error *e);

/* The supervisor that it keeps; all in it is borrowed. */
struct keeper_config dynod_supervisor(const struct dynod *d);

/* Serve until the daemon is told to end. */
int dynod_serve(struct dynod *d, struct error *e);
