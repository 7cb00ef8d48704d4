/*
 * inflate.c - the file behind a decoder: reads, counts, and stops what grows too
 * much or takes too long.
 */
#include "base/clock.h"
#include "base/error.h"
#include "slugstore/unpack/inflate_coder.h"
#include "slugstore/unpack/limits.h"

#include <inttypes.h>
#include <sys/stat.h>

struct inflate {
	struct inflate_source src;
	const struct inflate_coder *coder;	/* NULL: no compression */
	void *state;				/* the decoder's */
	uint64_t size;				/* of the file */
	uint64_t in, out;			/* bytes so far */
	uint64_t deadline;			/* monotonic, microseconds */
	uint8_t block[INFLATE_BLOCK];
};

static int inflate_choose(struct inflate *f, struct error *e)
{
	static const struct inflate_coder *const coders[] = {
		&inflate_gzip, &inflate_xz, &inflate_zstd, &inflate_bzip2,
		&inflate_lz4,
	};
	char magic[8];
	ssize_t n = pread(f->src.fd, magic, sizeof(magic), 0);

	if (n < 0)
		return error_sys(e, "read");
	for (size_t i = 0; i < ARRAY_SIZE(coders) && !f->coder; i++)
		if (n >= (ssize_t)coders[i]->magic_n &&
		    memcmp(magic, coders[i]->magic, coders[i]->magic_n) == 0)
			f->coder = coders[i];
	return 0;
}

int inflate_open(struct inflate **ret, const struct inflate_source *src,
		 struct error *e)
{
	auto_(inflate_free_p) struct inflate *f = xcalloc(1, sizeof(*f));
	struct stat st;
	int r;

	f->src = *src;
	if (fstat(src->fd, &st) < 0)
		return error_sys(e, "read the file's size");
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "not a regular file");
	if (st.st_size == 0)
		return error_set(e, EINVAL, "the file is empty");
	f->size = (uint64_t)st.st_size;
	f->deadline = clock_mono_usec() + src->limits->seconds * USEC_PER_SEC;
	r = inflate_choose(f, e);
	if (r >= 0 && f->coder)
		r = f->coder->open(f, &f->state, e);
	if (r < 0)
		return r;
	*ret = take_ptr(f);
	return 0;
}

struct inflate *inflate_free(struct inflate *f)
{
	if (!f)
		return NULL;
	if (f->state)
		f->coder->free(f->state);
	free(f);
	return NULL;
}

static int inflate_check_time(const struct inflate *f, struct error *e)
{
	if (clock_mono_usec() < f->deadline)
		return 0;
	return error_set(e, ETIME, "it takes more than %" PRIu64 " s to unpack",
			 f->src.limits->seconds);
}

int inflate_input(struct inflate *f, const uint8_t **ret, size_t *ret_n,
		  struct error *e)
{
	ssize_t n;
	int r = inflate_check_time(f, e);

	if (r < 0)
		return r;
	do
		n = pread(f->src.fd, f->block, sizeof(f->block), (off_t)f->in);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(e, "read");
	f->in += (uint64_t)n;
	*ret = f->block;
	*ret_n = (size_t)n;
	return 0;
}

/* Unpacked bytes so far against packed bytes so far. */
static int inflate_check_growth(const struct inflate *f, struct error *e)
{
	const struct limits *l = f->src.limits;

	if (!f->coder)
		return 0;
	/* A quarter more than the files, for headers. */
	if (f->out > l->total_bytes + l->total_bytes / 4)
		return error_set(e, EFBIG, "more than %" PRIu64 " bytes when"
				 " unpacked", l->total_bytes);
	if (f->out > l->ratio_from && f->out / l->ratio > f->in)
		return error_set(e, EFBIG, "the archive grows more than %" PRIu64
				 "-fold when unpacked", l->ratio);
	return 0;
}

static int inflate_plain(struct inflate *f, void *to, size_t room,
			 size_t *ret_n, struct error *e)
{
	const uint8_t *p;
	int r;

	assert(room >= sizeof(f->block));
	r = inflate_input(f, &p, ret_n, e);
	if (r < 0)
		return r;
	memcpy(to, p, *ret_n);
	return *ret_n > 0 ? 0 : INFLATE_END;
}

int inflate_read(struct inflate *f, void *to, size_t room, size_t *ret_n,
		 struct error *e)
{
	int r = f->coder ? f->coder->read(f, f->state, to, room, ret_n, e)
			 : inflate_plain(f, to, room, ret_n, e);

	if (r != 0)
		return r;
	f->out += *ret_n;
	r = inflate_check_time(f, e);
	return r < 0 ? r : inflate_check_growth(f, e);
}

bool inflate_is_plain(const struct inflate *f)
{
	return !f->coder;
}

const struct limits *inflate_limits(const struct inflate *f)
{
	return f->src.limits;
}

uint64_t inflate_size(const struct inflate *f)
{
	return f->size;
}

uint64_t inflate_position(const struct inflate *f)
{
	return f->in;
}

int inflate_damaged(struct error *e, const char *what)
{
	return error_set(e, EINVAL, "damaged compression: %s", what);
}

int inflate_is_cut(struct error *e)
{
	return inflate_damaged(e, "it has no end");
}

int inflate_has_more(struct error *e)
{
	return inflate_damaged(e, "something else follows its end");
}

int inflate_is_hungry(struct inflate *f, uint64_t bytes, struct error *e)
{
	return error_set(e, EFBIG, "its compression needs %" PRIu64 " bytes of"
			 " memory, more than %" PRIu64, bytes,
			 f->src.limits->window_bytes);
}
