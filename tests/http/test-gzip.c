#include "base/buf.h"
#include "base/error.h"
#include "http/gzip.h"

#include <setjmp.h>
#include <cmocka.h>

#define BIG (3 * 1024 * 1024)

static void round_trip(const char *data, size_t n)
{
	auto_buf packed = BUF_INIT, plain = BUF_INIT;
	struct error e;

	assert_int_equal(gzip_pack(data, n, &packed, &e), 0);
	assert_int_equal(gzip_unpack(packed.data, packed.len, n, &plain, &e), 0);
	assert_int_equal(plain.len, n);
	assert_memory_equal(buf_str(&plain), data, n);
}

static void what_was_packed_comes_out_again(void **state)
{
	auto_free char *same = xmalloc(BIG), *noise = xmalloc(BIG);
	uint32_t x = 1;

	memset(same, 'a', BIG);
	for (size_t i = 0; i < BIG; i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)(x >> 24);
	}
	for (size_t n = 0; n < 70; n++)
		round_trip(noise, n);
	round_trip(same, BIG);
	round_trip(noise, BIG);
}

static void it_is_what_gzip_makes_and_smaller(void **state)
{
	auto_buf packed = BUF_INIT;
	auto_free char *text = xmalloc(100000);

	memset(text, 'x', 100000);
	assert_int_equal(gzip_pack(text, 100000, &packed, NULL), 0);
	assert_memory_equal(packed.data, "\x1f\x8b\x08", 3);
	assert_true(packed.len < 2000);
}

static void of_a_bomb_no_more_than_the_bound_is_held(void **state)
{
	auto_free char *zeros = xcalloc(1, 8 * BIG);
	auto_buf packed = BUF_INIT, plain = BUF_INIT;
	struct error e;

	assert_int_equal(gzip_pack(zeros, 8 * BIG, &packed, &e), 0);
	assert_true(packed.len < BIG);
	assert_int_equal(gzip_unpack(packed.data, packed.len, 100000, &plain, &e),
			 -EFBIG);
	assert_true(plain.len <= 100001 && plain.cap <= 4 * 100000);
}

static void what_is_cut_or_damaged_is_refused(void **state)
{
	static const char text[] = "register, poll, report; register, poll, report";
	auto_buf packed = BUF_INIT;
	struct error e;

	assert_int_equal(gzip_pack(text, sizeof(text), &packed, &e), 0);
	for (size_t n = 0; n < packed.len; n++) {
		auto_buf plain = BUF_INIT;

		assert_int_equal(gzip_unpack(packed.data, n, 1000, &plain, &e), -EBADMSG);
	}
	for (size_t i = packed.len - 8; i < packed.len; i++) {
		auto_buf plain = BUF_INIT;

		packed.data[i] ^= 1;
		assert_int_equal(gzip_unpack(packed.data, packed.len, 1000, &plain, &e),
				 -EBADMSG);
		packed.data[i] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_out_again),
		cmocka_unit_test(it_is_what_gzip_makes_and_smaller),
		cmocka_unit_test(of_a_bomb_no_more_than_the_bound_is_held),
		cmocka_unit_test(what_is_cut_or_damaged_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
