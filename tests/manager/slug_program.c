#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/manager/slug_program.h"

#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>

#define SLUG_PROGRAM_TEXT "#!/bin/sh\n" \
	"cd \"$2\"; shift 4; echo \"$@\" >> ran\n" \
	"while [ -e hold ]; do sleep 0.02; done\n" \
	"name=$1; [ $1 = get ] && { while [ $# -gt 2 ]; do shift; done; name=$1; }\n" \
	"[ -e \"$name\" ] && . \"./$name\"\n" \
	"exit 0\n"
#define SLUG_PROGRAM_PATIENCE_MSEC 60000

void slug_program_put(struct slug_program *p, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", p->dir, name);
	struct error e;

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0700,
					 &e), 0);
}

void slug_program_take_away(struct slug_program *p, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", p->dir, name);

	assert_int_equal(unlink(path), 0);
}

char *slug_program_ran(const struct slug_program *p)
{
	auto_free char *path = xasprintf("%s/ran", p->dir);
	struct buf text = BUF_INIT;

	file_read(AT_FDCWD, path, 1 << 16, &text, NULL);
	return buf_take(&text);
}

size_t slug_program_count(const struct slug_program *p)
{
	auto_free char *text = slug_program_ran(p);
	size_t n = 0;

	for (const char *c = text ? text : ""; *c; c++)
		n += *c == '\n';
	return n;
}

void slug_program_serve(struct slug_program *p, unsigned msec)
{
	uint64_t end = clock_mono_usec() + msec * USEC_PER_MSEC;

	while (clock_mono_usec() < end)
		sd_event_run(p->command.event, 10 * USEC_PER_MSEC);
}

void slug_program_await(struct slug_program *p, size_t n)
{
	for (int i = 0; i < SLUG_PROGRAM_PATIENCE_MSEC / 10; i++) {
		if (slug_program_count(p) >= n)
			break;
		slug_program_serve(p, 10);
	}
	assert_int_equal(slug_program_count(p), n);
}

void slug_program_init(struct slug_program *p)
{
	strcpy(p->dir, "/tmp/dyno-jobs-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	slug_program_put(p, "program", SLUG_PROGRAM_TEXT);
	p->path = xasprintf("%s/program", p->dir);
	p->command = (struct slug_command){ .program = p->path,
					    .store_dir = p->dir, .config = "c" };
	assert_int_equal(sd_event_new(&p->command.event), 0);
}

void slug_program_deinit(struct slug_program *p)
{
	sd_event_unref(p->command.event);
	file_remove_tree(AT_FDCWD, p->dir, NULL);
	free(p->path);
}
