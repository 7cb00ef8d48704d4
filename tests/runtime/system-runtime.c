/*
 * system-runtime.c - the runtime against the real kernel. Needs root.
 *
 *   system-runtime                        every check below, then the census
 *   system-runtime bench [N]              start-to-exit time of /bin/true
 *   system-runtime run [-t] [-a FILE] [-i IMAGE] COMMAND [ARGUMENT...]
 *                                         one dyno, output here, its status
 *
 * An instance of its own below a temporary directory, removed at the end. The
 * slug has /app/hello and, with -a, FILE as /app/probe; with -i it is an image.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/process.h"
#include "base/strv.h"
#include "runtime/runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SLUG "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HOST "11111111-2222-4333-8444-555555555555"
#define SLUG_UID 64123		/* somebody without a name */
#define PATIENCE_MSEC 60000

static char root_dir[128];		/* below $TMPDIR, or /tmp */
static int instance;		/* far from the first free one, which others take */
static int failed;
static const char *image;	/* that the slug is; NULL: an unpacked tree */

#define check(expr) do { if (!(expr)) { failed++; \
	printf("FAIL %s:%d: %s\n", __func__, __LINE__, #expr); } } while (0)
#define check_ok(call) do { int r_ = (call); if (r_ < 0) { failed++; \
	printf("FAIL %s:%d: %s: %s\n", __func__, __LINE__, #call, e.msg); } \
	} while (0)

/* ---- the instance ---- */

static void tell(const char *what, void *userdata)
{
	fprintf(stderr, "# %s\n", what);
}

static void write_file(const char *path, const void *data, size_t n, mode_t mode)
{
	struct error e;

	if (file_write_fast(AT_FDCWD, path, data, n, mode, &e) < 0 ||
	    chown(path, SLUG_UID, SLUG_UID) < 0) {
		fprintf(stderr, "%s: %s\n", path, e.msg);
		exit(2);
	}
}

static void make_root(const char *probe)
{
	static const char *const dirs[] = {
		"run", "slugs", "slugs/trees", "slugs/trees/" SLUG,
		"slugs/trees/" SLUG "/app", "stacks",
	};
	auto_free char *hello = NULL, *target = NULL;
	auto_buf text = BUF_INIT;

	snprintf(root_dir, sizeof(root_dir), "%s/rt-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(root_dir) || chmod(root_dir, 0755) < 0)
		exit(2);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		auto_free char *path = xasprintf("%s/%s", root_dir, dirs[i]);

		if (mkdir(path, 0755) < 0 ||
		    (strncmp(dirs[i], "slugs", 5) == 0 &&
		     chown(path, SLUG_UID, SLUG_UID) < 0))
			exit(2);
	}
	if (image) {
		target = xasprintf("%s/slugs/trees/" SLUG "/image", root_dir);
		if (file_read(AT_FDCWD, image, 1 << 28, &text, NULL) < 0)
			exit(2);
		write_file(target, text.data, text.len, 0644);
		return;
	}
	hello = xasprintf("%s/slugs/trees/" SLUG "/app/hello", root_dir);
	write_file(hello, "from the slug\n", 14, 0600);
	if (!probe)
		return;
	target = xasprintf("%s/slugs/trees/" SLUG "/app/probe", root_dir);
	if (file_read(AT_FDCWD, probe, 1 << 24, &text, NULL) < 0)
		exit(2);
	write_file(target, text.data, text.len, 0755);
}

static struct runtime *open_runtime(void)
{
	auto_free char *run = xasprintf("%s/run", root_dir);
	auto_free char *slugs = xasprintf("%s/slugs", root_dir);
	auto_free char *stacks = xasprintf("%s/stacks", root_dir);
	auto_free char *init = process_sibling("dyno-init");
	struct runtime_config c = {
		.run_dir = run, .slug_dir = slugs, .stacks_dir = stacks,
		.root_name = root_dir, .stack = "host", .init_path = init,
		.instance = instance, .slug_images = image,
		.slug_uid = SLUG_UID, .slug_gid = SLUG_UID,
	};
	struct runtime *rt = NULL;
	struct error e;

	if (runtime_open(&rt, &c, tell, NULL, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(2);
	}
	return rt;
}

/* ---- one dyno ---- */

static char *const env[] = {
	(char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"HOME=/app",
	(char *)"TERM=xterm", NULL,
};

static struct dyno_spec spec_of(char *const *argv, enum dyno_stdio stdio,
				char uuid[UUID_TEXT_MAX])
{
	return (struct dyno_spec){
		.uuid = id_uuid(uuid), .hostname = HOST, .slug = SLUG,
		.lease_fd = -1, .argv = argv, .envp = env, .stdio = stdio,
		.limits = {
			.memory = 512 << 20, .memory_swap = 1 << 30,
			.tmpfs = 256 << 20, .inodes = 65536, .pids = 256,
			.cpu_shares = 1024, .cpus = 1, .files = 10000,
		},
	};
}

static struct dyno *start(struct runtime *rt, const char *script,
			  enum dyno_stdio stdio)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = spec_of(argv, stdio, uuid);
	struct dyno *d = NULL;
	struct error e;

	check_ok(runtime_start(rt, &spec, &d, &e));
	return d;
}

/* Read until end of file; a PTY ends with EIO. */
static void read_all(int fd, struct buf *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char data[4096];
	ssize_t n;

	while (poll(&p, 1, PATIENCE_MSEC) > 0 &&
	       (n = read(fd, data, sizeof(data))) > 0)
		buf_add(ret, data, (size_t)n);
}

static bool wait_for(struct buf *text, int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char data[4096];
	ssize_t n;

	while (!strstr(buf_str(text), what)) {
		if (poll(&p, 1, PATIENCE_MSEC) <= 0)
			return false;
		n = read(fd, data, sizeof(data));
		if (n <= 0)
			return false;
		buf_add(text, data, (size_t)n);
	}
	return true;
}

/* A process that has exited leaves its group a moment later. */
static int remove_all(struct runtime *rt, const char *uuid, struct error *e)
{
	int r;

	for (int i = 0; (r = runtime_remove(rt, uuid, e)) == -EBUSY &&
	     i < PATIENCE_MSEC; i++)
		poll(NULL, 0, 1);
	return r;
}

static struct dyno_exit finish(struct runtime *rt, struct dyno *d)
{
	struct pollfd p = { .fd = d->pidfd, .events = POLLIN };
	struct dyno_exit x = { .status = -1 };
	struct error e;

	if (d->pidfd >= 0)
		check(poll(&p, 1, PATIENCE_MSEC) == 1);
	check_ok(dyno_exit(rt, d, &x, &e));
	check_ok(remove_all(rt, d->uuid, &e));
	check_ok(runtime_remove(rt, d->uuid, &e));
	dyno_free(d);
	return x;
}

/* ---- checks ---- */

static void output_and_exit_status_come_back(struct runtime *rt)
{
	struct dyno *d = start(rt, "echo out; echo err >&2; exit 42",
			       DYNO_STDIO_LOG);
	auto_buf text = BUF_INIT;
	struct dyno_exit x;

	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &text);
	x = finish(rt, d);
	check(str_eq(buf_str(&text), "out\nerr\n"));
	check(x.status == 42 && x.signal == 0);
}

static void a_missing_command_is_127(struct runtime *rt)
{
	char *argv[] = { (char *)"/no/such", NULL };
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = spec_of(argv, DYNO_STDIO_LOG, uuid);
	auto_buf text = BUF_INIT;
	struct dyno *d = NULL;
	struct error e;

	check_ok(runtime_start(rt, &spec, &d, &e));
	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &text);
	check(finish(rt, d).status == 127);
	check(strstr(buf_str(&text), "/no/such: No such file"));
}

