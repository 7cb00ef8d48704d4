/*
 * fuzz-attach.c - any bytes as a stream of frames of an attached dyno: what the
 * controller's peer and the client's reader take out of it are the frames that are
 * in it, whatever pieces it comes in; the counts that the other side tells never
 * lead out of what was sent; and a record for a terminal is never larger than one.
 *
 * By itself the program runs the files and directories it is given, each as it is
 * and in many mutations. With libFuzzer, from the top of the tree (bash):
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER \
 *     -D_GNU_SOURCE -I. tests/fuzz/fuzz-attach.c cli/client/frame.c \
 *     controller/attach/{frame_peer,record}.c \
 *     base/{alloc,buf,clock,error,fault,id,log,loop,replay}.c \
 *     -lsystemd -lgnutls -o fuzz-attach
 *   ./fuzz-attach CORPUS tests/fuzz/attach
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/replay.h"
#include "cli/client/frame.h"
#include "controller/attach/frame_peer.h"
#include "controller/attach/record.h"
#include "tests/fuzz/corpus.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#define FUZZ_MUTATIONS 300
#define FUZZ_INPUT_MAX (64 * 1024)
#define FUZZ_STEPS_MAX 1024
#define FUZZ_STREAM_MAX 2048
#define FUZZ_ALLOWED "IEWSJKH"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* ---- the controller's peer ---- */

struct fuzz_peer {
	struct buf got;			/* the frames, as they were */
	bool lost;
	unsigned frames;
};

static void on_fuzz_frame(struct attach_peer *p, char type, const void *data,
			  size_t n, void *userdata)
{
	struct fuzz_peer *f = userdata;
	const unsigned char head[REPLAY_HEAD] = {
		(unsigned char)type, (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n,
	};

	assert(!f->lost && n <= ATTACH_PAYLOAD_MAX && strchr(FUZZ_ALLOWED, type));
	buf_add(&f->got, head, sizeof(head));
	buf_add(&f->got, data, n);
	/* Now and then somebody has to wait, and is heard again. */
	if (++f->frames % 3 == 0)
		attach_peer_pause(p, true);
}

static void on_fuzz_drained(struct attach_peer *p, void *userdata)
{
}

static void on_fuzz_lost(struct attach_peer *p, void *userdata)
{
	struct fuzz_peer *f = userdata;

	assert(!f->lost);
	f->lost = true;
}

static const struct attach_peer_events fuzz_events = {
	on_fuzz_frame, on_fuzz_drained, on_fuzz_lost,
};

/* How many bytes at the front are whole frames that may come; *bad: then comes
 * what is none. */
static size_t fuzz_whole(const char *data, size_t n, bool *bad)
{
	size_t at = 0;

	while (n - at >= REPLAY_HEAD) {
		size_t size = replay_frame_size(data + at);

		*bad = !data[at] || !strchr(FUZZ_ALLOWED, data[at]) ||
		       size > REPLAY_HEAD + ATTACH_PAYLOAD_MAX;
		if (*bad || size > n - at)
			return at;
		at += size;
	}
	return at;
}

static void fuzz_peer(const char *data, size_t n, size_t piece)
{
	struct fuzz_peer f = { .got = BUF_INIT };
	size_t early = n < piece ? n : piece, sent = early, whole;
	struct attach_peer *p = NULL;
	sd_event *event = NULL;
	bool bad = false;
	int fds[2];

	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			  fds) == 0);
	assert(sd_event_new(&event) == 0);
	assert(frame_peer_new(&p, event, fds[0], data, early, FUZZ_ALLOWED, true,
			      &fuzz_events, &f, NULL) == 0);
	for (int idle = 0; idle < 2 && !f.lost; ) {
		size_t some = n - sent < piece ? n - sent : piece;
		ssize_t w = some ? send(fds[1], data + sent, some, MSG_NOSIGNAL) : 0;

		sent += w > 0 ? (size_t)w : 0;
		idle = sd_event_run(event, 0) > 0 || w > 0 ? 0 : idle + 1;
		attach_peer_pause(p, false);
	}
	whole = fuzz_whole(data, n, &bad);
	assert(f.lost == bad);
	assert(f.got.len == whole && (!whole || memcmp(f.got.data, data, whole) == 0));
	attach_peer_free(p);
	fd_close(fds[1]);
	sd_event_unref(event);
	buf_deinit(&f.got);
}

