/*
 * tarball.c - the writing side of libarchive.
 *
 * zstd and xz cut their input into blocks as soon as they have workers; where
 * they cut does not depend on how many there are, nor on the machine. So there
 * are always two.
 */
#include "slugstore/pack/tarball.h"
#include "base/error.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>

#define TARBALL_THREADS "2"

struct tarball {
	struct archive *archive;
	char path[PATH_MAX + 2];	/* of the last entry, for messages */
};

static const struct {
	const char *name;
	int (*add)(struct archive *a);
	int min, max;			/* levels */
	const char *options;
} tarball_filters[TARBALL_FILTER_COUNT] = {
	[TARBALL_GZIP] = { "gzip", archive_write_add_filter_gzip, 1, 9,
			   "gzip:!timestamp" },
	[TARBALL_ZSTD] = { "zstd", archive_write_add_filter_zstd, 1, 19,
			   "zstd:threads=" TARBALL_THREADS },
	[TARBALL_XZ] = { "xz", archive_write_add_filter_xz, 0, 8,
			 "xz:threads=" TARBALL_THREADS },
	[TARBALL_NONE] = { "none", archive_write_add_filter_none, 0, 0, NULL },
};

const char *tarball_filter_name(enum tarball_filter filter)
{
	assert(filter < TARBALL_FILTER_COUNT);
	return tarball_filters[filter].name;
}

bool tarball_filter_find(const char *name, enum tarball_filter *ret)
{
	for (int i = 0; i < TARBALL_FILTER_COUNT; i++)
		if (str_eq(name, tarball_filters[i].name)) {
			*ret = (enum tarball_filter)i;
			return true;
		}
	return false;
}

void tarball_filter_levels(enum tarball_filter filter, int *ret_min, int *ret_max)
{
	assert(filter < TARBALL_FILTER_COUNT);
	*ret_min = tarball_filters[filter].min;
	*ret_max = tarball_filters[filter].max;
}

static int tarball_fail(struct tarball *t, struct error *e)
{
	int code = archive_errno(t->archive);

	return error_set(e, code > 0 ? code : EIO, "pack %s: %s", t->path,
			 archive_error_string(t->archive));
}

int tarball_open(struct tarball **ret, int fd, enum tarball_filter filter,
		 int level, struct error *e)
{
	auto_(tarball_free_p) struct tarball *t = xcalloc(1, sizeof(*t));
	const char *name = tarball_filter_name(filter);
	char text[16];

	memcpy(t->path, "the slug", sizeof("the slug"));
	t->archive = archive_write_new();
	snprintf(text, sizeof(text), "%d", level);
	if (archive_write_set_format_pax_restricted(t->archive) != ARCHIVE_OK ||
	    tarball_filters[filter].add(t->archive) != ARCHIVE_OK ||
	    (tarball_filters[filter].options &&
	     archive_write_set_options(t->archive,
				       tarball_filters[filter].options)
	     != ARCHIVE_OK) ||
	    (level >= 0 && filter != TARBALL_NONE &&
	     archive_write_set_filter_option(t->archive, name,
					     "compression-level", text)
	     != ARCHIVE_OK) ||
	    archive_write_open_fd(t->archive, fd) != ARCHIVE_OK)
		return tarball_fail(t, e);
	*ret = take_ptr(t);
	return 0;
}

struct tarball *tarball_free(struct tarball *t)
{
	if (t) {
		archive_write_free(t->archive);
		free(t);
	}
	return NULL;
}

static void tarball_entry_freep(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static bool tarball_is_ascii(const char *name)
{
	while (name && *name)
		if ((unsigned char)*name++ >= 0x80)
			return false;
	return true;
}

/* Names are bytes, and no locale has a say: libarchive cannot translate others
 * than ASCII from ours, writes them as they are, and warns. */
static bool tarball_may_warn(const struct entry_claim *entry)
{
	return !tarball_is_ascii(entry->path) ||
	       !tarball_is_ascii(entry->symlink) ||
	       !tarball_is_ascii(entry->hardlink);
}

int tarball_add(struct tarball *t, const struct entry_claim *entry,
		struct error *e)
{
	auto_(tarball_entry_freep) struct archive_entry *a = archive_entry_new();
	int r;

	snprintf(t->path, sizeof(t->path), "%s", entry->path);
	archive_entry_set_pathname(a, entry->path);
	archive_entry_set_filetype(a, entry->mode & S_IFMT);
	archive_entry_set_perm(a, entry->mode & 07777);
	archive_entry_set_uid(a, 0);
	archive_entry_set_gid(a, 0);
	archive_entry_set_mtime(a, entry->mtime.tv_sec, 0);
	archive_entry_set_size(a, entry->size);
	if (entry->symlink)
		archive_entry_set_symlink(a, entry->symlink);
	if (entry->hardlink)
		archive_entry_set_hardlink(a, entry->hardlink);
	r = archive_write_header(t->archive, a);
	if (r != ARCHIVE_OK && (r != ARCHIVE_WARN || !tarball_may_warn(entry)))
		return tarball_fail(t, e);
	return 0;
}

int tarball_write(struct tarball *t, const void *data, size_t n,
		  struct error *e)
{
	if (archive_write_data(t->archive, data, n) != (la_ssize_t)n)
		return tarball_fail(t, e);
	return 0;
}

int tarball_close(struct tarball *t, struct error *e)
{
	return archive_write_close(t->archive) == ARCHIVE_OK ? 0
							     : tarball_fail(t, e);
}