static void an_absent_slug_is_an_error_and_leaves_nothing(struct runtime *rt)
{
	char *argv[] = { (char *)"/bin/true", NULL };
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = spec_of(argv, DYNO_STDIO_LOG, uuid);
	auto_strv left = STRV_INIT;
	struct dyno *d = NULL;
	struct error e;

	spec.slug = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
	check(runtime_start(rt, &spec, &d, &e) == -ENOENT);
	check(!d && strstr(e.msg, "is not unpacked"));
	check_ok(runtime_list(rt, &left, &e));
	check(left.n == 0);
}

static void the_root_is_as_promised(struct runtime *rt)
{
	static const char script[] =
		"set -e; cd; test \"$(pwd)\" = /app; cat hello; echo x >> hello;"
		"echo y > new; test $(stat -c %u hello) = $(id -u);"
		"! echo z 2>/dev/null > /etc/z; ! echo z 2>/dev/null > /usr/z;"
		"test $(stat -c %u /usr/bin/env) = 0; hostname; id -un; id -gn;"
		"nproc; cat /sys/fs/cgroup/memory/memory.limit_in_bytes;"
		"ls /sys/class/net; echo a > /tmp/a; echo b > /dev/shm/b;"
		"echo via proc > /dev/stdout; ls /proc | grep -c '^[0-9]'";
	struct dyno *d = start(rt, script, DYNO_STDIO_LOG);
	auto_buf text = BUF_INIT;
	unsigned user, procs;
	int end = 0;

	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &text);
	check(finish(rt, d).status == 0);
	check(sscanf(buf_str(&text), "from the slug\n" HOST "\nu%u\ndyno\n1\n"
		     "536870912\neth0\nlo\nvia proc\n%u\n%n", &user, &procs,
		     &end) == 2 && end == (int)text.len);
	if (failed)
		printf("# %s\n", buf_str(&text));
}

