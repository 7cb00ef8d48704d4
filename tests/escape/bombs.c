/*
 * bombs.c - take all of something, until the kernel says no.
 *
 * Prints the name of the error that ended it and how many it had, or dies of
 * it: out of memory is SIGKILL. What was taken is held for a moment, in which
 * neighbours have to go on.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BOMB_MAX 200000
#define BOMB_CHUNK (1 << 20)
#define BOMB_STACK 16384

/* Each takes one more; -1 with errno when there is none. */

static int bomb_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static int bomb_sleep(void *arg)
{
	(void)arg;
	pause();
	return 0;
}

static int bomb_thread(void)
{
	char *stack = mmap(NULL, BOMB_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		return -1;
	return clone(bomb_sleep, stack + BOMB_STACK, CLONE_VM | CLONE_FS | CLONE_FILES |
		     CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL);
}

static int bomb_descriptor(void)
{
	return open("/dev/null", O_RDONLY);
}

/* As large as a user may, and full. */
static int bomb_pipe(void)
{
	static char page[4096];
	int fds[2];

	if (pipe2(fds, O_NONBLOCK) < 0)
		return -1;
	fcntl(fds[1], F_SETPIPE_SZ, BOMB_CHUNK);
	while (write(fds[1], page, sizeof(page)) > 0)
		;
	return 0;
}

static int bomb_socket(void)
{
	static char data[1 << 16];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return -1;
	while (write(fds[0], data, sizeof(data)) > 0)
		;
	return 0;
}

/* A connection with itself, full in one direction. */
static int bomb_tcp(void)
{
	static struct sockaddr_in here = { .sin_family = AF_INET };
	static int listener = -1;
	static char data[1 << 16];
	socklen_t len = sizeof(here);
	int from;

	if (listener < 0) {
		here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		listener = socket(AF_INET, SOCK_STREAM, 0);
		if (listen(listener, 1) < 0 ||
		    getsockname(listener, (void *)&here, &len) < 0)
			return -1;
		here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	from = socket(AF_INET, SOCK_STREAM, 0);
	if (from < 0 || connect(from, (void *)&here, len) < 0 ||
	    accept(listener, NULL, NULL) < 0)
		return -1;
	fcntl(from, F_SETFL, O_NONBLOCK);
	while (write(from, data, sizeof(data)) > 0)
		;
	return 0;
}

static int bomb_memory(void)
{
	char *p = mmap(NULL, BOMB_CHUNK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static int bomb_segment(void)
{
	int id = shmget(IPC_PRIVATE, BOMB_CHUNK, IPC_CREAT | 0600);
	char *p = id < 0 ? NULL : shmat(id, NULL, 0);

	if (!p || p == (void *)-1)
		return -1;
	memset(p, 1, BOMB_CHUNK);
	return 0;
}

static int bomb_write(const char *path)
{
	static char data[BOMB_CHUNK];
	static int fd = -1;

	if (fd < 0)
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	return fd < 0 || write(fd, data, sizeof(data)) < 0 ? -1 : 0;
}

static int bomb_app(void)
{
	return bomb_write("/app/bomb");
}

static int bomb_shm(void)
{
	return bomb_write("/dev/shm/bomb");
}

static int bomb_signal(void)
{
	union sigval value = { .sival_int = 1 };

	return sigqueue(getpid(), SIGRTMIN, value);
}

static int bomb_timer(void)
{
	timer_t timer;

	return timer_create(CLOCK_MONOTONIC, NULL, &timer);
}

static const struct {
	const char *name;
	int (*take)(void);
} bombs[] = {
	{ "processes", bomb_process }, { "threads", bomb_thread },
	{ "descriptors", bomb_descriptor }, { "pipes", bomb_pipe },
	{ "sockets", bomb_socket }, { "tcp", bomb_tcp }, { "memory", bomb_memory },
	{ "segments", bomb_segment },
	{ "app", bomb_app }, { "shm", bomb_shm },
	{ "signals", bomb_signal }, { "timers", bomb_timer },
};

static int bombs_take(int (*take)(void))
{
	sigset_t all;
	int n = 0, err = 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (n < BOMB_MAX && !err) {
		if (take() < 0)
			err = errno;
		else
			n++;
	}
	printf("%s %d\n", err ? strerrorname_np(err) : "endless", n);
	fflush(stdout);
	/* Held until the other side has seen enough. */
	while (getchar() != EOF)
		;
	return 0;
}

int bombs_run(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++)
		if (str_eq(bombs[i].name, name)) {
			int r = bombs_take(bombs[i].take);

			kill(0, SIGKILL);
			return r;
		}
	fprintf(stderr, "escape: no bomb %s\n", name);
	return 2;
}
