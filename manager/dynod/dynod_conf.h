#pragma once

/*
 * dynod_conf.h - dynod's configuration: <root>/etc/dyno/dynod.conf.
 *
 * dynod knows nothing of the controller: that is the supervisor's business.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;
struct root;

struct dynod_conf {
	/* as written */
	char *user;
	char *instance_text;
	char *stack;
	char *dns;			/* NULL: the host's */
	char *allowed;			/* networks, or NULL */
	char *ip_forward_text;
	char *supervisor;		/* absolute path */
	/* what follows from it */
	uid_t uid;
	gid_t gid;
	int instance;			/* 0..63, -1 = the first free one */
	bool ip_forward;
	bool slug_images;
};

#define DYNOD_CONF_INIT ((struct dynod_conf){ .instance = -1 })

/* Read the files and work out the rest. Errors name file and key. On failure
 * too, conf is for dynod_conf_deinit() to free. */
int dynod_conf_load(struct dynod_conf *conf, const struct root *root,
		    struct error *e);
void dynod_conf_deinit(struct dynod_conf *conf);
