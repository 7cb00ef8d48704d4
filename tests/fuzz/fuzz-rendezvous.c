/*
 * fuzz-rendezvous.c - any bytes from a stranger at the rendezvous port, in any pieces,
 * by either protocol: only the secret lets him in; what the dyno gets of him then is
 * what he has sent, and what he gets is the dyno's, in order.
 *
 * An input is a byte of flags, a byte that says how the rest is cut into records, and
 * the rest. The secret is "0f", the dyno's command is cat. Two programs are made of it:
 * fuzz-rendezvous, where packets take the place of TLS records, and
 * fuzz-rendezvous-tls, with TLS, at a tenth of the speed.
 *
 * By itself each program runs the files and directories it is given, each as it is
 * and in many mutations. With libFuzzer, in a build tree of CC=clang CFLAGS="-g -O1
 * -fsanitize=fuzzer-no-link" --enable-asan (for TLS: wire_tls.c and -DFUZZ_TLS):
 *
 *   make libcontroller.a && clang -g -O1 -fsanitize=fuzzer,address,undefined \
 *     -DFUZZ_LIBFUZZER -D_GNU_SOURCE -I$top $top/tests/fuzz/fuzz-rendezvous.c \
 *     $top/tests/fuzz/wire_plain.c libcontroller.a libhttp.a libbase.a \
 *     -lgnutls -lsystemd -ljansson -lsqlite3 -o fuzz-rendezvous
 *   ./fuzz-rendezvous CORPUS $top/tests/fuzz/rendezvous
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/replay.h"
#include "controller/attach/attach.h"
#include "controller/attach/frame_peer.h"
#include "controller/attach/rendezvous.h"
#include "controller/model/outcome.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/wire.h"

#include <stdio.h>

#ifdef FUZZ_TLS
#define FUZZ_MUTATIONS 25
#else
#define FUZZ_MUTATIONS 400
#endif
#define FUZZ_INPUT_MAX (16 * 1024)
#define FUZZ_PIECES 64			/* about so many records at most */
#define FUZZ_LINE_MAX 256
#define FUZZ_SECRET "0f"
#define FUZZ_ALLOWED "IEWSJKH"
#define EOT '\x04'

