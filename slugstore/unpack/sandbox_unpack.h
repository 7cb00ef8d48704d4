#pragma once

/*
 * sandbox_unpack.h - unpack_run() in a sandbox, and what is not believed of it.
 *
 * The child fills the tree and writes the manifest; the caller names and syncs
 * them. Not believed, but done by the caller itself while the child works and
 * after it has gone: the SHA-256 of the slug file; that the tree holds app, a
 * manifest and nothing else, and no device, fifo, socket or setuid bit. Believed:
 * that tree and manifest are what the slug says. A child that was taken over by
 * a slug could make another tree than that: but only what the author of the slug
 * could have put into it, for those who run that slug.
 */
#include "base/base.h"

struct error;
struct inflate_source;
struct limits;
struct unpack_result;

/* As unpack_run(), and the errors of sandbox_run(). tree_fd: holds nothing, or
 * the manifest's file ".ok". -1: check only; then manifest_fd is -1 too. */
int sandbox_unpack(const struct inflate_source *src, int tree_fd,
		   int manifest_fd, struct unpack_result *ret, struct error *e);

/* Is it a tree that a slug can be, with app or (an image) without, and is .ok in
 * it this manifest (-1: there is none)? EPROTO, naming what is not. */
int sandbox_look(int tree_fd, int manifest_fd, const struct limits *limits,
		 bool has_app, struct error *e);
