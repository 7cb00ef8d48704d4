/*
 * test-map.c - the hash table.
 */
#include "base/map.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static void empty_map_has_nothing(void **state)
{
	struct map m = MAP_INIT;
	struct map_iter it = { 0 };

	assert_null(map_get(&m, "x"));
	assert_null(map_remove(&m, "x"));
	assert_false(map_next(&m, &it));
	map_deinit(&m);
}

static void thousand_keys_are_found_again(void **state)
{
	struct map m = MAP_INIT;
	static int values[1000];
	char key[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_null(map_set(&m, key, &values[i]));
	}
	assert_int_equal(m.n, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_ptr_equal(map_get(&m, key), &values[i]);
	}
	assert_null(map_get(&m, "k1000"));
	map_deinit(&m);
}

static void set_and_remove_return_the_old_value(void **state)
{
	struct map m = MAP_INIT;
	int a, b;

	assert_null(map_set(&m, "x", &a));
	assert_ptr_equal(map_set(&m, "x", &b), &a);
	assert_int_equal(m.n, 1);
	assert_ptr_equal(map_remove(&m, "x"), &b);
	assert_null(map_get(&m, "x"));
	assert_int_equal(m.n, 0);
	map_deinit(&m);
}

static void walk_sees_each_once_and_may_remove(void **state)
{
	struct map m = MAP_INIT;
	static int seen[300];
	char key[16];

	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "%d", i);
		map_set(&m, key, &seen[i]);
	}
	for (struct map_iter it = { 0 }; map_next(&m, &it); ) {
		(*(int *)it.value)++;
		if (*(int *)it.value == 1 && (int *)it.value - seen < 150)
			assert_ptr_equal(map_remove(&m, it.key), it.value);
	}
	for (int i = 0; i < 300; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(m.n, 150);
	map_deinit(&m);
}

static void keys_are_copies(void **state)
{
	struct map m = MAP_INIT;
	char key[] = "abc";
	int v;

	map_set(&m, key, &v);
	key[0] = 'X';
	assert_ptr_equal(map_get(&m, "abc"), &v);
	map_deinit(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_map_has_nothing),
		cmocka_unit_test(thousand_keys_are_found_again),
		cmocka_unit_test(set_and_remove_return_the_old_value),
		cmocka_unit_test(walk_sees_each_once_and_may_remove),
		cmocka_unit_test(keys_are_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