static void what_the_slug_brought_can_be_replaced(struct runtime *rt)
{
	struct dyno *d = start(rt, "set -e; cd /app; rm hello; mkdir hello; echo a > "
			       "hello/a; rm -r hello; echo b > hello; cat hello; ls",
			       DYNO_STDIO_LOG);
	auto_buf text = BUF_INIT;

	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &text);
	check(finish(rt, d).status == 0);
	check(str_after(buf_str(&text), "b\nhello\n"));
}

static void nothing_of_the_host_is_mounted(struct runtime *rt)
{
	struct dyno *d = start(rt, "cut -d' ' -f5 /proc/self/mountinfo | head -1;"
			       "grep -cE ' - (ext4|xfs|btrfs|cgroup2?) | /run' "
			       "/proc/self/mountinfo; ls -di / /.. | cut -c-12 | "
			       "tr -s ' \n' ' '", DYNO_STDIO_LOG);
	unsigned long in_root = 0, in_above = 1;
	auto_buf text = BUF_INIT;

	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &text);
	check(finish(rt, d).status == 0);
	check(sscanf(buf_str(&text), "/ 0 %lu / %lu", &in_root, &in_above) == 2);
	check(in_root == in_above);
}

static void a_slug_serves_many_dynos_and_stays_as_it_is(struct runtime *rt)
{
	struct dyno *d[8];

	for (size_t i = 0; i < ARRAY_SIZE(d); i++)
		d[i] = start(rt, "cat hello; echo changed > hello; sleep 0.2",
			     DYNO_STDIO_LOG);
	for (size_t i = 0; i < ARRAY_SIZE(d); i++) {
		auto_buf text = BUF_INIT;

		if (!d[i])
			continue;
		read_all(d[i]->fds[DYNO_FD_OUT], &text);
		check(str_eq(buf_str(&text), "from the slug\n"));
		check(finish(rt, d[i]).status == 0);
	}
}

/* Whether somebody else has it: a lock of our own is let go again. */
static bool is_leased(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static void start_leased(struct runtime *rt, const char *path, struct dyno **ret)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c",
			 (char *)"ls /proc/self/fd; ls /proc/1/fd; ls -l /proc/$$/fd |"
			 " grep -c lock; exec sleep 1000", NULL };
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = spec_of(argv, DYNO_STDIO_LOG, uuid);
	auto_close int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	struct error e;

	check(fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0);
	spec.lease_fd = fd;
	check_ok(runtime_start(rt, &spec, ret, &e));
}

static void the_lease_lasts_as_long_as_the_dyno(struct runtime *rt)
{
	auto_free char *path = xasprintf("%s/lock", root_dir);
	struct dyno *d = NULL;
	auto_buf text = BUF_INIT;
	struct error e;

	start_leased(rt, path, &d);
	if (!d)
		return;
	/* 3 is the directory that ls reads. */
	check(wait_for(&text, d->fds[DYNO_FD_OUT], "denied\n0\n"));
	check(strncmp(buf_str(&text), "0\n1\n2\n3\nls: ", 12) == 0);
	check(is_leased(path));
	check_ok(dyno_kill(rt, d, &e));
	check(finish(rt, d).status == 137);
	check(!is_leased(path));
}

