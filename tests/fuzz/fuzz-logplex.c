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
static uint32_t fuzz_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

static void fuzz_mutate(uint8_t *data, size_t n, uint32_t *x)
{
	static const char likely[] = "0123456789 <>1-[]\"\\\n:.TZ+";

	for (uint32_t i = fuzz_random(x) % 6; ; i--) {
		data[fuzz_random(x) % n] = fuzz_random(x) % 8
			? (uint8_t)likely[fuzz_random(x) % (sizeof(likely) - 1)]
			: (uint8_t)fuzz_random(x);
		if (i == 0)
			return;
	}
}

static int fuzz_file(const char *path)
{
	auto_buf data = BUF_INIT;
	uint32_t x = 2463534242;
	struct error e;

	if (file_read(AT_FDCWD, path, FUZZ_INPUT_MAX, &data, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&data), data.len);
	for (int i = 0; data.len > 0 && i < FUZZ_MUTATIONS; i++) {
		auto_free uint8_t *copy = xmemdup(data.data, data.len);

		fuzz_mutate(copy, data.len, &x);
		LLVMFuzzerTestOneInput(copy, fuzz_random(&x) % 8 ? data.len :
				       fuzz_random(&x) % data.len + 1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	return corpus_run(argc, argv, "logplex", fuzz_file);
}
#endif
