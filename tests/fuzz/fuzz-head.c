/*
 * fuzz-head.c - any text as a header that is read here: pages that go on by
 * Next-Range hold each item of the range once and in order, a part of a file lies
 * in the file, and what a tag is compared with never is more than a text.
 *
 * By itself the program runs the files and directories it is given, each as it is
 * and in many mutations. With libFuzzer, from the top of the tree (bash):
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER \
 *     -D_GNU_SOURCE -I. tests/fuzz/fuzz-head.c http/{byte_range,json}.c \
 *     controller/api/{negotiate,range}.c controller/model/outcome.c \
 *     base/{alloc,buf,clock,error,fault,id}.c -ljansson -lgnutls -o fuzz-head
 *   ./fuzz-head CORPUS tests/fuzz/head
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "controller/api/negotiate.h"
#include "controller/api/range.h"
#include "http/byte_range.h"
#include "tests/fuzz/corpus.h"

#include <fcntl.h>
#include <stdio.h>

#define FUZZ_MUTATIONS 3000
#define FUZZ_INPUT_MAX 4096
#define FUZZ_ITEMS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const fuzz_attrs[] = { "id", "version", NULL };

/* Values as they come in lists: names and numbers, each once. */
static json_t *fuzz_list(void)
{
	json_t *list = json_array();

	for (int i = 0; i < FUZZ_ITEMS; i++) {
		auto_free char *id = xasprintf("%c-%d", 'a' + i * 5 % FUZZ_ITEMS, i);

		json_array_append_new(list, json_pack("{s:s, s:i}", "id", id,
						      "version", (i * 7) % FUZZ_ITEMS));
	}
	return list;
}

/* Page by page it is the same as in one. */
static void fuzz_pages(struct range r)
{
	auto_json *list = fuzz_list(), *all = NULL, *got = json_array();
	auto_free char *next = NULL;
	struct range whole = r;

	whole.max = RANGE_MAX;
	all = range_page(&whole, list, &next);
	assert(!next);
	for (int i = 0; i <= FUZZ_ITEMS; i++) {
		auto_json *page = range_page(&r, list, &next);
		auto_free char *text = next;

		assert(json_array_size(page) <= r.max);
		json_array_extend(got, page);
		next = NULL;
		if (!text)
			break;
		assert(range_parse(&r, text, fuzz_attrs, NULL) == 0);
	}
	assert(json_equal(all, got));
}

static void fuzz_range(const char *text)
{
	struct error e = { 0 };
	struct range r;

	if (range_parse(&r, text, fuzz_attrs, &e) != 0) {
		assert(*e.msg);
		return;
	}
	assert(r.max >= 1 && r.max <= RANGE_MAX);
	fuzz_pages(r);
}

static void fuzz_bytes(const char *text)
{
	static const uint64_t sizes[] = { 0, 1, 10, 1ULL << 40, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct byte_range r = { 1, 0 };

		if (byte_range_parse(text, sizes[i], &r) == BYTE_RANGE_PART)
			assert(r.first <= r.last && r.last < sizes[i]);
	}
	byte_range_if_range(text, "a-tag");
	byte_range_if_range(text, NULL);
	if (byte_range_if_match(text, "a-tag"))
		assert(strchr(text, '*') || strstr(text, "\"a-tag\""));
	byte_range_if_match(text, NULL);
	if (byte_range_none_match(text, "a-tag"))
		assert(strchr(text, '*') || strstr(text, "\"a-tag\""));
}

static void fuzz_forms(const char *text, size_t n)
{
	char tag[NEGOTIATE_TAG_MAX];
	struct error e = { 0 };

	if (negotiate_accept(text, &e) != 0)
		assert(*e.msg);
	e.msg[0] = '\0';
	if (negotiate_body(text, &e) != 0)
		assert(*e.msg);
	negotiate_tag(tag, text, n);
	assert(strlen(tag) == NEGOTIATE_TAG_MAX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_free char *text = n ? xstrndup((const char *)data, n) : xstrdup("");

	fuzz_range(text);
	fuzz_bytes(text);
	fuzz_forms(text, strlen(text));
	return 0;
}

#ifndef FUZZ_LIBFUZZER
static size_t fuzz_mutate(uint8_t *data, size_t n, int i, uint32_t *x)
{
	static const char likely[] = "0123456789-,;=.. ][\"*W/qvax+\t";

	corpus_overwrite(data, n, likely, sizeof(likely) - 1, 8, 6, x);
	return corpus_shorten(n, x);
}

int main(int argc, char **argv)
{
	return corpus_run_bytes(argc, argv, &(struct corpus){
		.name = "head", .input_max = FUZZ_INPUT_MAX,
		.mutations = FUZZ_MUTATIONS, .run = LLVMFuzzerTestOneInput,
		.mutate = fuzz_mutate,
	});
}
#endif
