#pragma once

/*
 * directory.h - a private directory for each test: *state is its path.
 */

/* For cmocka_unit_test_setup_teardown(). */
int directory_setup(void **state);
int directory_teardown(void **state);