static void three_pipes_are_binary_clean_and_half_close(struct runtime *rt)
{
	static const char bytes[] = "a\0b\xff\r\n\x04zz";
	struct dyno *d = start(rt, "cat; echo end >&2; exit 3", DYNO_STDIO_PIPES);
	auto_buf out = BUF_INIT, err = BUF_INIT;

	if (!d)
		return;
	check(write(d->fds[DYNO_FD_IN], bytes, sizeof(bytes)) == sizeof(bytes));
	d->fds[DYNO_FD_IN] = fd_close(d->fds[DYNO_FD_IN]);
	read_all(d->fds[DYNO_FD_OUT], &out);
	read_all(d->fds[DYNO_FD_ERR], &err);
	check(out.len == sizeof(bytes) && !memcmp(out.data, bytes, sizeof(bytes)));
	check(str_eq(buf_str(&err), "end\n"));
	check(finish(rt, d).status == 3);
}

static void a_closed_stream_is_seen_while_the_command_lives(struct runtime *rt)
{
	struct dyno *d = start(rt, "exec 1>&-; sleep 1000", DYNO_STDIO_PIPES);
	auto_buf out = BUF_INIT;
	uint64_t t = clock_mono_usec();
	struct error e;

	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &out);
	check(clock_mono_usec() - t < 100 * USEC_PER_SEC);
	check_ok(dyno_signal(d, SIGTERM, &e));
	check(finish(rt, d).status == 128 + SIGTERM);
}

static void a_terminal_is_one(struct runtime *rt)
{
	struct dyno *d = start(rt, "tty; stty size; read x; echo got $x;"
			       " trap 'echo int; exit 5' INT; echo ready;"
			       " sleep 100 & wait",
			       DYNO_STDIO_PTY);
	struct winsize size = { 0 };
	auto_buf text = BUF_INIT;

	if (!d)
		return;
	check(d->fds[DYNO_FD_OUT] >= 0 && d->fds[DYNO_FD_ERR] < 0);
	check(ioctl(d->fds[DYNO_FD_OUT], TIOCGWINSZ, &size) == 0);
	check(size.ws_row == 24 && size.ws_col == 80);
	check(wait_for(&text, d->fds[DYNO_FD_OUT], "24 80"));
	check(write(d->fds[DYNO_FD_OUT], "word\n", 5) == 5);
	check(wait_for(&text, d->fds[DYNO_FD_OUT], "ready"));
	check(write(d->fds[DYNO_FD_OUT], "\003", 1) == 1);
	read_all(d->fds[DYNO_FD_OUT], &text);
	check(strstr(buf_str(&text), "/dev/pts/0") && strstr(buf_str(&text), "got word"));
	check(strstr(buf_str(&text), "int"));
	check(finish(rt, d).status == 5);
}

static void output_of_a_short_terminal_is_not_lost(struct runtime *rt)
{
	for (int i = 0; i < 20; i++) {
		struct dyno *d = start(rt, "echo quick", DYNO_STDIO_PTY);
		auto_buf text = BUF_INIT;

		if (!d)
			return;
		read_all(d->fds[DYNO_FD_OUT], &text);
		check(str_eq(buf_str(&text), "quick\r\n"));
		check(finish(rt, d).status == 0);
	}
}

static void signals_reach_every_process(struct runtime *rt)
{
	struct dyno *d = start(rt,
		"sh -c 'trap \"echo child; exit\" TERM; echo up;"
		" while :; do sleep 0.05; done' &"
		"trap 'echo main; sleep 0.3; exit 9' TERM; echo up;"
		"while :; do sleep 0.05; done", DYNO_STDIO_LOG);
	auto_buf text = BUF_INIT;
	struct error e;

	if (!d)
		return;
	check(wait_for(&text, d->fds[DYNO_FD_OUT], "up\nup\n"));
	check_ok(dyno_signal(d, SIGTERM, &e));
	read_all(d->fds[DYNO_FD_OUT], &text);
	check(strstr(buf_str(&text), "main") && strstr(buf_str(&text), "child"));
	check(finish(rt, d).status == 9);
}

