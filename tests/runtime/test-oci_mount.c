/*
 * test-oci_mount.c - mount option words become what the kernel is told.
 */
#include "runtime/oci/oci_mount.h"

#include <setjmp.h>
#include <stdio.h>
#include <sys/types.h>

#include <cmocka.h>
#include <linux/mount.h>

#define WORDS_MAX 12

static void parse(struct oci_mount_options *o, const char *const *v)
{
	struct oci_strings words = { .v = v };

	while (v[words.n])
		words.n++;
	oci_mount_options(o, &words);
}

#define PARSE(o, ...) parse(o, (const char *const[]){ __VA_ARGS__, NULL })

static void the_last_word_about_an_attribute_counts(void **state)
{
	const uint64_t time = MOUNT_ATTR__ATIME;
	static const uint64_t ro = MOUNT_ATTR_RDONLY, suid = MOUNT_ATTR_NOSUID;
	const struct {
		const char *words[WORDS_MAX];
		struct oci_mount_attr one, all;
	} cases[] = {
		{ { NULL }, { 0, 0 }, { 0, 0 } },
		{ { "defaults", "" }, { 0, 0 }, { 0, 0 } },
		{ { "ro" }, { ro, 0 }, { 0, 0 } },
		{ { "rw" }, { 0, ro }, { 0, 0 } },
		{ { "ro", "rw" }, { 0, ro }, { 0, 0 } },
		{ { "rw", "ro" }, { ro, 0 }, { 0, 0 } },
		{ { "rro" }, { 0, 0 }, { ro, 0 } },
		{ { "rro", "rrw" }, { 0, 0 }, { 0, ro } },
		{ { "rro", "rw" }, { 0, ro }, { ro, 0 } },
		{ { "nosuid", "nodev", "noexec" },
		  { suid | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0 }, { 0, 0 } },
		{ { "rnosuid", "rnodev", "rnoexec", "rnosymfollow" },
		  { 0, 0 }, { suid | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			      MOUNT_ATTR_NOSYMFOLLOW, 0 } },
		{ { "suid", "dev", "exec", "symfollow", "diratime" },
		  { 0, suid | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME }, { 0, 0 } },
		{ { "noatime" }, { MOUNT_ATTR_NOATIME, time }, { 0, 0 } },
		{ { "strictatime" }, { MOUNT_ATTR_STRICTATIME, time }, { 0, 0 } },
		{ { "relatime" }, { 0, time }, { 0, 0 } },
		{ { "norelatime" }, { 0, time }, { 0, 0 } },
		{ { "noatime", "atime" }, { 0, time }, { 0, 0 } },
		{ { "noatime", "relatime" }, { 0, time }, { 0, 0 } },
		{ { "strictatime", "atime" }, { MOUNT_ATTR_STRICTATIME, time }, { 0, 0 } },
		{ { "strictatime", "nostrictatime" }, { 0, time }, { 0, 0 } },
		{ { "noatime", "strictatime" }, { MOUNT_ATTR_STRICTATIME, time },
		  { 0, 0 } },
		{ { "noatime", "nodiratime" },
		  { MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME, time }, { 0, 0 } },
		{ { "rnoatime" }, { 0, 0 }, { MOUNT_ATTR_NOATIME, time } },
		{ { "ratime", "rdiratime" }, { 0, 0 },
		  { 0, time | MOUNT_ATTR_NODIRATIME } },
		{ { "rstrictatime", "rnostrictatime", "rrelatime", "rnorelatime" },
		  { 0, 0 }, { 0, time } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_mount_options o;

		parse(&o, cases[i].words);
		assert_int_equal(o.one.set, cases[i].one.set);
		assert_int_equal(o.one.clr, cases[i].one.clr);
		assert_int_equal(o.all.set, cases[i].all.set);
		assert_int_equal(o.all.clr, cases[i].all.clr);
		assert_int_equal(o.n_data + o.n_spread + o.flags + o.super, 0);
		oci_mount_options_deinit(&o);
	}
}

static void words_of_the_runtime_become_flags(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		unsigned flags;
	} cases[] = {
		{ { "bind" }, OCI_MOUNT_BIND },
		{ { "rbind" }, OCI_MOUNT_BIND | OCI_MOUNT_RBIND },
		{ { "rbind", "bind" }, OCI_MOUNT_BIND | OCI_MOUNT_RBIND },
		{ { "remount" }, OCI_MOUNT_REMOUNT },
		{ { "tmpcopyup" }, OCI_MOUNT_COPY_UP },
		{ { "idmap" }, OCI_MOUNT_IDMAP },
		{ { "ridmap" }, OCI_MOUNT_IDMAP | OCI_MOUNT_RIDMAP },
		{ { "idmap=uids=0-1-10;gids=0-1-10" }, OCI_MOUNT_IDMAP },
		{ { "ridmap=uids=0-1-10" }, OCI_MOUNT_IDMAP | OCI_MOUNT_RIDMAP },
		{ { "copy-symlink" }, OCI_MOUNT_COPY_SYMLINK },
		{ { "src-nofollow" }, OCI_MOUNT_SRC_NOFOLLOW },
		{ { "dest-nofollow" }, OCI_MOUNT_DEST_NOFOLLOW },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_mount_options o;

		parse(&o, cases[i].words);
		assert_int_equal(o.flags, cases[i].flags);
		assert_int_equal(o.one.set + o.one.clr + o.all.set + o.all.clr, 0);
		assert_int_equal(o.n_data, 0);
		oci_mount_options_deinit(&o);
	}
}

