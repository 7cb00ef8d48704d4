/*
 * command.c - rounds of any command, on demand (see round.h): from before the
 * fork to its end, in an own session, without input; output is thrown away.
 *
 *   command [-f FILE] PROGRAM [ARGUMENT...]
 *
 * "%" in an argument is replaced by a number that no other round has. FILE is
 * open for reading as descriptor 9.
 */
#include "base/base.h"
#include "tests/bench/round.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define COMMAND_FILE_FD 9

struct command {
	const char *file;
	char **argv;
	size_t n;
	unsigned long count;
};

/* The caller frees. */
static char *command_number(const char *argument, unsigned long number)
{
	const char *mark = strchr(argument, '%');

	if (!mark)
		return xstrdup(argument);
	return xasprintf("%.*s%d-%lu%s", (int)(mark - argument), argument,
			 (int)getpid(), number, mark + 1);
}

static pid_t command_start(const char *file, char **argv)
{
	posix_spawn_file_actions_t files;
	/* Not /dev/null: older runtimes give it away to the container's user. */
	auto_close int nothing = memfd_create("nothing", MFD_CLOEXEC);
	pid_t pid = -1;
	int r;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, nothing, 0);
	posix_spawn_file_actions_adddup2(&files, nothing, 1);
	if (file)
		posix_spawn_file_actions_addopen(&files, COMMAND_FILE_FD, file,
						 O_RDONLY, 0);
	r = posix_spawn(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (r != 0)
		fprintf(stderr, "command: %s: %s\n", argv[0], strerror(r));
	return r == 0 ? pid : -1;
}

static bool command_once(void *userdata, struct round *ret)
{
	struct command *c = userdata;
	auto_free char **argv = xcalloc(c->n + 1, sizeof(char *));
	uint64_t t;
	int status = -1;
	pid_t pid;

	for (size_t i = 0; i < c->n; i++)
		argv[i] = command_number(c->argv[i], c->count);
	c->count++;
	t = round_now();
	pid = command_start(c->file, argv);
	if (pid >= 0)
		waitpid(pid, &status, 0);
	ret->start = ret->exit = ret->gone = round_now() - t;
	if (status != 0)
		fprintf(stderr, "command: %s: status %#x\n", argv[0],
			(unsigned)status);
	for (size_t i = 0; i < c->n; i++)
		free(argv[i]);
	return status == 0;
}

int main(int argc, char **argv)
{
	static const struct round_fns fns = { .once = command_once };
	struct command c = { .file = NULL };
	int i = 1;

	if (argc > 2 && str_eq(argv[1], "-f")) {
		c.file = argv[2];
		i = 3;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: command [-f FILE] PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	c.argv = argv + i;
	c.n = (size_t)(argc - i);
	return round_serve(&fns, &c);
}
