/*
 * fuzz-manifest.c - any bytes as a manifest: the reader never crashes, and what
 * it refuses it names with a line; what it takes is, written again, the same
 * bytes.
 *
 * By itself the program runs the files and directories it is given, each as it
 * is and in many mutations. With libFuzzer, from the top of the tree (bash):
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER \
 *     -D_GNU_SOURCE -I. tests/fuzz/fuzz-manifest.c \
 *     slugstore/{digest,manifest,manifest_index,manifest_line,manifest_reader}.c \
 *     slugstore/unpack/siphash.c base/{alloc,buf,error,file,id}.c -lgnutls \
 *     -o fuzz-manifest
 *   ./fuzz-manifest CORPUS tests/fuzz/manifest
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/digest.h"
#include "slugstore/manifest/manifest_index.h"
#include "slugstore/manifest/manifest_line.h"
#include "slugstore/manifest/manifest_reader.h"
#include "tests/fuzz/corpus.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define FUZZ_MUTATIONS 500
#define FUZZ_INPUT_MAX (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int fuzz_memory(const void *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	return fd;
}

/* Every line that was read is written to where the other was. */
static void fuzz_write_again(int fd, const struct buf *text)
{
	auto_(manifest_reader_free_p) struct manifest_reader *m =
		manifest_reader_new(fd);
	auto_(manifest_writer_free_p) struct manifest_writer *w = NULL;
	auto_free struct manifest_line *line = xmalloc(sizeof(*line));
	auto_free struct manifest_line *again = xmalloc(sizeof(*again));
	auto_free char *copy = xmalloc(text->len);
	auto_close int out = fuzz_memory("", 0);
	uint64_t offset;

	assert(manifest_writer_new(&w, out, NULL) == 0);
	while (manifest_reader_next(m, line, &offset, NULL) == 0) {
		assert(manifest_reader_at(fd, offset, again, NULL) == 0);
		assert(str_eq(line->path, again->path));
		assert(manifest_add(w, &line->entry, NULL) == 0);
	}
	assert(manifest_finish(w, NULL) == 0);
	assert(lseek(out, 0, SEEK_END) == (off_t)text->len);
	assert(pread(out, copy, text->len, 0) == (ssize_t)text->len);
	assert(memcmp(copy, text->data, text->len) == 0);
}

static void fuzz_read(const struct buf *text)
{
	auto_(manifest_index_free_p) struct manifest_index *ix = NULL;
	auto_close int fd = fuzz_memory(text->data, text->len);
	struct error e = { 0 };
	int r = manifest_index_new(&ix, fd, &e);

	if (r < 0) {
		assert(r == -EBADMSG && e.code == EBADMSG);
		assert(str_after(e.msg, "manifest, line ") &&
		       !strchr(e.msg, '\n'));
	} else if (r == MANIFEST_EMPTY) {
		assert(text->len == 0);
	} else {
		assert(r == 0 && ix);
		fuzz_write_again(fd, text);
	}
}

/* With the right digest at its end, or no mutation would be taken. */
static void fuzz_seal(struct buf *text)
{
	auto_(digest_free_p) struct digest *d = NULL;
	const char *end = NULL;
	char sha256[SHA256_HEX_MAX];

	for (const char *p = text->data; (p = strstr(p, "\n" MANIFEST_LAST)); p++)
		end = p + 1;
	if (end)
		text->len = (size_t)(end - text->data);
	assert(digest_new(&d, NULL) == 0);
	digest_add(d, text->data, text->len);
	buf_addf(text, MANIFEST_LAST "%s\n", digest_hex(d, sha256));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_buf text = BUF_INIT;

	if (n > FUZZ_INPUT_MAX)
		return 0;
	buf_reserve(&text, 1);
	buf_add(&text, data, n);
	fuzz_read(&text);
	fuzz_seal(&text);
	fuzz_read(&text);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
/* Bytes that mean something come more often; some are doubled, some go. */
static size_t fuzz_mutate(uint8_t *data, size_t n, int index, uint32_t *x)
{
	static const char likely[] = "dflh 0123456789\n\n/.\\abcf-app";

	for (uint32_t i = corpus_random(x) % 6; ; i--) {
		size_t at = corpus_random(x) % n, to = corpus_random(x) % n;
		size_t len = corpus_random(x) % 16;

		if (corpus_random(x) % 4 == 0 && at + len <= n && to + len <= n)
			memmove(data + to, data + at, len);
		else
			data[at] = corpus_random(x) % 8
				? (uint8_t)likely[corpus_random(x) %
						  (sizeof(likely) - 1)]
				: (uint8_t)corpus_random(x);
		if (i == 0)
			return corpus_shorten(n, x);
	}
}

int main(int argc, char **argv)
{
	return corpus_run_bytes(argc, argv, &(struct corpus){
		.name = "manifest", .input_max = FUZZ_INPUT_MAX,
		.mutations = FUZZ_MUTATIONS, .run = LLVMFuzzerTestOneInput,
		.mutate = fuzz_mutate,
	});
}
#endif
