#pragma once

/*
 * sandbox.h - a complete private instance below a directory.
 *
 *   DIR/sandbox     what the sandbox is: made by "start", removed by "stop"
 *   DIR/env         shell variables that lead to it, 0600
 *   DIR/log/        what its processes say
 *   DIR/etc, var, run   as any instance (base/root.h)
 */
#include "base/base.h"
#include "base/root.h"

struct error;
struct strv;

struct sandbox {
	struct root root;
	int dir_fd;		/* locked: one dynoctl at a time works on it */
	bool marked;		/* DIR/sandbox is there */
	bool made_dir;		/* DIR was made by us, so it may go */
	char *prefix;		/* "dyno3", or NULL = not known yet */
};

#define SANDBOX_INIT ((struct sandbox){ .root = ROOT_INIT, .dir_fd = -1 })

#define SANDBOX_ABSENT 1

/* Find and lock the directory, read its mark. SANDBOX_ABSENT: no such
 * directory. EINVAL: it cannot be one ("/", too long). */
int sandbox_open(struct sandbox *s, const char *dir, struct error *e);
void sandbox_deinit(struct sandbox *s);

int sandbox_write_mark(const struct sandbox *s, struct error *e);

/* Will unix sockets below dir (absolute) have a path that is short enough? */
int sandbox_check_length(const char *dir, struct error *e);

/* The daemons are another user: every directory above path (absolute), and
 * path itself, has to let them pass. EACCES names the one that does not. */
int sandbox_check_reachable(const char *path, struct error *e);

/* Addresses of a running sandbox; NULL = not there (yet). */
struct sandbox_address {
	char *api_url;
	char *api_socket;
	char *token;
	char *ca_file;
	char *router_url;
};

#define SANDBOX_ADDRESS_INIT ((struct sandbox_address){ NULL })

void sandbox_address_find(struct sandbox_address *ret, const struct root *root);
void sandbox_address_deinit(struct sandbox_address *a);

/* Write DIR/env. */
int sandbox_address_write(const struct sandbox_address *a,
			  const struct root *root, struct error *e);

/* End everything, remove what it made; keep = leave data, configuration and
 * logs. What could not be removed is added to left, a sentence each. */
int sandbox_stop_all(struct sandbox *s, bool keep, struct strv *left,
		     struct error *e);