/* ---- the client's reader ---- */

static void fuzz_client(const char *data, size_t n)
{
	auto_buf in = BUF_INIT;
	struct error e = { 0 };
	struct frame f;
	int r;

	buf_add(&in, data, n);
	while ((r = frame_peek(&in, &f, &e)) == FRAME_READY) {
		assert(f.data == in.data + REPLAY_HEAD);
		assert(REPLAY_HEAD + f.len <= in.len);
		assert(f.type != FRAME_EXIT || f.len == 1);
		buf_consume(&in, REPLAY_HEAD + f.len);
	}
	assert(r == 0 || (r == -EPROTO && *e.msg));
}

/* ---- counts ---- */

/* Each byte is a step; a count is one of near by, or any. */
static void fuzz_replay(const unsigned char *data, size_t n)
{
	struct replay r = { .keep = n && data[0] & 1 };
	uint64_t taken = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned op = data[i] & 7, arg = data[i] >> 3;
		uint64_t count = taken + arg;
		const void *next;
		size_t len;

		if (op == 0)
			replay_put(&r, 'O', data, arg % (n + 1));
		else if (op == 1)
			replay_control_count(&r, 'K', arg);
		else if (op == 2 && replay_next(&r, &next, &len))
			replay_sent(&r, arg < len ? arg : len);
		else if (op == 3 && replay_ack(&r, count))
			taken = count;
		else if (op == 4 && replay_rejoin(&r, count))
			taken = count;
		else if (op == 5 && n - i > REPLAY_COUNT_BYTES &&
			 replay_ack(&r, count = replay_read_count(data + i + 1)))
			taken = count;
		else if (op == 6)
			replay_disconnect(&r);
		else if (op == 7)
			replay_release(&r);
		assert(taken <= replay_said(&r));
		assert(r.front <= r.sent && r.sent <= r.frames.len);
		if (r.keep)
			assert(r.count <= replay_said(&r) && r.count >= taken);
		taken = r.count;
	}
	replay_deinit(&r);
}

/* All of it leaves, record by record, unchanged in order. */
static void fuzz_record(const char *data, size_t n)
{
	for (size_t at = 0; at < n; ) {
		size_t cut = record_cut(data + at, n - at, false);

		if (!cut)
			cut = record_cut(data + at, n - at, true);
		assert(cut > 0 && cut <= RECORD_MAX && cut <= n - at);
		at += cut;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Of its very size, so that reading behind it is seen. */
	auto_free char *copy = n ? xmemdup(data, n) : xmalloc(1);

	if (n > FUZZ_INPUT_MAX)
		return 0;
	fuzz_peer(copy, n < FUZZ_STREAM_MAX ? n : FUZZ_STREAM_MAX, n ? 1 + data[n - 1] : 1);
	fuzz_client(copy, n);
	fuzz_replay(data, n < FUZZ_STEPS_MAX ? n : FUZZ_STEPS_MAX);
	fuzz_record(copy, n);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
static size_t fuzz_mutate(uint8_t *data, size_t n, int i, uint32_t *x)
{
	static const char likely[] = "IEWSJKHROXDF\0\0\0\0\1\2\10\xef\xbf\n\r";

	corpus_overwrite(data, n, likely, sizeof(likely) - 1, 3, 6, x);
	return corpus_shorten(n, x);
}

int main(int argc, char **argv)
{
	return corpus_run_bytes(argc, argv, &(struct corpus){
		.name = "attach", .input_max = FUZZ_INPUT_MAX,
		.mutations = FUZZ_MUTATIONS, .run = LLVMFuzzerTestOneInput,
		.mutate = fuzz_mutate,
	});
}
#endif
