#include "base/base.h"
#include "manager/model/cycle.h"

#include <setjmp.h>
#include <cmocka.h>

#define N_MAX 64

static struct cycle_dyno dynos[N_MAX];
static size_t picked[N_MAX];

static void fill(size_t n, uint64_t due, uint64_t deadline)
{
	for (size_t i = 0; i < n; i++)
		dynos[i] = (struct cycle_dyno){
			.app_id = "app", .type = "web", .ready = true,
			.routed = true,
			.due = due, .deadline = deadline,
		};
}

static void nobody_goes_before_his_time(void **state)
{
	uint64_t next;

	fill(2, 100, 200);
	dynos[1].due = 90;
	assert_int_equal(cycle_pick(dynos, 2, 89, true, picked, &next), 0);
	assert_int_equal(next, 90);
	assert_int_equal(cycle_pick(NULL, 0, 89, true, picked, &next), 0);
	assert_true(next == UINT64_MAX);
}

static void one_of_a_type_goes_at_a_time(void **state)
{
	uint64_t next;

	fill(3, 100, 200);
	assert_int_equal(cycle_pick(dynos, 3, 150, true, picked, &next), 1);
	assert_int_equal(picked[0], 0);
	assert_int_equal(next, 200);
	dynos[0].ready = false;
	dynos[0].busy = true;
	assert_int_equal(cycle_pick(dynos, 3, 150, true, picked, &next), 0);

	/* Other types and other apps do not wait for it. */
	dynos[1].type = "worker";
	dynos[2].app_id = "other";
	assert_int_equal(cycle_pick(dynos, 3, 150, true, picked, &next), 2);
}

static void of_many_a_tenth_goes_at_a_time(void **state)
{
	uint64_t next;

	fill(40, 100, 200);
	assert_int_equal(cycle_pick(dynos, 40, 150, true, picked, &next), 4);
}

static void the_deadline_is_kept_whatever_happens(void **state)
{
	uint64_t next;

	fill(3, 100, 200);
	dynos[0].ready = false;
	dynos[0].busy = true;
	assert_int_equal(cycle_pick(dynos, 3, 200, false, picked, &next), 2);
}

static void while_upstream_is_away_only_the_deadline_counts_for_web(void **state)
{
	uint64_t next;

	fill(1, 100, 200);
	assert_int_equal(cycle_pick(dynos, 1, 150, false, picked, &next), 0);
	assert_int_equal(next, 200);
	dynos[0].alone = true;
	assert_int_equal(cycle_pick(dynos, 1, 150, false, picked, &next), 1);
	dynos[0].alone = dynos[0].routed = false;
	assert_int_equal(cycle_pick(dynos, 1, 150, false, picked, &next), 1);
}

/* Days of random lives: never too many of a type at once, unless forced; nobody
 * beyond his deadline. */
static void in_days_of_chance_the_rules_hold(void **state)
{
	enum { N = 30, LIFE = 1000, SPREAD = 150, BOOT = 7 };
	uint64_t until[N] = { 0 }, next;
	unsigned seed = 1;

	fill(N, 0, 0);
	for (size_t i = 0; i < N; i++) {
		dynos[i].due = LIFE + (uint64_t)(rand_r(&seed) % SPREAD);
		dynos[i].deadline = LIFE + SPREAD;
	}
	for (uint64_t now = 0; now < 100 * LIFE; now++) {
		size_t n = cycle_pick(dynos, N, now, rand_r(&seed) % 4 != 0,
				      picked, &next);
		size_t busy = 0, forced = 0;

		for (size_t i = 0; i < n; i++) {
			struct cycle_dyno *d = &dynos[picked[i]];

			assert_true(now >= d->due && now <= d->deadline);
			forced += now == d->deadline;
			d->ready = false;
			d->busy = true;
			until[picked[i]] = now + BOOT;
		}
		for (size_t i = 0; i < N; i++)
			busy += dynos[i].busy;
		assert_true(forced || busy <= N / 10);
		for (size_t i = 0; i < N; i++) {
			if (!dynos[i].busy || until[i] > now)
				continue;
			dynos[i].busy = false;
			dynos[i].ready = true;
			dynos[i].due = now + LIFE +
				(uint64_t)(rand_r(&seed) % SPREAD);
			dynos[i].deadline = now + LIFE + SPREAD;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_goes_before_his_time),
		cmocka_unit_test(one_of_a_type_goes_at_a_time),
		cmocka_unit_test(of_many_a_tenth_goes_at_a_time),
		cmocka_unit_test(the_deadline_is_kept_whatever_happens),
		cmocka_unit_test(while_upstream_is_away_only_the_deadline_counts_for_web),
		cmocka_unit_test(in_days_of_chance_the_rules_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
