#pragma once

/*
 * dynorun_bundle.h - a bundle's config.json as "create", "run" and "plan" take
 * it, with what the caller's environment adds.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/strv.h"

struct container;
struct dynorun;
struct error;
struct oci;

struct dynorun_bundle {
	char *path;			/* absolute, without links */
	char *rootfs;			/* the same; as written if there is none */
	struct buf text;		/* of the configuration */
	struct oci *parsed;
	struct oci *oci;		/* it, and the sockets that we inherited */
	unsigned listen_fds;		/* so many, from 3 on (LISTEN_FDS) */
	struct strv env;
	int cwd_fd;			/* where we were called */
};

#define DYNORUN_BUNDLE_INIT ((struct dynorun_bundle){ .cwd_fd = -1 })

/* dir NULL: the working directory; config NULL: the bundle's config.json. The
 * bundle becomes the working directory, as hooks expect it. */
int dynorun_bundle_load(struct dynorun_bundle *b, const char *dir,
			const char *config, struct error *e);
void dynorun_bundle_deinit(struct dynorun_bundle *b);
