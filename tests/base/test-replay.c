/*
 * test-replay.c - frames over connections that break at any byte.
 */
#include "base/replay.h"

#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

/* The peer: takes bytes of a connection, frame by frame. */
struct peer {
	struct buf in;
	struct buf text;		/* payloads of counted frames */
	uint64_t have;			/* counted bytes */
	bool joined;			/* 'J' has come over this connection */
};

static void peer_connect(struct peer *p)
{
	buf_clear(&p->in);
	p->joined = false;
}

static void peer_take(struct peer *p, const void *data, size_t n, bool keep)
{
	size_t size;

	buf_add(&p->in, data, n);
	while (p->in.len >= REPLAY_HEAD &&
	       (size = replay_frame_size(p->in.data)) <= p->in.len) {
		if (p->in.data[0] == 'J') {
			p->joined = true;
		} else if (p->joined || !keep) {
			buf_add(&p->text, p->in.data + REPLAY_HEAD,
				size - REPLAY_HEAD);
			p->have += size;
		}
		buf_consume(&p->in, size);
	}
}

/* Send up to max bytes; false: there was nothing. */
static bool send_some(struct replay *r, struct peer *p, size_t max)
{
	const void *data;
	size_t n;

	if (!replay_next(r, &data, &n))
		return false;
	n = n < max ? n : max;
	peer_take(p, data, n, r->keep);
	replay_sent(r, n);
	return true;
}

static void without_keep_only_the_half_sent_frame_comes_again(void **state)
{
	struct replay r = REPLAY_INIT;
	struct peer p = { BUF_INIT, BUF_INIT, 0, false };

	replay_put(&r, 'O', "abc", 3);
	replay_put(&r, 'O', "def", 3);
	assert_true(send_some(&r, &p, 9));
	assert_int_equal(replay_pending(&r), 7);
	replay_disconnect(&r);
	peer_connect(&p);
	assert_false(send_some(&r, &p, 2));
	replay_release(&r);
	while (send_some(&r, &p, 2))
		;
	assert_int_equal(p.text.len, 6);
	assert_memory_equal(p.text.data, "abcdef", 6);
	assert_true(replay_is_empty(&r));
	buf_deinit(&p.in);
	buf_deinit(&p.text);
	replay_deinit(&r);
}

static void what_was_kept_waits_for_the_peer_to_join(void **state)
{
	struct replay r = REPLAY_INIT;
	struct peer p = { BUF_INIT, BUF_INIT, 0, false };

	assert_true(replay_rejoin(&r, 0));
	replay_put(&r, 'O', "abc", 3);
	replay_disconnect(&r);
	assert_false(send_some(&r, &p, 100));
	replay_control(&r, 'J', NULL, 0);
	assert_true(send_some(&r, &p, 100));
	assert_true(replay_rejoin(&r, 0));
	assert_true(send_some(&r, &p, 100));
	assert_int_equal(p.text.len, 3);
	buf_deinit(&p.in);
	buf_deinit(&p.text);
	replay_deinit(&r);
}

static void counts_that_cannot_be_are_refused(void **state)
{
	struct replay r = REPLAY_INIT;
	struct peer p = { BUF_INIT, BUF_INIT, 0, true };

	assert_false(replay_ack(&r, 0));	/* nothing is kept */
	assert_true(replay_rejoin(&r, 0));
	replay_put(&r, 'O', "abc", 3);
	replay_put(&r, 'O', "def", 3);
	assert_false(replay_ack(&r, 7));	/* not sent */
	while (send_some(&r, &p, 100))
		;
	assert_false(replay_ack(&r, 3));	/* inside of a frame */
	assert_false(replay_ack(&r, 15));
	assert_true(replay_ack(&r, 7));
	assert_false(replay_ack(&r, 0));	/* it had more already */
	assert_false(replay_rejoin(&r, 0));
	assert_false(replay_rejoin(&r, UINT64_MAX));
	assert_true(replay_rejoin(&r, 14));
	assert_true(replay_is_empty(&r));
	buf_deinit(&p.in);
	buf_deinit(&p.text);
	replay_deinit(&r);
}

static void counts_travel_in_frames(void **state)
{
	struct replay r = REPLAY_INIT;
	const void *data;
	size_t n;

	replay_control_count(&r, 'K', 0x0102030405060708);
	assert_true(replay_next(&r, &data, &n));
	assert_int_equal(n, REPLAY_HEAD + REPLAY_COUNT_BYTES);
	assert_int_equal(replay_read_count((const char *)data + REPLAY_HEAD),
			 0x0102030405060708);
	replay_deinit(&r);
}

/* Breaks of both kinds: the connection, or only the peer behind a relay. */
static void every_byte_arrives_once_over_broken_connections(void **state)
{
	struct replay r = REPLAY_INIT;
	struct peer p = { BUF_INIT, BUF_INIT, 0, false };
	struct buf said = BUF_INIT;

	srand(7);
	replay_control(&r, 'J', NULL, 0);
	assert_true(replay_rejoin(&r, 0));
	for (int i = 0; i < 200000; i++) {
		int what = rand() % 100;

		if (what < 40 && said.len < 200000) {
			char text[40];
			size_t n = (size_t)rand() % sizeof(text);

			memset(text, 'a' + i % 26, sizeof(text));
			replay_put(&r, 'O', text, n);
			buf_add(&said, text, n);
		} else if (what < 90) {
			send_some(&r, &p, 1 + (size_t)rand() % 60);
		} else if (what < 97) {
			assert_true(replay_ack(&r, p.have));
		} else if (what < 98) {
			replay_disconnect(&r);
			peer_connect(&p);
			replay_control(&r, 'J', NULL, 0);
			assert_true(replay_rejoin(&r, p.have));
		} else {
			/* A new peer, the same connection: it gets the end of
			 * what was on its way, then what it lacks. */
			p.joined = false;
			assert_true(replay_rejoin(&r, p.have));
			replay_control(&r, 'J', NULL, 0);
		}
	}
	while (send_some(&r, &p, 1000))
		;
	assert_int_equal(p.text.len, said.len);
	assert_memory_equal(p.text.data, said.data, said.len);
	assert_true(replay_ack(&r, p.have));
	assert_true(replay_is_empty(&r));
	buf_deinit(&p.in);
	buf_deinit(&p.text);
	buf_deinit(&said);
	replay_deinit(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_keep_only_the_half_sent_frame_comes_again),
		cmocka_unit_test(what_was_kept_waits_for_the_peer_to_join),
		cmocka_unit_test(counts_that_cannot_be_are_refused),
		cmocka_unit_test(counts_travel_in_frames),
		cmocka_unit_test(every_byte_arrives_once_over_broken_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