static void kill_ends_everything(struct runtime *rt)
{
	struct dyno *d = start(rt, "trap '' TERM HUP INT; (sleep 1000 &) ; (setsid "
			       "sleep 1000 &); echo up; sleep 1000", DYNO_STDIO_LOG);
	auto_buf text = BUF_INIT;
	struct dyno_exit x;
	struct error e;

	if (!d)
		return;
	check(wait_for(&text, d->fds[DYNO_FD_OUT], "up"));
	check_ok(dyno_kill(rt, d, &e));
	read_all(d->fds[DYNO_FD_OUT], &text);
	x = finish(rt, d);
	check(x.status == 137 && x.signal == SIGKILL);
}

static void what_is_left_behind_dies_with_the_command(struct runtime *rt)
{
	struct dyno *d = start(rt, "(setsid sleep 1000 &); exit 4", DYNO_STDIO_LOG);
	auto_buf text = BUF_INIT;

	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &text);
	check(finish(rt, d).status == 4);
}

static void too_much_memory_is_137_and_counted(struct runtime *rt)
{
	struct dyno *d = start(rt, "exec perl -e 'my @a; push @a, \"x\" x (1<<20) "
			       "for 1..3000; print \"survived\\n\"'", DYNO_STDIO_LOG);
	auto_buf text = BUF_INIT;
	struct dyno_exit x;

	if (!d)
		return;
	read_all(d->fds[DYNO_FD_OUT], &text);
	x = finish(rt, d);
	check(x.status == 137 && x.signal == SIGKILL && x.oom_kills > 0);
	check(x.memory_peak > 256 << 20 && x.cpu_usec > 0);
	check(!strstr(buf_str(&text), "survived"));
}

static void a_running_dyno_cannot_be_asked_for_its_end(struct runtime *rt)
{
	struct dyno *d = start(rt, "sleep 1000", DYNO_STDIO_LOG);
	struct dyno_exit x;
	struct error e;

	if (!d)
		return;
	check(dyno_exit(rt, d, &x, &e) == -EAGAIN);
	check_ok(dyno_kill(rt, d, &e));
	check(finish(rt, d).status == 137);
}

