/*
 * fuzz-logplex.c - any bytes as the body of POST /logs: frames end where they say,
 * what they hold lies in them, and the lines of a message are the message.
 *
 * By itself the program runs the files and directories it is given, each as it is
 * and in many mutations. With libFuzzer, from the top of the tree (bash):
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER \
 *     -D_GNU_SOURCE -I. tests/fuzz/fuzz-logplex.c \
 *     controller/logplex/{logplex_frame,log_frames}.c \
 *     base/{alloc,buf,clock,error,fault,id}.c -o fuzz-logplex
 *   ./fuzz-logplex CORPUS tests/fuzz/logplex
 */
#include "base/error.h"
#include "base/file.h"
#include "base/buf.h"
#include "controller/logplex/log_frames.h"
#include "controller/logplex/logplex_frame.h"
#include "tests/fuzz/corpus.h"

#include <fcntl.h>
#include <stdio.h>

#define FUZZ_MUTATIONS 2000
#define FUZZ_INPUT_MAX (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_word(const char *word, size_t max)
{
	assert(strnlen(word, max) < max);
	for (; *word; word++)
		assert(*word > ' ' && *word < 0x7f);
}

static void fuzz_lines(const struct logplex_frame *f, size_t max)
{
	const char *p = NULL, *line, *next = f->message;
	size_t n, count = 0;

	while (logplex_frame_line(f, &p, max, &line, &n)) {
		assert(n <= max && !memchr(line, '\n', n));
		assert(line == next || (line == next + 1 && *next == '\n'));
		next = line + n;
		count++;
	}
	assert(count > 0 && (next == f->message + f->message_len ||
			     (next + 1 == f->message + f->message_len &&
			      *next == '\n')));
}

static void fuzz_logplex(const char *data, size_t n)
{
	const char *p = data, *end = data + n, *before = p;
	struct logplex_frame f;
	int r;

	while ((r = logplex_frame_next(&p, end, &f)) == 0) {
		assert(p > before && p <= end);
		assert(f.message >= before && f.message + f.message_len <= p);
		fuzz_word(f.token, sizeof(f.token));
		fuzz_word(f.ps, sizeof(f.ps));
		fuzz_lines(&f, 10000);
		fuzz_lines(&f, 3);
		before = p;
	}
	assert(r > 0);
	assert(r != LOGPLEX_FRAME_END || p == end);
}

/* The frames of hosts are of the same kind. */
static void fuzz_host(const char *data, size_t n)
{
	const char *p = data, *end = data + n, *before = p;
	struct log_frame f;
	struct error e = { 0 };
	int r;

	while ((r = log_frames_next(&p, end, &f, &e)) == 0) {
		assert(p > before && p <= end);
		assert(f.line.message_len <= (size_t)(p - before));
		assert(!memchr(f.line.message, '\n', f.line.message_len));
		before = p;
	}
	assert(r == LOG_FRAMES_END || (r == -EBADMSG && *e.msg));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Of its very size, so that reading behind it is seen. */
	auto_free char *copy = n ? xmemdup(data, n) : xmalloc(1);

	fuzz_logplex(copy, n);
	fuzz_host(copy, n);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
static size_t fuzz_mutate(uint8_t *data, size_t n, int i, uint32_t *x)
{
	static const char likely[] = "0123456789 <>1-[]\"\\\n:.TZ+";

	corpus_overwrite(data, n, likely, sizeof(likely) - 1, 8, 6, x);
	return corpus_shorten(n, x);
}

int main(int argc, char **argv)
{
	return corpus_run_bytes(argc, argv, &(struct corpus){
		.name = "logplex", .input_max = FUZZ_INPUT_MAX,
		.mutations = FUZZ_MUTATIONS, .run = LLVMFuzzerTestOneInput,
		.mutate = fuzz_mutate,
	});
}
#endif