static void words_of_the_file_system_are_kept_apart(void **state)
{
	const char *words[OCI_MOUNT_SUPER_MAX];
	struct oci_mount_options o;

	(void)state;
	PARSE(&o, "sync", "lazytime", "mand", "silent", "iversion", "nomand",
	      "dirsync");
	assert_int_equal(o.super, MS_SYNCHRONOUS | MS_LAZYTIME | MS_SILENT |
			 MS_I_VERSION | MS_DIRSYNC);
	assert_int_equal(oci_mount_super_words(o.super, words), 3);
	assert_string_equal(words[0], "sync");
	assert_string_equal(words[1], "dirsync");
	assert_string_equal(words[2], "lazytime");
	assert_int_equal(o.n_data, 0);
	oci_mount_options_deinit(&o);

	PARSE(&o, "sync", "async", "lazytime", "nolazytime", "silent", "loud",
	      "iversion", "noiversion");
	assert_int_equal(o.super, 0);
	assert_int_equal(oci_mount_super_words(o.super, words), 0);
	oci_mount_options_deinit(&o);
}

static void propagations_keep_their_order(void **state)
{
	struct oci_mount_options o;

	(void)state;
	PARSE(&o, "rbind", "rslave", "shared", "rslave");
	assert_int_equal(o.n_spread, 2);
	assert_int_equal(o.spread[0].type, MS_SHARED);
	assert_false(o.spread[0].recursive);
	assert_int_equal(o.spread[1].type, MS_SLAVE);
	assert_true(o.spread[1].recursive);
	oci_mount_options_deinit(&o);

	PARSE(&o, "private", "rprivate", "slave", "rslave", "shared", "rshared",
	      "unbindable", "runbindable", "private");
	assert_int_equal(o.n_spread, OCI_MOUNT_SPREAD_MAX);
	assert_int_equal(o.spread[0].type, MS_PRIVATE);
	assert_true(o.spread[0].recursive);
	assert_int_equal(o.spread[7].type, MS_PRIVATE);
	assert_false(o.spread[7].recursive);
	oci_mount_options_deinit(&o);
}

static void check_data(const struct oci_mount_options *o, size_t i,
		       const char *key, const char *value)
{
	assert_true(i < o->n_data);
	assert_string_equal(o->data[i].key, key);
	if (value)
		assert_string_equal(o->data[i].value, value);
	else
		assert_null(o->data[i].value);
}

static void what_is_not_known_becomes_data(void **state)
{
	struct oci_mount_options o;

	(void)state;
	PARSE(&o, "nosuid", "mode=1777", "size=64m", "newinstance", "x-systemd.a=b",
	      "_netdev", "empty=");
	assert_string_equal(o.text, "mode=1777,size=64m,newinstance,empty=");
	assert_int_equal(o.n_data, 4);
	check_data(&o, 0, "mode", "1777");
	check_data(&o, 1, "size", "64m");
	check_data(&o, 2, "newinstance", NULL);
	check_data(&o, 3, "empty", "");
	oci_mount_options_deinit(&o);

	PARSE(&o, "lowerdir=/a\\,b:/c,upperdir=/d=e,,index=off",
	      "context=\"system_u:object_r:x_t:s0:c1,c2\"");
	assert_int_equal(o.n_data, 4);
	check_data(&o, 0, "lowerdir", "/a\\,b:/c");
	check_data(&o, 1, "upperdir", "/d=e");
	check_data(&o, 2, "index", "off");
	check_data(&o, 3, "context", "system_u:object_r:x_t:s0:c1,c2");
	oci_mount_options_deinit(&o);

	PARSE(&o, "=x", ",,", "a=\"", "\\");
	assert_int_equal(o.n_data, 1);
	check_data(&o, 0, "a", "\",\\");
	oci_mount_options_deinit(&o);
	PARSE(&o, "ro");
	assert_string_equal(o.text, "");
	oci_mount_options_deinit(&o);
}

static void the_table_is_sorted_and_none_of_it_is_data(void **state)
{
	size_t n = 0;

	(void)state;
	for (const char *w, *last = ""; (w = oci_mount_word(n)); last = w, n++) {
		struct oci_mount_options o;

		assert_true(strcmp(last, w) < 0);
		PARSE(&o, w);
		assert_int_equal(o.n_data, 0);
		assert_string_equal(o.text, "");
		oci_mount_options_deinit(&o);
	}
	assert_true(n > 60);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_word_about_an_attribute_counts),
		cmocka_unit_test(words_of_the_runtime_become_flags),
		cmocka_unit_test(words_of_the_file_system_are_kept_apart),
		cmocka_unit_test(propagations_keep_their_order),
		cmocka_unit_test(what_is_not_known_becomes_data),
		cmocka_unit_test(the_table_is_sorted_and_none_of_it_is_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