enum fuzz_flag {
	FUZZ_FRAMES = 1,
	FUZZ_TTY = 2,
	FUZZ_WINDOW = 4,
	FUZZ_DEAF = 8,			/* reads nothing before the end */
	FUZZ_PAUSES = 16,		/* the dyno is slow */
	FUZZ_LATE = 32,			/* its host comes late */
	FUZZ_HALF = 64,			/* the client half-closes at the end */
	FUZZ_BROKEN = 128,		/* the state cannot be read */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* One at a time: the hub's functions have no other object to find it by. */
static struct {
	unsigned flags;
	sd_event *event;
	struct rendezvous *port;
	struct attach_peer *peer;
	unsigned redeemed, joined, frames;
	bool ended;			/* the dyno, or the client for good */
	bool lost;
	struct buf got;			/* what came to the dyno */
	struct buf echo;		/* what it has said, as the client should see it */
} fuzz;

static void fuzz_put_frame(struct buf *b, char type, const void *data, size_t n)
{
	const unsigned char head[REPLAY_HEAD] = {
		(unsigned char)type, (unsigned char)(n >> 16),
		(unsigned char)(n >> 8), (unsigned char)n,
	};

	buf_add(b, head, sizeof(head));
	buf_add(b, data, n);
}

/* ---- the hub, with a dyno behind it ---- */

static void fuzz_say(char type, const void *data, size_t n)
{
	if (fuzz.flags & FUZZ_FRAMES)
		fuzz_put_frame(&fuzz.echo, type, data, n);
	else if (type == 'O')
		buf_add(&fuzz.echo, data, n);
	attach_peer_send(fuzz.peer, type, data, n);
}

static void on_fuzz_frame(struct attach_peer *p, char type, const void *data, size_t n,
			  void *userdata)
{
	assert(p == fuzz.peer && !fuzz.lost && !fuzz.ended);
	assert(n <= ATTACH_PAYLOAD_MAX && strchr(FUZZ_ALLOWED, type));
	if (fuzz.flags & FUZZ_FRAMES || type != 'I')
		fuzz_put_frame(&fuzz.got, type, data, n);
	else
		buf_add(&fuzz.got, data, n);
	if (type == 'I') {
		fuzz_say('O', data, n);
	} else if (type == 'E') {
		fuzz_say('X', "\7", 1);
		attach_peer_finish(take_ptr(fuzz.peer));
		fuzz.ended = true;
	} else if (type == 'H') {
		fuzz.peer = attach_peer_free(fuzz.peer);
		fuzz.ended = true;
	}
	if (fuzz.peer && fuzz.flags & FUZZ_PAUSES && ++fuzz.frames % 3 == 0)
		attach_peer_pause(fuzz.peer, true);
}

static void on_fuzz_drained(struct attach_peer *p, void *userdata)
{
	assert(p == fuzz.peer);
}

static void on_fuzz_lost(struct attach_peer *p, void *userdata)
{
	assert(p == fuzz.peer && !fuzz.lost);
	fuzz.lost = true;
	fuzz.peer = attach_peer_free(fuzz.peer);
}

const struct attach_peer_events attach_client_events = {
	on_fuzz_frame, on_fuzz_drained, on_fuzz_lost,
};

int attach_redeem(struct attach_hub *hub, const char *secret, bool again,
		  struct attach_ticket *ret, struct error *e)
{
	assert(again == !!(fuzz.flags & FUZZ_FRAMES) && !strpbrk(secret, "\r\n"));
	if (!str_eq(secret, FUZZ_SECRET))
		return outcome_set(e, OUTCOME_NOT_FOUND, "no such secret");
	if (fuzz.flags & FUZZ_BROKEN)
		return error_set(e, EIO, "the disk is gone");
	*ret = (struct attach_ticket){
		.again = again, .tty = fuzz.flags & FUZZ_TTY,
		.rows = fuzz.flags & FUZZ_WINDOW ? 24 : 0,
	};
	fuzz.redeemed++;
	return 0;
}

void attach_give_up(struct attach_hub *hub, const struct attach_ticket *ticket)
{
	abort();			/* nothing fails here */
}

void attach_join_client(struct attach_hub *hub, const struct attach_ticket *ticket,
			struct attach_peer *client)
{
	fuzz.joined++;
	fuzz.peer = client;
	if (fuzz.flags & FUZZ_LATE)
		attach_peer_pause(client, true);
}

void attach_join_stream(struct attach_hub *hub, const struct attach_ticket *ticket,
			int fd, const void *early, size_t n_early)
{
	struct attach_peer *p;

	assert(frame_peer_new(&p, fuzz.event, fd, early, n_early, FUZZ_ALLOWED, false,
			      &attach_client_events, NULL, NULL) == 0);
	attach_join_client(hub, ticket, p);
}

/* ---- what has to come of it ---- */

struct model {
	struct buf line;
	bool in, out;			/* let in; thrown out */
	bool over;			/* what follows is nobody's */
	struct buf frames;		/* not yet one */
	struct buf want;		/* what the dyno has to get */
};

static void model_line(struct model *m, const char *end)
{
	size_t n = (size_t)(end - m->line.data);

	m->line.data[n] = '\0';
	m->line.data[strcspn(m->line.data, "\r")] = '\0';
	m->in = str_eq(m->line.data, FUZZ_SECRET) && !(fuzz.flags & FUZZ_BROKEN);
	m->out = !m->in;
	/* Raw bytes begin with the next record. */
	if (fuzz.flags & FUZZ_FRAMES)
		buf_add(&m->frames, end + 1, m->line.len - n - 1);
}

static void model_frames(struct model *m)
{
	while (!m->over && m->frames.len >= REPLAY_HEAD) {
		size_t size = replay_frame_size(m->frames.data);
		char type = m->frames.data[0];

		if (!type || !strchr(FUZZ_ALLOWED, type) ||
		    size > REPLAY_HEAD + ATTACH_PAYLOAD_MAX) {
			m->over = true;
			return;
		}
		if (m->frames.len < size)
			return;
		buf_add(&m->want, m->frames.data, size);
		buf_consume(&m->frames, size);
		m->over = type == 'E' || type == 'H';
	}
}

static void model_raw(struct model *m, const char *data, size_t n)
{
	bool end = !(fuzz.flags & FUZZ_TTY) && data[n - 1] == EOT;

	buf_add(&m->want, data, n - end);
	if (end)
		fuzz_put_frame(&m->want, 'E', NULL, 0);
	m->over = end;
}

static void model_record(struct model *m, const char *data, size_t n)
{
	if (m->out || m->over)
		return;
	if (m->in && fuzz.flags & FUZZ_FRAMES) {
		buf_add(&m->frames, data, n);
	} else if (m->in) {
		model_raw(m, data, n);
	} else {
		const char *end;

		buf_add(&m->line, data, n);
		end = memchr(m->line.data, '\n', m->line.len);
		if (end)
			model_line(m, end);
		else
			m->out = m->line.len > FUZZ_LINE_MAX;
	}
	if (m->in)
		model_frames(m);
}

static void fuzz_check(const struct model *m, const struct buf *answer,
		       const struct buf *first)
{
	static const char hello[] = "rendezvous\r\n", no[] = "refused: ";

	assert(fuzz.redeemed == m->in && fuzz.joined == m->in);
	assert(fuzz.got.len == m->want.len && (!m->want.len ||
	       memcmp(fuzz.got.data, m->want.data, m->want.len) == 0));
	if (!m->in) {
		assert(!answer->len || (fuzz.flags & FUZZ_FRAMES &&
					str_after(answer->data, no)));
		return;
	}
	if (!(fuzz.flags & FUZZ_FRAMES) && first->len)
		assert(str_eq(first->data, hello));
	if (answer->len < sizeof(hello) - 1)
		return;			/* it left before */
	assert(str_after(answer->data, hello));
	assert(answer->len - (sizeof(hello) - 1) <= fuzz.echo.len);
	if (answer->len > sizeof(hello) - 1)
		assert(memcmp(answer->data + sizeof(hello) - 1, fuzz.echo.data,
			      answer->len - (sizeof(hello) - 1)) == 0);
}

/* ---- a connection ---- */

/* Until nothing happens; who waits for the dyno waits no longer. */
static void fuzz_settle(bool resume)
{
	for (int idle = 0; idle < 2; ) {
		idle = sd_event_run(fuzz.event, 0) > 0 ? 0 : idle + 1;
		if (idle && resume && fuzz.peer)
			attach_peer_pause(fuzz.peer, false);
	}
}

/* The first record apart. */
static bool fuzz_receive(struct buf *answer, struct buf *first)
{
	ssize_t n;

	while ((n = wire_receive(answer)) > 0)
		if (!first->len)
			buf_add(first, answer->data, (size_t)n);
	return n == 0;
}

static size_t fuzz_piece(size_t n, size_t whole, uint32_t *x)
{
	size_t most = 2 * (whole / FUZZ_PIECES + 1), some;

	if (!*x)
		return n < WIRE_RECORD_MAX ? n : WIRE_RECORD_MAX;
	/* Mostly short ones, and now and then all that is left. */
	some = corpus_random(x) % 16 ? corpus_random(x) % most + 1 : n;
	return some < n ? some : n;
}

static void fuzz_talk(const char *data, size_t n, uint32_t cuts, struct model *m,
		      struct buf *answer, struct buf *first)
{
	bool late = fuzz.flags & FUZZ_LATE, open = true;

