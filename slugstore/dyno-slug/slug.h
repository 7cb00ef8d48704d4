#pragma once

/*
 * slug.h - what the verbs of dyno-slug share: options, the store, messages.
 */
#include "base/base.h"
#include "base/id.h"
#include "base/strv.h"
#include "slugstore/conf.h"
#include "slugstore/dyno-slug/progress.h"

struct error;
struct source;
struct store;

#define EXIT_ABSENT 3		/* no such slug, here or at the source */
#define EXIT_DIGEST 4		/* it is not what its SHA-256 says */
#define EXIT_SPACE 5		/* it needs more space than there is */

struct slug {
	const char *dir;		/* --store */
	struct store *store;
	struct slugs_conf conf;		/* --config, or the defaults */
	struct progress progress;
	/* options of verbs */
	const char *sha256, *unix_socket;
	struct strv headers;
	const char *ca_file, *cert_file, *key_file, *proxy;
	struct source *source;		/* borrowed; of get and fetch */
	bool json, dry_run;
	bool blobs, trees;		/* verify */
	struct strv marks;		/* "high-bytes=1G" */
	/* create, convert */
	const char *output, *compress, *level, *times, *format;
};

/* Read the options of a verb; those that it takes are letters of allowed, and
 * optind is at its min..max (-1: any) arguments then. 0, or exit status after a
 * message. */
int slug_options(struct slug *g, int argc, char **argv, const char *allowed,
		 int min, int max);

/* The store of --store, whose progress is shown as "what". Run by root, the
 * process becomes its owner first. EDESTADDRREQ: no --store. */
int slug_open(struct slug *g, const char *what, struct error *e);

/* The slug that text names: a SHA-256, or 8 digits and more with which the name
 * of one slug of the store begins. 0, or exit status after a message. */
int slug_name(struct slug *g, const char *text, char ret[SHA256_HEX_MAX]);

/* A file to read, "-" is standard input. *ret_size: 0 if it is not known. */
int slug_open_input(const char *path, int *ret_fd, uint64_t *ret_size,
		    struct error *e);

/* Open a source, and then the store: whoever starts us may read more than the
 * store's owner. 0, or exit status after a message. */
int slug_open_source(struct slug *g, const char *address, const char *what,
		     struct source **ret);

/* Its slug into the store. 0 and the digest, or exit status. */
int slug_fetch(struct slug *g, struct source *src, const char *expected,
	       char ret[SHA256_HEX_MAX]);

/* Wipe what opens other doors: in a copy of this process which is to read a
 * stranger's bytes. */
void slug_forget(struct slug *g);

/* Each prints one sentence and returns the exit status. */
int slug_fail(const struct error *e);
int slug_absent(const char *sha256);
int slug_usage(const char *text);

/* ---- verbs, one file each ---- */

int slug_do_check(int argc, char **argv, void *userdata);
int slug_do_convert(int argc, char **argv, void *userdata);
int slug_do_create(int argc, char **argv, void *userdata);
int slug_do_du(int argc, char **argv, void *userdata);
int slug_do_fetch(int argc, char **argv, void *userdata);
int slug_do_gc(int argc, char **argv, void *userdata);
int slug_do_get(int argc, char **argv, void *userdata);
int slug_do_import(int argc, char **argv, void *userdata);
int slug_do_keep(int argc, char **argv, void *userdata);
int slug_do_ls(int argc, char **argv, void *userdata);
int slug_do_put(int argc, char **argv, void *userdata);
int slug_do_rm(int argc, char **argv, void *userdata);
int slug_do_show(int argc, char **argv, void *userdata);
int slug_do_unpack(int argc, char **argv, void *userdata);
int slug_do_verify(int argc, char **argv, void *userdata);