/* Another process starts two dynos and is killed. */
static void crash_with_dynos(enum dyno_stdio stdio, const char *script)
{
	int up[2];
	char c;
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0)
		exit(2);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct runtime *rt = open_runtime();
		struct dyno *d = start(rt, script, stdio);

		if (d && write(up[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(up[1]);
	check(read(up[0], &c, 1) == 1);
	close(up[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct dyno *adopt_only(struct runtime *rt, int want)
{
	auto_strv uuids = STRV_INIT;
	struct dyno *d = NULL;
	struct error e;
	int r;

	check_ok(runtime_list(rt, &uuids, &e));
	check(uuids.n == 1);
	if (uuids.n != 1)
		return NULL;
	r = runtime_adopt(rt, uuids.v[0], &d, &e);
	check(r == want);
	if (r < 0)
		printf("# %s\n", e.msg);
	return d;
}

static void a_dyno_survives_its_maker_and_is_adopted(void)
{
	struct runtime *rt;
	struct dyno *d;
	auto_buf text = BUF_INIT;
	struct error e;

	crash_with_dynos(DYNO_STDIO_LOG, "trap 'echo bye; exit 7' TERM; echo one;"
			 " while :; do sleep 0.05; done");
	rt = open_runtime();
	d = adopt_only(rt, 0);
	if (d) {
		check(d->pid > 0 && d->fds[DYNO_FD_OUT] >= 0 && d->address.s_addr);
		check(wait_for(&text, d->fds[DYNO_FD_OUT], "one\n"));
		check_ok(dyno_signal(d, SIGTERM, &e));
		read_all(d->fds[DYNO_FD_OUT], &text);
		check(strstr(buf_str(&text), "bye\n"));
		check(finish(rt, d).status == 7);
	}
	runtime_close(rt);
}

static void a_terminal_is_adopted_too(void)
{
	struct runtime *rt;
	struct dyno *d;
	auto_buf text = BUF_INIT;

	crash_with_dynos(DYNO_STDIO_PTY, "echo before; read x; echo got $x; exit 6");
	rt = open_runtime();
	d = adopt_only(rt, 0);
	if (d) {
		check(write(d->fds[DYNO_FD_OUT], "it\n", 3) == 3);
		read_all(d->fds[DYNO_FD_OUT], &text);
		check(strstr(buf_str(&text), "before"));
		check(strstr(buf_str(&text), "got it"));
		check(finish(rt, d).status == 6);
	}
	runtime_close(rt);
}

static void a_dyno_that_ended_meanwhile_tells_how(void)
{
	struct runtime *rt;
	struct dyno *d;

	crash_with_dynos(DYNO_STDIO_LOG, "exit 33");
	usleep(300000);
	rt = open_runtime();
	d = adopt_only(rt, RUNTIME_GONE);
	if (d) {
		check(d->pid == 0 && d->pidfd == -1 && d->fds[DYNO_FD_OUT] == -1);
		check(finish(rt, d).status == 33);
	}
	runtime_close(rt);
}

/* ---- census ---- */

static size_t count_entries(const char *path, const char *prefix)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	size_t n = 0;

	if (!dir)
		return 0;
	while ((d = readdir(dir)))
		if (strncmp(d->d_name, prefix, strlen(prefix)) == 0 &&
		    d->d_name[0] != '.')
			n++;
	closedir(dir);
	return n;
}

static size_t count_cgroups(const char *prefix)
{
	DIR *dir = opendir("/sys/fs/cgroup");
	size_t n = count_entries("/sys/fs/cgroup", prefix);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		auto_free char *path = xasprintf("/sys/fs/cgroup/%s", d->d_name);

		if (d->d_name[0] != '.')
			n += count_entries(path, prefix);
	}
	if (dir)
		closedir(dir);
	return n;
}

static char *mount_table(void)
{
	auto_buf text = BUF_INIT;

	file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 22, &text, NULL);
	return buf_take(&text);
}

/* Dead processes count too: nothing of ours may wait to be reaped. */
static bool has_children(void)
{
	siginfo_t si = { 0 };

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void end_instance(struct runtime *rt, const char *mounts, size_t fds)
{
	auto_free char *prefix = xstrdup(runtime_prefix(rt)), *now = NULL;
	auto_free char *records = xasprintf("%s/run/dynos", root_dir);
	struct error e;

	check(count_entries(records, "") == 0);
	check_ok(runtime_wipe(rt, &e));
	runtime_close(rt);
	check(count_entries("/sys/class/net", prefix) == 0);
	check(count_cgroups(prefix) == 0);
	now = mount_table();
	check(str_eq(mounts, now));
	check(count_entries("/proc/self/fd", "") == fds);
	check(!has_children());
	check_ok(file_remove_tree(AT_FDCWD, root_dir, &e));
}

/* ---- the ways to run it ---- */

static const struct {
	const char *name;
	void (*fn)(struct runtime *rt);
} checks[] = {
#define CHECK(fn) { #fn, fn }
	CHECK(output_and_exit_status_come_back),
	CHECK(a_missing_command_is_127),
	CHECK(an_absent_slug_is_an_error_and_leaves_nothing),
	CHECK(the_root_is_as_promised),
	CHECK(what_the_slug_brought_can_be_replaced),
	CHECK(nothing_of_the_host_is_mounted),
	CHECK(a_slug_serves_many_dynos_and_stays_as_it_is),
	CHECK(the_lease_lasts_as_long_as_the_dyno),
	CHECK(three_pipes_are_binary_clean_and_half_close),
	CHECK(a_closed_stream_is_seen_while_the_command_lives),
	CHECK(a_terminal_is_one),
	CHECK(output_of_a_short_terminal_is_not_lost),
	CHECK(signals_reach_every_process),
	CHECK(kill_ends_everything),
	CHECK(what_is_left_behind_dies_with_the_command),
	CHECK(too_much_memory_is_137_and_counted),
	CHECK(a_running_dyno_cannot_be_asked_for_its_end),
};

static const struct {
	const char *name;
	void (*fn)(void);
} crash_checks[] = {
	CHECK(a_dyno_survives_its_maker_and_is_adopted),
	CHECK(a_terminal_is_adopted_too),
	CHECK(a_dyno_that_ended_meanwhile_tells_how),
};

static void verdict(const char *name, int before)
{
	printf("%s %s\n", failed == before ? "ok" : "not ok", name);
	fflush(stdout);
}

static void run_checks(struct runtime *rt)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int before = failed;

		checks[i].fn(rt);
		verdict(checks[i].name, before);
	}
	for (size_t i = 0; i < ARRAY_SIZE(crash_checks); i++) {
		int before = failed;

		crash_checks[i].fn();
		verdict(crash_checks[i].name, before);
	}
}

static int compare_usec(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_times(const char *what, uint64_t *usec, size_t n)
{
	qsort(usec, n, sizeof(*usec), compare_usec);
	printf("%-18s median %5.1f ms, best %5.1f, worst %5.1f\n", what,
	       (double)usec[n / 2] / 1e3, (double)usec[0] / 1e3,
	       (double)usec[n - 1] / 1e3);
}

static bool bench_once(struct runtime *rt, uint64_t *started, uint64_t *ended,
		       uint64_t *removed)
{
	char *argv[] = { (char *)"/bin/true", NULL };
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = spec_of(argv, DYNO_STDIO_LOG, uuid);
	uint64_t t = clock_mono_usec();
	struct pollfd p = { .events = POLLIN };
	struct dyno *d = NULL;
	struct error e;

	check_ok(runtime_start(rt, &spec, &d, &e));
	if (!d)
		return false;
	*started = clock_mono_usec() - t;
	p.fd = d->pidfd;
	check(poll(&p, 1, PATIENCE_MSEC) == 1);
	*ended = clock_mono_usec() - t;
	check(finish(rt, d).status == 0);
	*removed = clock_mono_usec() - t;
	return true;
}

static void run_bench(struct runtime *rt, size_t n)
{
	uint64_t *t = xcalloc(3 * n, sizeof(*t));

	for (size_t i = 0; i < n; i++)
		if (!bench_once(rt, &t[i], &t[n + i], &t[2 * n + i]))
			break;
	print_times("start", t, n);
	print_times("start to exit", t + n, n);
	print_times("start to removed", t + 2 * n, n);
	free(t);
}

static int run_command(struct runtime *rt, char **argv, bool tty)
{
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = spec_of(argv, tty ? DYNO_STDIO_PTY
					: DYNO_STDIO_LOG, uuid);
	auto_buf text = BUF_INIT;
	struct dyno *d = NULL;
	struct error e;

	check_ok(runtime_start(rt, &spec, &d, &e));
	if (!d)
		return 1;
	read_all(d->fds[DYNO_FD_OUT], &text);
	fwrite(buf_str(&text), 1, text.len, stdout);
	return finish(rt, d).status;
}

int main(int argc, char **argv)
{
	bool bench = argc > 1 && str_eq(argv[1], "bench");
	bool run = argc > 2 && str_eq(argv[1], "run");
	const char *probe = NULL;
	auto_free char *mounts = mount_table();
	size_t fds = count_entries("/proc/self/fd", "");
	struct runtime *rt;
	int i = 2, status = 0;
	bool tty = false;

	if (geteuid() != 0)
		return 77;
	signal(SIGPIPE, SIG_IGN);
	for (; run && i < argc && argv[i][0] == '-'; i++) {
		if (str_eq(argv[i], "-t"))
			tty = true;
		else if (str_eq(argv[i], "-a") && i + 1 < argc)
			probe = argv[++i];
		else if (str_eq(argv[i], "-i") && i + 1 < argc)
			image = argv[++i];
	}
	instance = 32 + getpid() % 32;
	make_root(probe);
	rt = open_runtime();
	if (bench)
		run_bench(rt, argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 50);
	else if (run)
		status = run_command(rt, argv + i, tty);
	else
		run_checks(rt);
	end_instance(rt, mounts, fds);
	if (!run)
		printf("%d failed\n", failed);
	return failed ? 1 : status;
}
