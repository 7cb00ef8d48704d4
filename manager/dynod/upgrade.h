#pragma once

/*
 * upgrade.h - dynod makes place for another version of itself, in its own
 * process: the program on disk has to prove first that it can take over.
 *
 * The trial is a child, "dynod --trial --root DIR": it reads the configuration
 * and the record of each dyno, takes the descriptors of those that live, has the
 * supervisor read its configuration, changes nothing, and says UPGRADE_PROOF on
 * descriptor UPGRADE_FD. Whoever crashes, hangs
 * or says anything else is not executed, and all goes on as it was.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct error;
struct upgrade;

#define UPGRADE_FD 3
#define UPGRADE_PROOF "dynod can take over\n"
#define UPGRADE_TRIAL_SEC 10

/* why NULL: the program has proved itself. Else a sentence. The upgrade may be
 * freed from here. */
typedef void (*upgrade_fn)(const char *why, void *userdata);

/* Begin the trial of path; fn is called once, from the loop. root_dir "" = none. */
int upgrade_new(struct upgrade **ret, sd_event *event, const char *path,
		const char *root_dir, upgrade_fn fn, void *userdata,
		struct error *e);
/* Ends a trial that is under way. */
struct upgrade *upgrade_free(struct upgrade *u);
DEFINE_AUTO(struct upgrade, upgrade_free)

/* Become that program, which finds the instance's lock held (instance_lock.h).
 * Returns only on failure. */
int upgrade_exec(const char *path, const char *root_dir, int lock_fd,
		 struct error *e);
