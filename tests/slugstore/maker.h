#pragma once

/*
 * maker.h - make slug files, good and hostile ones, and stores to put them in.
 * Everything fails by assertion.
 */
#include "base/base.h"
#include "base/id.h"

#include <sys/types.h>

struct archive;
struct archive_entry;
struct store;

#define MAKER_MTIME 1600000000

struct maker {
	struct archive *archive;
	int fd;
};

/* filter: "gzip", "zstd" or "none"; format "gnutar" or "pax". */
void maker_begin_as(struct maker *m, const char *filter, const char *format);
void maker_begin(struct maker *m);			/* gzip, gnutar */
void maker_dir(struct maker *m, const char *path, mode_t mode);
void maker_file(struct maker *m, const char *path, mode_t mode,
		const char *content);
void maker_zeros(struct maker *m, const char *path, uint64_t size);
void maker_noise(struct maker *m, const char *path, size_t size);
void maker_symlink(struct maker *m, const char *path, const char *target);
void maker_hardlink(struct maker *m, const char *path, const char *target);
void maker_special(struct maker *m, const char *path, mode_t type);
void maker_entry(struct maker *m, struct archive_entry *ae);	/* frees it */

/* A memory file at offset 0, owned by the caller. */
int maker_end(struct maker *m);

/* Rewrite the first header of a tar that is not compressed: other size. */
void maker_lie(int fd, uint64_t size);

/* A small complete slug. */
int maker_slug(void);

/* A private directory, removed by maker_remove_dir(). */
char *maker_new_dir(void);
void maker_remove_dir(char *dir);			/* frees it */

void maker_import(struct store *s, int fd, char ret[SHA256_HEX_MAX]);

/* Entries of dir/name, without . and .. */
int maker_count(const char *dir, const char *name);
