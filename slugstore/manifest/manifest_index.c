/*
 * manifest_index.c - open addressing, which needs no pointers. Two paths with
 * one hash would be taken for one: with 128 bits that does not happen by chance,
 * and without the key not on purpose.
 */
#include "base/error.h"
#include "slugstore/manifest/manifest_index.h"
#include "slugstore/manifest/manifest_line.h"
#include "slugstore/manifest/manifest_reader.h"
#include "slugstore/unpack/siphash.h"

#define MANIFEST_SLOTS_MIN 1024
#define MANIFEST_FREE UINT32_MAX

struct manifest_slot {
	struct siphash hash;
	uint32_t file;		/* index of files; MANIFEST_FREE: empty slot */
	bool is_seen;
};

struct manifest_index {
	struct siphash key;
	struct manifest_slot *slots;
	size_t n_slots, n_paths, n_seen;	/* n_slots is a power of two */
	struct manifest_file *files;
	size_t n_files, room_files;
	uint32_t free_file;	/* one that no path has, its offset the next */
	uint64_t bytes;
};

struct manifest_index *manifest_index_free(struct manifest_index *ix)
{
	if (ix) {
		free(ix->slots);
		free(ix->files);
		free(ix);
	}
	return NULL;
}

/* Its slot, or the empty one where it would be. */
static struct manifest_slot *manifest_index_slot(const struct manifest_index *ix,
						 const struct siphash *hash)
{
	size_t i = (size_t)hash->v[0];

	for (;; i++) {
		struct manifest_slot *s = &ix->slots[i & (ix->n_slots - 1)];

		if (s->file == MANIFEST_FREE || (s->hash.v[0] == hash->v[0] &&
						 s->hash.v[1] == hash->v[1]))
			return s;
	}
}

static struct manifest_slot *manifest_index_find(const struct manifest_index *ix,
						 const char *path)
{
	struct siphash hash = siphash(&ix->key, path, strlen(path));
	struct manifest_slot *s = manifest_index_slot(ix, &hash);

	return s->file == MANIFEST_FREE ? NULL : s;
}

static void manifest_index_grow(struct manifest_index *ix, size_t n_slots)
{
	auto_free struct manifest_slot *old = ix->slots;
	size_t n = ix->n_slots;

	ix->slots = xcalloc(n_slots, sizeof(*ix->slots));
	ix->n_slots = n_slots;
	for (size_t i = 0; i < n_slots; i++)
		ix->slots[i].file = MANIFEST_FREE;
	for (size_t i = 0; i < n; i++)
		if (old[i].file != MANIFEST_FREE)
			*manifest_index_slot(ix, &old[i].hash) = old[i];
}

static uint32_t manifest_index_new_file(struct manifest_index *ix)
{
	uint32_t file = ix->free_file;

	if (file != MANIFEST_FREE) {
		ix->free_file = (uint32_t)ix->files[file].offset;
		return file;
	}
	if (ix->n_files == ix->room_files) {
		ix->room_files = ix->room_files ? 2 * ix->room_files : 256;
		ix->files = xrealloc(ix->files,
				     ix->room_files * sizeof(*ix->files));
	}
	return (uint32_t)ix->n_files++;
}

static void manifest_index_drop_file(struct manifest_index *ix, uint32_t file)
{
	struct manifest_file *f = &ix->files[file];

	if (--f->links > 0)
		return;
	f->offset = ix->free_file;
	ix->free_file = file;
}

/* A slot for the path, which is to get a file. NULL: too many. */
static struct manifest_slot *manifest_index_place(struct manifest_index *ix,
						  const char *path)
{
	struct siphash hash = siphash(&ix->key, path, strlen(path));
	struct manifest_slot *s = manifest_index_slot(ix, &hash);

	if (s->file != MANIFEST_FREE) {
		manifest_index_drop_file(ix, s->file);
		return s;
	}
	if (ix->n_paths == MANIFEST_PATHS_MAX)
		return NULL;
	ix->n_paths++;
	/* At most half full. */
	if (2 * ix->n_paths > ix->n_slots) {
		manifest_index_grow(ix, 2 * ix->n_slots);
		s = manifest_index_slot(ix, &hash);
	}
	s->hash = hash;
	return s;
}

/* NULL, or what is wrong. */
static const char *manifest_index_add_link(struct manifest_index *ix,
					   const struct manifest_entry *en)
{
	struct manifest_slot *target = manifest_index_find(ix, en->target);
	struct manifest_slot *s;
	uint32_t file;

	if (!target)
		return "a hard link to what is not there";
	file = target->file;
	if (ix->files[file].is_directory)
		return "a hard link to a directory";
	s = manifest_index_find(ix, en->path);
	if (s && ix->files[s->file].is_directory)
		return "a directory becomes something else";
	if (s && s->file == file)
		return NULL;
	s = manifest_index_place(ix, en->path);
	if (!s)
		return "too many paths";
	s->file = file;
	ix->files[file].links++;
	return NULL;
}

static const char *manifest_index_add(struct manifest_index *ix,
				      const struct manifest_entry *en,
				      uint64_t offset)
{
	bool is_directory = en->type == MANIFEST_DIRECTORY;
	struct manifest_slot *s = manifest_index_find(ix, en->path);

	if (en->type == MANIFEST_HARDLINK)
		return manifest_index_add_link(ix, en);
	if (s && ix->files[s->file].is_directory != is_directory)
		return "a directory and something else share a path";
	if (en->size > UINT64_MAX - ix->bytes)
		return "sizes are too large";
	ix->bytes += en->size;
	s = manifest_index_place(ix, en->path);
	if (!s)
		return "too many paths";
	s->file = manifest_index_new_file(ix);
	ix->files[s->file] = (struct manifest_file){
		.offset = offset, .links = 1, .is_directory = is_directory,
	};
	return NULL;
}

static int manifest_index_read(struct manifest_index *ix, int fd,
			       struct error *e)
{
	auto_(manifest_reader_free_p) struct manifest_reader *m =
		manifest_reader_new(fd);
	auto_free struct manifest_line *line = xmalloc(sizeof(*line));
	uint64_t offset;
	int r;

	while ((r = manifest_reader_next(m, line, &offset, e)) == 0) {
		const char *bad = manifest_index_add(ix, &line->entry, offset);

		if (bad)
			return manifest_reader_fault(m, bad, e);
	}
	return r == MANIFEST_END ? 0 : r;
}

int manifest_index_new(struct manifest_index **ret, int fd, struct error *e)
{
	auto_(manifest_index_free_p) struct manifest_index *ix =
		xcalloc(1, sizeof(*ix));
	int r;

	ix->key = siphash_new_key();
	ix->free_file = MANIFEST_FREE;
	manifest_index_grow(ix, MANIFEST_SLOTS_MIN);
	r = manifest_index_read(ix, fd, e);
	if (r == 0)
		*ret = take_ptr(ix);
	return r;
}

struct manifest_file *manifest_index_see(struct manifest_index *ix,
					 const char *path)
{
	struct manifest_slot *s = manifest_index_find(ix, path);

	if (!s)
		return NULL;
	ix->n_seen += !s->is_seen;
	s->is_seen = true;
	return &ix->files[s->file];
}

bool manifest_index_is_seen(struct manifest_index *ix, const char *path)
{
	struct manifest_slot *s = manifest_index_find(ix, path);

	return s && s->is_seen;
}

uint64_t manifest_index_unseen(const struct manifest_index *ix)
{
	return ix->n_paths - ix->n_seen;
}

uint64_t manifest_index_bytes(const struct manifest_index *ix)
{
	return ix->bytes;
}
