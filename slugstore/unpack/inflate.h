#pragma once

/*
 * inflate.h - the bytes of a slug file without its compression.
 *
 * gzip, xz, zstd, bzip2, lz4 or none, told by the first bytes. Several streams
 * one after another are one, as their tools have it; what else follows them is
 * an error, and so is a wrong check sum. Here are the limits on memory, growth
 * and time.
 *
 * Memory: one block, and limits->window_bytes at most for the decoder.
 */
#include "base/base.h"

struct error;
struct inflate;
struct limits;

#define INFLATE_END 1

struct inflate_source {
	int fd;			/* borrowed, a regular file; read from offset 0 */
	const struct limits *limits;
	/* Of stream.h, for who uses that; may be NULL. */
	void (*on_progress)(uint64_t done, uint64_t total, void *userdata);
	void *userdata;
};

/* EINVAL: the file is empty, or none that can be read. */
int inflate_open(struct inflate **ret, const struct inflate_source *src,
		 struct error *e);
struct inflate *inflate_free(struct inflate *f);
DEFINE_AUTO(struct inflate, inflate_free)

/* 0 and the next bytes, 1..room of them; or INFLATE_END. EINVAL: damaged; EFBIG:
 * beyond a limit; ETIME: takes too long. */
int inflate_read(struct inflate *f, void *to, size_t room, size_t *ret_n,
		 struct error *e);

bool inflate_is_plain(const struct inflate *f);		/* no compression */
uint64_t inflate_size(const struct inflate *f);		/* of the file */
uint64_t inflate_position(const struct inflate *f);	/* how much is read */
