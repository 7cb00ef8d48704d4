/*
 * manifest_reader.c - lines come out of a block which is moved along the file.
 */
#include "base/error.h"
#include "slugstore/digest.h"
#include "slugstore/manifest/manifest_line.h"
#include "slugstore/manifest/manifest_reader.h"

#include <inttypes.h>

#define MANIFEST_BLOCK (128 * 1024)

_Static_assert(MANIFEST_BLOCK >= 2 * MANIFEST_LINE_MAX, "no room for a line");

struct manifest_reader {
	int fd;			/* borrowed */
	struct digest *digest;	/* of all lines so far */
	uint64_t offset;	/* in the file, of block */
	size_t at, have;	/* of block: used, filled */
	uint64_t line;		/* its number */
	bool is_eof;
	char block[MANIFEST_BLOCK];
};

struct manifest_reader *manifest_reader_new(int fd)
{
	struct manifest_reader *m = xcalloc(1, sizeof(*m));

	m->fd = fd;
	return m;
}

struct manifest_reader *manifest_reader_free(struct manifest_reader *m)
{
	if (m) {
		digest_free(m->digest);
		free(m);
	}
	return NULL;
}

int manifest_reader_fault(const struct manifest_reader *m, const char *what,
			  struct error *e)
{
	return error_set(e, EBADMSG, "manifest, line %" PRIu64 ": %s", m->line,
			 what);
}

static ssize_t manifest_reader_pread(int fd, void *p, size_t n, uint64_t offset)
{
	ssize_t got;

	do
		got = pread(fd, p, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Have a whole line in the block, or all that there is. */
static int manifest_reader_fill(struct manifest_reader *m, struct error *e)
{
	if (m->is_eof || m->have - m->at >= MANIFEST_LINE_MAX)
		return 0;
	m->offset += m->at;
	m->have -= m->at;
	memmove(m->block, m->block + m->at, m->have);
	m->at = 0;
	while (m->have < MANIFEST_BLOCK && !m->is_eof) {
		ssize_t n = manifest_reader_pread(m->fd, m->block + m->have,
						  MANIFEST_BLOCK - m->have,
						  m->offset + m->have);

		if (n < 0)
			return error_sys(e, "read the manifest");
		m->is_eof = n == 0;
		m->have += (size_t)n;
	}
	return 0;
}

/* The next line, its length without the newline. */
static int manifest_reader_line(struct manifest_reader *m, const char **ret,
				size_t *ret_n, struct error *e)
{
	const char *newline, *text;
	size_t have;
	int r = manifest_reader_fill(m, e);

	if (r < 0)
		return r;
	m->line++;
	text = m->block + m->at;
	have = m->have - m->at;
	newline = memchr(text, '\n', have < MANIFEST_LINE_MAX ? have :
			 MANIFEST_LINE_MAX);
	if (!newline)
		return manifest_reader_fault(m, have >= MANIFEST_LINE_MAX
					     ? "too long" : "cut off", e);
	*ret = text;
	*ret_n = (size_t)(newline - text);
	m->at += *ret_n + 1;
	return 0;
}

/* 0, or MANIFEST_EMPTY. */
static int manifest_reader_begin(struct manifest_reader *m, struct error *e)
{
	const char *text;
	size_t n;
	int r = digest_new(&m->digest, e);

	if (r >= 0)
		r = manifest_reader_fill(m, e);
	if (r < 0)
		return r;
	if (m->have == 0)
		return MANIFEST_EMPTY;
	r = manifest_reader_line(m, &text, &n, e);
	if (r < 0)
		return r;
	if (n + 1 != strlen(MANIFEST_HEAD) || memcmp(text, MANIFEST_HEAD, n) != 0)
		return manifest_reader_fault(m, "unknown version", e);
	digest_add(m->digest, text, n + 1);
	return 0;
}

/* MANIFEST_END if all is well. */
static int manifest_reader_end(struct manifest_reader *m, const char *text,
			       size_t n, struct error *e)
{
	const size_t head = strlen(MANIFEST_LAST);
	char sha256[SHA256_HEX_MAX];

	digest_hex(m->digest, sha256);
	if (n != head + strlen(sha256) || memcmp(text + head, sha256, n - head))
		return manifest_reader_fault(m, "its own digest is another one",
					     e);
	if (m->at != m->have)
		return manifest_reader_fault(m, "something follows the end", e);
	return MANIFEST_END;
}

int manifest_reader_next(struct manifest_reader *m, struct manifest_line *ret,
			 uint64_t *ret_offset, struct error *e)
{
	const size_t head = strlen(MANIFEST_LAST);
	const char *text, *bad;
	uint64_t offset;
	size_t n;
	int r = m->line == 0 ? manifest_reader_begin(m, e) : 0;

	if (r != 0)
		return r;
	r = manifest_reader_line(m, &text, &n, e);
	if (r < 0)
		return r;
	offset = m->offset + (uint64_t)(text - m->block);
	if (n >= head && memcmp(text, MANIFEST_LAST, head) == 0)
		return manifest_reader_end(m, text, n, e);
	if (m->line > MANIFEST_LINES_MAX)
		return manifest_reader_fault(m, "too many lines", e);
	digest_add(m->digest, text, n + 1);
	bad = manifest_line_parse(ret, text, n);
	if (bad)
		return manifest_reader_fault(m, bad, e);
	*ret_offset = offset;
	return 0;
}

int manifest_reader_at(int fd, uint64_t offset, struct manifest_line *ret,
		       struct error *e)
{
	char text[MANIFEST_LINE_MAX];
	ssize_t n = manifest_reader_pread(fd, text, sizeof(text), offset);
	const char *newline = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;

	if (n < 0)
		return error_sys(e, "read the manifest");
	if (!newline || manifest_line_parse(ret, text, (size_t)(newline - text)))
		return error_set(e, EBADMSG, "manifest: it has changed while it"
				 " was read");
	return 0;
}
