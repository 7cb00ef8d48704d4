/*
 * command.c - one child, two memory files.
 */
#include "base/error.h"
#include "base/process.h"
#include "base/strv.h"
#include "tests/slugstore/command.h"

#include <stdio.h>
#include <sys/mman.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

void command_init(struct command *c, const char *store)
{
	const char *top = getenv("top_builddir");

	*c = (struct command){ .store = store, .out = BUF_INIT,
			       .err = BUF_INIT };
	c->program = xasprintf("%s/dyno-slug", top ? top : ".");
}

void command_deinit(struct command *c)
{
	buf_deinit(&c->out);
	buf_deinit(&c->err);
	free(c->program);
}

static void command_read(int fd, struct buf *b)
{
	char block[4096];
	ssize_t n;

	buf_clear(b);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, block, sizeof(block))) > 0)
		buf_add(b, block, (size_t)n);
}

int command_run(struct command *c, const char *const *args)
{
	auto_strv argv = STRV_INIT;
	auto_close int out = memfd_create("out", MFD_CLOEXEC);
	auto_close int err = memfd_create("err", MFD_CLOEXEC);
	auto_close int pidfd = -1;
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct error e;
	int status;
	pid_t pid;

	strv_add(&argv, "dyno-slug");
	strv_add(&argv, "--store");
	strv_add(&argv, c->store);
	for (; *args; args++)
		strv_add(&argv, *args);
	spec.path = c->program;
	spec.argv = strv_argv(&argv);
	spec.stdout_fd = out;
	spec.stderr_fd = err;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd, &e), 0);
	assert_int_equal(process_wait(pidfd, &status, &e), 0);
	command_read(out, &c->out);
	command_read(err, &c->err);
	return status;
}

void command_says(struct command *c, const char *text)
{
	const char *last = buf_str(&c->err), *nl;

	while ((nl = strchr(last, '\n')) && nl[1])
		last = nl + 1;
	if (!nl || !str_after(last, "dyno-slug: ") || !strstr(last, text))
		fail_msg("\"%s\" does not say \"%s\"", buf_str(&c->err), text);
}
