#pragma once

/*
 * store.h - slugs by content.
 *
 * A store is a directory:
 *
 *   blobs/<sha256>		the slug as it came (compressed tar), 0644
 *   trees/<sha256>/app		the unpacked slug, read-only by convention
 *   trees/<sha256>/image	in place of app: a hard link to the blob, which is
 *				a file system to be mounted (image.h)
 *   trees/<sha256>/.ok		written last: the tree is complete, and what it is
 *				(manifest.h; empty if an older version made it)
 *   trees/<sha256>/.damaged	it failed its check while a dyno used it
 *   partial/<sha256>		the first bytes of a blob, to be continued; locked
 *				by its writer. <sha256>.from: of which version
 *   incoming/<random>		what is being written; removed at store_open()
 *				when no living process holds its lock
 *   locks/<sha256>		flock: shared = leased, exclusive = being changed;
 *				its mtime is when it was last leased
 *   pins/<sha256>		empty: somebody's desired state wants this slug
 *   damaged/<sha256>-<time>	a tree that failed its check, set aside
 *
 * The name of a blob is the SHA-256 of its bytes. Nothing has its final name
 * before it is complete, verified and on disk. Any number of processes use a
 * store at the same time.
 *
 * A slug is a tar (see inflate.h) with everything under ./app. Refused,
 * with an error that names the entry: absolute paths, "..", links that lead
 * outside ./app, devices, fifos, sockets, setuid and setgid bits. Entries
 * outside ./app are ignored. A symbolic link with an absolute target is kept:
 * it is resolved inside the dyno only (entry.h has the rules, limits.h the
 * numbers). So: nobody on the host may follow a link below trees/.
 *
 * Modes and times of the archive are kept, the owner is who unpacks. Errors of
 * sha256 arguments that are none: EINVAL.
 */
#include "base/base.h"
#include "base/id.h"

#include <sys/types.h>

struct error;
struct store;
struct store_import;
struct strv;

#define STORE_ABSENT 1		/* no such slug here */
#define STORE_PRESENT 2		/* this slug is here already */

/* The directory is made if it is absent (0755). */
int store_open(struct store **ret, const char *dir, struct error *e);
struct store *store_free(struct store *s);
DEFINE_AUTO(struct store, store_free)

/* Called while store_unpack() and store_verify() read a blob: bytes of it. */
typedef void (*store_progress_fn)(uint64_t done, uint64_t total,
				  void *userdata);
void store_on_progress(struct store *s, store_progress_fn fn, void *userdata);

/* ---- blobs ---- */

/* Import by pieces: begin, write..., finish. Freeing an unfinished import
 * removes what it wrote. max = bytes accepted (0: no limit), EFBIG beyond. */
int store_import_begin(struct store *s, uint64_t max,
		       struct store_import **ret, struct error *e);
int store_import_write(struct store_import *imp, const void *data, size_t n,
		       struct error *e);
/* Its final size is known, before or between writes: make room for it (see
 * space.h: collects if it must and may) and keep that room for it. ENOSPC:
 * "needs X, has Y"; nothing was collected then. */
int store_import_reserve(struct store_import *imp, uint64_t size,
			 struct error *e);
/* expected: sha256 in hex or NULL. EBADMSG: differs (both are named, and what
 * was written is gone: one may write anew); EINVAL: 0 bytes. On success the
 * blob is durable and *imp may only be freed. */
int store_import_finish(struct store_import *imp, const char *expected,
			char ret_sha256[SHA256_HEX_MAX], uint64_t *ret_size,
			struct error *e);
/* An import that may be continued, also by another process: its bytes stay
 * when it is freed, unless a write has failed. One process at a time: others
 * wait up to wait_sec (then EBUSY). STORE_PRESENT: the blob is here (another
 * one may have just finished it). Expects sha256, whatever finish says. */
int store_import_resume(struct store *s, uint64_t max, const char *sha256,
			uint64_t wait_sec, struct store_import **ret,
			struct error *e);
/* Bytes so far, and the version of the source that they are of; NULL: none. It
 * is to be set before the first byte: without it they are not taken up again. */
uint64_t store_import_size(const struct store_import *imp);
const char *store_import_from(const struct store_import *imp);
int store_import_set_from(struct store_import *imp, const char *from,
			  struct error *e);
/* Forget all bytes and their version. */
int store_import_restart(struct store_import *imp, struct error *e);
struct store_import *store_import_free(struct store_import *imp);
DEFINE_AUTO(struct store_import, store_import_free)

/* 0 and its size, or STORE_ABSENT. ret_size may be NULL. */
int store_has(struct store *s, const char *sha256, uint64_t *ret_size,
	      struct error *e);
/* 0 and a descriptor to read the blob, or STORE_ABSENT. */
int store_open_blob(struct store *s, const char *sha256, int *ret_fd,
		    uint64_t *ret_size, struct error *e);

/* ---- trees ---- */

/* 0 if the unpacked tree is complete, or STORE_ABSENT. One that failed its check
 * and is free now is set aside and absent. */
int store_has_tree(struct store *s, const char *sha256, struct error *e);

/* Unpack a blob once; done already = 0. STORE_ABSENT: no such blob. EBADMSG:
 * the blob is not what its name says. EBUSY: another process has been at it
 * for ten minutes. ENOSPC: "needs X, has Y", before anything was made. Runs
 * long: call it in a job. */
int store_unpack(struct store *s, const char *sha256, struct error *e);

/* Check a slug file without unpacking it: 0 if store_unpack() would accept
 * it. Says the number of entries and bytes below ./app. The descriptor's
 * position does not matter and stays. Runs long, too. */
int store_check(int blob_fd, uint64_t *ret_entries, uint64_t *ret_bytes,
		struct error *e);

/* A lease keeps the tree (shared lock on the entry): hold the descriptor as
 * long as a dyno uses it, close it to release. STORE_ABSENT: not unpacked.
 * Never waits for an unpacker. */
int store_lease(struct store *s, const char *sha256, int *ret_fd,
		struct error *e);

/* ---- pins: what is never collected or removed ---- */

/* A pin is durable, and does not need the slug to be there. Once this is back,
 * a slug that is there stays; one that is not may be fetched and stays then.
 * So: pin first, look after. Doing it twice is once. EBUSY: somebody has held
 * the pins for ten seconds. */
int store_pin(struct store *s, const char *sha256, bool on, struct error *e);
/* Pinned names, sorted. */
int store_pins(struct store *s, struct strv *ret_sha256s, struct error *e);
/* Make the pins exactly those wanted. What is in the old set and in the new is
 * pinned all the time, also if we die half way. Errors as store_pin(). */
int store_keep_only(struct store *s, const struct strv *wanted,
		    struct error *e);

/* ---- the whole ---- */
/* All names, sorted. */
int store_list(struct store *s, struct strv *ret_sha256s, struct error *e);

/* Re-hash the blob, and check the tree by its manifest: 0, STORE_ABSENT, or
 * EBADMSG: damaged (naming both digests, or what is wrong in the tree); then it
 * has been set aside. verify.h tells more. */
int store_verify(struct store *s, const char *sha256, struct error *e);

/* Remove blob and tree. EBUSY: leased, pinned or being unpacked. Absent =
 * done. */
int store_remove(struct store *s, const char *sha256, struct error *e);