	for (size_t at = 0; at < n && open; ) {
		size_t some = fuzz_piece(n - at, n, &cuts);

		if (!wire_send(data + at, some))
			break;
		model_record(m, data + at, some);
		at += some;
		fuzz_settle(!late);
		if (!(fuzz.flags & FUZZ_DEAF))
			open = fuzz_receive(answer, first);
	}
	fuzz_settle(true);
	fuzz_receive(answer, first);
	if (fuzz.flags & FUZZ_HALF) {
		wire_half_close();
		fuzz_settle(true);
		fuzz_receive(answer, first);
	}
}

static void fuzz_deinit(struct model *m)
{
	buf_deinit(&m->line);
	buf_deinit(&m->frames);
	buf_deinit(&m->want);
	buf_deinit(&fuzz.got);
	buf_deinit(&fuzz.echo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_buf answer = BUF_INIT, first = BUF_INIT;
	struct model m = { .in = false };
	struct error e;

	if (n < 3 || n > FUZZ_INPUT_MAX)
		return 0;
	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.flags = data[0];
	assert(sd_event_new(&fuzz.event) == 0);
	assert(rendezvous_new(&fuzz.port, fuzz.event, wire_listen(), NULL,
			      wire_identity(), &e) == 0);
	wire_connect(fuzz.event, fuzz.flags & FUZZ_FRAMES);
	fuzz_talk((const char *)data + 2, n - 2, data[1], &m, &answer, &first);
	wire_close();
	fuzz_settle(true);
	assert(!fuzz.peer);
	fuzz_check(&m, &answer, &first);
	rendezvous_free(fuzz.port);
	/* What lives by itself ends with the loop. */
	sd_event_exit(fuzz.event, 0);
	sd_event_loop(fuzz.event);
	sd_event_unref(fuzz.event);
	fuzz_deinit(&m);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
static size_t fuzz_mutate(uint8_t *data, size_t n, int i, uint32_t *x)
{
	static const char likely[] = "IEWSJKH0f\n\r\4\0\0\0\0\1\2\10\xef\xbf";

	data[0] ^= (uint8_t)(corpus_random(x) % 2 << corpus_random(x) % 8);
	data[1] = (uint8_t)corpus_random(x);
	if (n > 6 && i % 3)
		corpus_overwrite(data + 2, n - 2, likely, sizeof(likely) - 1, 3, 6, x);
	return corpus_shorten(n, x);
}

int main(int argc, char **argv)
{
	return corpus_run_bytes(argc, argv, &(struct corpus){
		.name = "rendezvous", .input_max = FUZZ_INPUT_MAX,
		.mutations = FUZZ_MUTATIONS, .run = LLVMFuzzerTestOneInput,
		.mutate = fuzz_mutate,
	});
}
#endif
