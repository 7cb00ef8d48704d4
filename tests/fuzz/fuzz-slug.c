/*
 * fuzz-slug.c - any bytes as a slug: the check never crashes, and unpacking
 * agrees with it and makes nothing but app/.
 *
 * By itself the program runs the files and directories it is given, each as it
 * is and in many mutations. With libFuzzer, from the top of the tree:
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER \
 *     -D_GNU_SOURCE -I. tests/fuzz/fuzz-slug.c \
 *     slugstore/{digest,manifest,manifest_line}.c slugstore/unpack/[a-z]*.c \
 *     base/{alloc,buf,clock,error,file,id}.c \
 *     -larchive -lisal -llzma -lgnutls -lseccomp \
 *     -o fuzz-slug
 *   ./fuzz-slug CORPUS tests/fuzz/slug
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/inflate.h"
#include "slugstore/unpack/unpack.h"
#include "tests/fuzz/corpus.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FUZZ_MUTATIONS 150
#define FUZZ_INPUT_MAX (256 * 1024)
#define TAR_HEADER 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Small, so that the limits are reached too. */
static const struct limits fuzz_limits = {
	.entries = 50, .depth = 8, .name_bytes = 60, .path_bytes = 200,
	.names_bytes = 2000, .file_bytes = 1 << 20, .total_bytes = 4 << 20,
	.ratio = 50, .ratio_from = 1 << 20,
	.header_bytes = 64 << 10, .window_bytes = 16 << 20, .seconds = 60,
};

/* Put the right check sum into each header of a plain tar, or no mutation
 * would ever get past it. See tar(5) for the offsets. */
static void fuzz_mend(uint8_t *tar, size_t n)
{
	for (size_t at = 0; at + TAR_HEADER <= n; ) {
		char field[16];
		unsigned sum = 0;
		uint64_t size = 0;
		uint8_t *h = tar + at;

		for (int i = 124; i < 135; i++)
			size = size * 8 + (h[i] & 7);
		memset(h + 148, ' ', 8);
		for (int i = 0; i < TAR_HEADER; i++)
			sum += h[i];
		if (sum == 8 * ' ') {		/* the end */
			memset(h + 148, 0, 8);
			return;
		}
		snprintf(field, sizeof(field), "%06o", sum);
		memcpy(h + 148, field, 7);
		if (size > n)
			return;
		at += TAR_HEADER + (size_t)(size + 511) / 512 * 512;
	}
}

static void fuzz_unpack(const struct inflate_source *src, int checked)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *secret = id_secret(6);
	auto_free char *dir = xasprintf("%s/dyno-fuzz-%s", tmp ? tmp : "/tmp",
					secret);
	auto_close int fd = -1;
	struct unpack_result res;
	struct error e = { 0 };
	struct stat st;
	int r;

	assert(mkdir(dir, 0700) == 0);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = unpack_run(src, fd, NULL, &res, &e);
	if (r != checked) {
		fprintf(stderr, "check says %d, unpack %d: %s\n", checked, r,
			e.msg);
		abort();
	}
	/* Unpacked: app and nothing beside it; nothing at all of an image. */
	if (r == 0 && res.image != IMAGE_NONE) {
		assert(rmdir(dir) == 0);
	} else if (r == 0) {
		assert(fstat(fd, &st) == 0 && st.st_nlink == 3);
		assert(fstatat(fd, "app", &st, AT_SYMLINK_NOFOLLOW) == 0);
		assert(S_ISDIR(st.st_mode));
	}
	assert(file_remove_tree(AT_FDCWD, dir, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_close int fd = memfd_create("fuzz", MFD_CLOEXEC);
	auto_free uint8_t *copy = NULL;
	const struct inflate_source src = { .fd = fd, .limits = &fuzz_limits };
	struct unpack_result res;
	struct error e = { 0 };
	int r;

	if (n == 0 || n > FUZZ_INPUT_MAX)
		return 0;
	copy = xmemdup(data, n);
	if (n >= TAR_HEADER && memcmp(copy + 257, "ustar", 5) == 0)
		fuzz_mend(copy, n);
	assert(write(fd, copy, n) == (ssize_t)n);
	r = unpack_run(&src, -1, NULL, &res, &e);
	assert(r <= 0);
	assert(r == 0 || (e.code == -r && e.msg[0] && !strchr(e.msg, '\n')));
	fuzz_unpack(&src, r);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
/* Bytes that mean something in a path or a header come more often. */
static size_t fuzz_mutate(uint8_t *data, size_t n, int index, uint32_t *x)
{
	static const char likely[] = "/..app0\0\n1256xgLKS\xff\x80";

	for (uint32_t i = corpus_random(x) % 6; ; i--) {
		size_t at = corpus_random(x) % n;

		if (corpus_random(x) % 3 == 0)
			at %= TAR_HEADER;
		data[at] = corpus_random(x) % 2
			? (uint8_t)likely[corpus_random(x) % sizeof(likely)]
			: (uint8_t)corpus_random(x);
		if (i == 0)
			return index % 8 ? n : corpus_random(x) % n;
	}
}

int main(int argc, char **argv)
{
	return corpus_run_bytes(argc, argv, &(struct corpus){
		.name = "slug", .input_max = FUZZ_INPUT_MAX,
		.mutations = FUZZ_MUTATIONS, .run = LLVMFuzzerTestOneInput,
		.mutate = fuzz_mutate,
	});
}
#endif
