/*
 * Both ends of the host protocol in one loop: the supervisor's stub against
 * dynod's server, on a fake runtime whose dynos are plain children.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "manager/dynod/dyno_table.h"
#include "manager/dynod/host_server.h"
#include "manager/limits.h"
#include "manager/protocol/host_client.h"
#include "manager/protocol/host_link.h"
#include "tests/manager/fake_runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <cmocka.h>

#define STEP_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define LOG_MAX 4096

/* What the client's callbacks saw, as words in one line. */
struct bench {
	sd_event *event;
	struct runtime *rt;
	struct dyno_table table;
	struct host_server *server;
	struct host_client *client;
	int client_fd;			/* when there is no client object */
	struct buf log;
	unsigned seen;			/* number of words */
	int fds[DYNO_FD_COUNT];		/* taken from the last dyno */
	struct dyno_exit exit;		/* the last one */
	char broken[ERROR_MSG_MAX];
	char told[1024];
};

static void note(struct bench *b, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(&b->log, "%s%s", b->seen++ ? "; " : "", text);
}

static void on_hello(const char *prefix, void *userdata)
{
	note(userdata, "hello %s", prefix);
}

static void take(struct bench *b, struct host_dyno *d)
{
	for (int i = 0; i < DYNO_FD_COUNT; i++) {
		b->fds[i] = fd_close(b->fds[i]);
		b->fds[i] = take_fd(d->fds[i]);
	}
	b->exit = d->exit;
}

static void on_adopt(struct host_dyno *d, void *userdata)
{
	note(userdata, "adopt %.8s %s", d->uuid, d->alive ? "alive" : "ended");
	take(userdata, d);
}

static void on_ready(void *userdata)
{
	note(userdata, "ready");
}

static void on_exit_told(const char *uuid, const struct dyno_exit *ex,
			 void *userdata)
{
	struct bench *b = userdata;

	note(b, "exit %.8s %d", uuid, ex->status);
	b->exit = *ex;
}

static void on_lost(const char *why, void *userdata)
{
	note(userdata, "lost");
}

static void on_started(int r, const char *message, struct host_dyno *d,
		       void *userdata)
{
	if (r == 0) {
		note(userdata, "started %.8s", d->uuid);
		take(userdata, d);
	} else {
		note(userdata, "not started: %s", message);
	}
}

static void on_done(int r, const char *message, void *userdata)
{
	if (r == 0)
		note(userdata, "done");
	else
		note(userdata, "failed: %s", message);
}

static void on_memory_told(const char *uuid, const struct dyno_usage *usage,
			   void *userdata)
{
	note(userdata, "memory %.8s %llu", uuid, (unsigned long long)usage->rss);
}

static void on_used(int r, const char *message, const struct dyno_usage *usage,
		    void *userdata)
{
	if (r == 0)
		note(userdata, "used %llu", (unsigned long long)usage->rss);
	else
		note(userdata, "not used: %s", message);
}

static const struct host_client_ops client_ops = {
	.on_memory = on_memory_told,
	.on_hello = on_hello, .on_adopt = on_adopt, .on_ready = on_ready,
	.on_exit = on_exit_told, .on_lost = on_lost,
};

static void on_table_started(struct dyno_entry *entry, int r, const struct error *e,
			     void *userdata)
{
	struct bench *b = userdata;

	if (b->server)
		host_server_started(b->server, entry, r, e);
}

static void on_end(struct dyno_entry *entry, void *userdata)
{
	struct bench *b = userdata;

	if (b->server)
		host_server_exit(b->server, entry);
}

static void on_tell(const char *what, void *userdata)
{
	struct bench *b = userdata;
	size_t n = strlen(b->told);

	snprintf(b->told + n, sizeof(b->told) - n, "%s\n", what);
}

static void on_memory(struct dyno_entry *entry, void *userdata)
{
	struct bench *b = userdata;

	if (b->server)
		host_server_memory(b->server, entry);
}

static void on_removed(uint32_t serial, int r, const struct error *e, void *userdata)
{
	struct bench *b = userdata;

	if (b->server)
		host_server_removed(b->server, serial, r, e);
}

static const struct dyno_table_ops table_ops = {
	.on_started = on_table_started, .on_end = on_end, .on_memory = on_memory,
	.on_removed = on_removed,
	.tell = on_tell,
};

static void on_broken(const struct error *why, void *userdata)
{
	struct bench *b = userdata;

	snprintf(b->broken, sizeof(b->broken), "%s", why->msg);
}

/* Dispatch until the client has seen n words in all. */
static void expect(struct bench *b, unsigned n, const char *log)
{
	while (b->seen < n)
		if (sd_event_run(b->event, STEP_TIMEOUT_USEC) <= 0)
			break;
	assert_string_equal(buf_str(&b->log), log);
	buf_clear(&b->log);
	b->seen = 0;
}

static void connect_server(struct bench *b)
{
	int fds[2];
	struct error e;

	assert_int_equal(host_link_pair(fds, &e), 0);
	b->client_fd = fds[1];
	assert_int_equal(host_server_new(&b->server, b->event, fds[0], &b->table,
					 "dyno7", on_broken, b, &e), 0);
}

static void connect_both(struct bench *b)
{
	struct error e;

	connect_server(b);
	assert_int_equal(host_client_new(&b->client, b->event, b->client_fd,
					 &client_ops, b, &e), 0);
	b->client_fd = -1;
}

static void disconnect(struct bench *b)
{
	b->client = host_client_free(b->client);
	b->server = host_server_free(b->server);
	b->client_fd = fd_close(b->client_fd);
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		b->fds[i] = fd_close(b->fds[i]);
	buf_clear(&b->log);
	b->seen = 0;
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	signal(SIGPIPE, SIG_IGN);
	sd_event_new(&b->event);
	b->rt = fake_runtime_new();
	b->client_fd = -1;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		b->fds[i] = -1;
	dyno_table_init(&b->table, b->event, b->rt, &table_ops, b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	disconnect(b);
	dyno_table_deinit(&b->table);
	runtime_close(b->rt);
	sd_event_unref(b->event);
	buf_deinit(&b->log);
	free(b);
	return 0;
}

#define UUID_A "aaaaaaaa-3f0a-4a50-8c59-d3b1f2a1c001"
#define UUID_B "bbbbbbbb-3f0a-4a50-8c59-d3b1f2a1c001"

static char *sh_argv[] = { (char *)"/bin/sh", (char *)"-c", NULL, NULL };

static void start_env(struct bench *b, const char *uuid, const char *script,
		      enum dyno_stdio stdio, char *const *envp)
{
	struct dyno_spec spec = {
		.uuid = uuid, .hostname = UUID_B, .argv = sh_argv, .envp = envp,
		.stdio = stdio,
	};
	struct error e;

	sh_argv[2] = (char *)(uintptr_t)script;
	assert_int_equal(host_client_start(b->client, &spec, on_started, b, &e),
			 0);
}

static void start(struct bench *b, const char *uuid, const char *script)
{
	start_env(b, uuid, script, DYNO_STDIO_LOG, NULL);
}

static void read_all(int fd, char *out, size_t max)
{
	size_t n = 0;
	ssize_t r;

	while (n < max - 1 && (r = read(fd, out + n, max - 1 - n)) > 0)
		n += (size_t)r;
	out[n] = '\0';
}

/* ---- tests ---- */

static void a_supervisor_hears_hello_and_ready(void **state)
{
	connect_both(*state);
	expect(*state, 2, "hello dyno7; ready");
}

static void a_dyno_is_started_ends_and_is_removed(void **state)
{
	struct bench *b = *state;
	char out[64];
	struct error e;

	connect_both(b);
	start(b, UUID_A, "echo out; exit 7");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 7");
	read_all(b->fds[DYNO_FD_OUT], out, sizeof(out));
	assert_string_equal(out, "out\n");
	assert_int_equal(b->exit.memory_peak, 4096);
	assert_int_equal(fake_runtime_count(b->rt), 1);

	assert_int_equal(host_client_remove(b->client, UUID_A, on_done, b, &e), 0);
	expect(b, 1, "done");
	assert_int_equal(fake_runtime_count(b->rt), 0);
	assert_int_equal(dyno_table_count(&b->table), 0);
}

static void the_environment_arrives_unread(void **state)
{
	struct bench *b = *state;
	char *envp[] = { (char *)"A=x\ty\n\xff", (char *)"EMPTY=", NULL };
	char out[64];

	connect_both(b);
	start_env(b, UUID_A, "printf %s \"$A$EMPTY\"", DYNO_STDIO_LOG, envp);
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 0");
	read_all(b->fds[DYNO_FD_OUT], out, sizeof(out));
	assert_string_equal(out, "x\ty\n\xff");
}

static void a_failed_start_is_told_and_leaves_nothing(void **state)
{
	struct bench *b = *state;
	char slug[SHA256_HEX_MAX] = { 0 };
	struct dyno_spec spec = { .uuid = UUID_A, .hostname = UUID_B,
				  .slug = slug, .lease_fd = -1, .argv = sh_argv };
	struct error e;

	memset(slug, 'a', SHA256_HEX_MAX - 1);
	sh_argv[2] = (char *)"true";
	connect_both(b);
	expect(b, 2, "hello dyno7; ready");
	assert_int_equal(host_client_start(b->client, &spec, on_started, b, &e),
			 0);
	while (b->seen < 1)
		sd_event_run(b->event, STEP_TIMEOUT_USEC);
	assert_non_null(strstr(buf_str(&b->log), "is not unpacked"));
	assert_int_equal(dyno_table_count(&b->table), 0);
}

static void start_leased(struct bench *b, int lease_fd)
{
	char slug[SHA256_HEX_MAX] = { 0 };
	struct dyno_spec spec = { .uuid = UUID_A, .hostname = UUID_B,
				  .slug = slug, .lease_fd = lease_fd,
				  .argv = sh_argv };
	struct error e;

	memset(slug, 'a', SHA256_HEX_MAX - 1);
	sh_argv[2] = (char *)"true";
	assert_int_equal(host_client_start(b->client, &spec, on_started, b, &e),
			 0);
	fd_close(lease_fd);
}

static void a_lease_arrives_as_it_was_sent(void **state)
{
	struct bench *b = *state;
	char path[] = "/tmp/dyno-lease-XXXXXX";
	int fd = mkstemp(path);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	fd_close(fd);
	connect_both(b);
	expect(b, 2, "hello dyno7; ready");
	start_leased(b, open(path, O_RDONLY | O_CLOEXEC));
	unlink(path);
	while (b->seen < 1)
		sd_event_run(b->event, STEP_TIMEOUT_USEC);
	assert_non_null(strstr(buf_str(&b->log), "is not unpacked"));
	assert_int_equal(fake_runtime_lease(b->rt), st.st_ino);
}

static void a_lease_that_is_none_is_refused(void **state)
{
	struct bench *b = *state;
	int p[2], bad[] = {
		open("/dev/null", O_RDONLY | O_CLOEXEC),
		open("/", O_RDONLY | O_CLOEXEC),
		open("/proc/self/exe", O_PATH | O_CLOEXEC),
		open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
		-1,
	};

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	bad[4] = p[0];
	connect_both(b);
	expect(b, 2, "hello dyno7; ready");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(bad[i] >= 0);
		start_leased(b, bad[i]);
		expect(b, 1, "not started: the lease is no regular file that is "
		       "open for reading only");
	}
	fd_close(p[1]);
	assert_int_equal(fake_runtime_lease(b->rt), 0);
}

static void the_same_uuid_starts_only_once(void **state)
{
	struct bench *b = *state;

	connect_both(b);
	start(b, UUID_A, "sleep 60");
	start(b, UUID_A, "sleep 60");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; not started: dyno "
	       UUID_A " is on record already");
}

static void more_dynos_than_allowed_are_refused(void **state)
{
	struct bench *b = *state;
	char uuid[UUID_TEXT_MAX];
	struct error e;

	for (int i = 0; i < DYNOS_MAX; i++)
		fake_runtime_record(b->rt, id_uuid(uuid), NULL, 0);
	assert_int_equal(dyno_table_adopt(&b->table, &e), 0);
	connect_both(b);
	start(b, UUID_A, "true");
	while (b->seen < DYNOS_MAX + 3)
		assert_true(sd_event_run(b->event, STEP_TIMEOUT_USEC) > 0);
	assert_non_null(strstr(buf_str(&b->log), "no more are allowed"));
	assert_int_equal(fake_runtime_count(b->rt), DYNOS_MAX);
}

static void signals_and_kills_reach_the_dyno(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "exec sleep 60");
	start(b, UUID_B, "exec sleep 60");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; started bbbbbbbb");
	host_client_signal(b->client, UUID_A, SIGTERM, on_done, b, &e);
	expect(b, 2, "done; exit aaaaaaaa 143");
	host_client_kill(b->client, UUID_B, NULL, NULL, &e);
	expect(b, 1, "exit bbbbbbbb 137");
	assert_int_equal(b->exit.signal, SIGKILL);
}

static void a_signal_to_an_ended_dyno_is_no_error_but_one_to_nobody_is(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "true");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 0");
	host_client_signal(b->client, UUID_A, SIGTERM, on_done, b, &e);
	host_client_kill(b->client, UUID_A, on_done, b, &e);
	host_client_kill(b->client, UUID_B, on_done, b, &e);
	host_client_remove(b->client, UUID_B, on_done, b, &e);
	expect(b, 4, "done; done; failed: no dyno " UUID_B " on record; done");
}

static void a_living_dyno_is_not_removed(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "sleep 60");
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; failed: dyno " UUID_A
	       " lives");
	assert_int_equal(fake_runtime_count(b->rt), 1);
}

static void a_stuck_removal_is_told_and_can_be_asked_again(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "true");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 0");
	fake_runtime_failures(b->rt)->remove = true;
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	/* Nobody is kept waiting by it, and in quarantine it answers at once. */
	start(b, UUID_B, "exec sleep 60");
	expect(b, 1, "started bbbbbbbb");
	expect(b, 1, "failed: stuck");
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	expect(b, 2, "failed: stuck; failed: stuck");
	assert_non_null(strstr(b->told, "stuck; trying it again"));
	fake_runtime_failures(b->rt)->remove = false;
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	expect(b, 1, "done");
	assert_non_null(strstr(b->told, "dyno " UUID_A " is removed now"));
	assert_int_equal(fake_runtime_count(b->rt), 1);
	assert_int_equal(dyno_table_count(&b->table), 1);
}

static void a_removal_is_tried_until_the_last_process_has_died(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "true");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 0");
	fake_runtime_failures(b->rt)->busy = 4;
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	expect(b, 1, "done");
	assert_int_equal(fake_runtime_failures(b->rt)->busy, 0);
	assert_int_equal(fake_runtime_count(b->rt), 0);
	assert_int_equal(dyno_table_count(&b->table), 0);
	assert_string_equal(b->told, "");
}

static void the_next_supervisor_gets_no_answer_to_what_the_last_one_asked(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "true");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 0");
	fake_runtime_failures(b->rt)->busy = 6;
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	while (fake_runtime_failures(b->rt)->busy > 4)
		sd_event_run(b->event, STEP_TIMEOUT_USEC);
	disconnect(b);
	connect_both(b);
	expect(b, 3, "hello dyno7; adopt aaaaaaaa ended; ready");
	while (dyno_table_count(&b->table))
		sd_event_run(b->event, STEP_TIMEOUT_USEC);
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	expect(b, 1, "done");
}

static void the_next_supervisor_gets_every_dyno_and_its_output(void **state)
{
	struct bench *b = *state;
	struct pollfd p = { .events = POLLIN };
	char out[64];
	struct error e;

	connect_both(b);
	start(b, UUID_A, "echo unread; exec sleep 60");
	expect(b, 3, "hello dyno7; ready; started aaaaaaaa");
	p.fd = b->fds[DYNO_FD_OUT];
	assert_int_equal(poll(&p, 1, STEP_TIMEOUT_USEC / USEC_PER_MSEC), 1);
	disconnect(b);

	connect_both(b);
	expect(b, 3, "hello dyno7; adopt aaaaaaaa alive; ready");
	assert_true(b->fds[DYNO_FD_OUT] >= 0);
	host_client_kill(b->client, UUID_A, NULL, NULL, &e);
	expect(b, 1, "exit aaaaaaaa 137");
	read_all(b->fds[DYNO_FD_OUT], out, sizeof(out));
	assert_string_equal(out, "unread\n");
}

static void an_end_is_told_to_every_supervisor_until_removal(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "exit 3");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 3");
	for (int i = 0; i < 2; i++) {
		disconnect(b);
		connect_both(b);
		expect(b, 3, "hello dyno7; adopt aaaaaaaa ended; ready");
		assert_int_equal(b->exit.status, 3);
	}
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	expect(b, 1, "done");
	disconnect(b);
	connect_both(b);
	expect(b, 2, "hello dyno7; ready");
}

static void an_end_without_a_supervisor_is_told_to_the_next(void **state)
{
	struct bench *b = *state;

	connect_both(b);
	start(b, UUID_A, "sleep 0.1; exit 5");
	expect(b, 3, "hello dyno7; ready; started aaaaaaaa");
	disconnect(b);
	while (!dyno_table_get(&b->table, UUID_A)->ended)
		assert_true(sd_event_run(b->event, STEP_TIMEOUT_USEC) > 0);
	connect_both(b);
	expect(b, 3, "hello dyno7; adopt aaaaaaaa ended; ready");
	assert_int_equal(b->exit.status, 5);
}

static void closing_stdin_is_seen_by_the_dyno(void **state)
{
	struct bench *b = *state;
	char out[64];

	connect_both(b);
	start_env(b, UUID_A, "cat; echo end", DYNO_STDIO_PIPES, NULL);
	expect(b, 3, "hello dyno7; ready; started aaaaaaaa");
	assert_true(b->fds[DYNO_FD_ERR] >= 0);
	assert_int_equal(write(b->fds[DYNO_FD_IN], "in ", 3), 3);
	b->fds[DYNO_FD_IN] = fd_close(b->fds[DYNO_FD_IN]);
	expect(b, 1, "exit aaaaaaaa 0");
	read_all(b->fds[DYNO_FD_OUT], out, sizeof(out));
	assert_string_equal(out, "in end\n");
}

static void dynos_of_an_earlier_process_are_adopted(void **state)
{
	struct bench *b = *state;
	char *argv[] = { (char *)"/bin/sleep", (char *)"60", NULL };
	struct error e;

	fake_runtime_record(b->rt, UUID_A, argv, 0);
	assert_int_equal(dyno_table_adopt(&b->table, &e), 0);
	connect_both(b);
	expect(b, 3, "hello dyno7; adopt aaaaaaaa alive; ready");
	host_client_signal(b->client, UUID_A, SIGTERM, NULL, NULL, &e);
	expect(b, 1, "exit aaaaaaaa 143");
}

static void a_dyno_that_ended_unwatched_is_told_with_its_status(void **state)
{
	struct bench *b = *state;
	struct error e;

	fake_runtime_record(b->rt, UUID_A, NULL, 42);
	assert_int_equal(dyno_table_adopt(&b->table, &e), 0);
	connect_both(b);
	expect(b, 3, "hello dyno7; adopt aaaaaaaa ended; ready");
	assert_int_equal(b->exit.status, 42);
	assert_int_equal(b->fds[DYNO_FD_OUT], -1);
}

static void a_dyno_that_cannot_be_adopted_is_removed(void **state)
{
	struct bench *b = *state;
	char *argv[] = { (char *)"/bin/sleep", (char *)"60", NULL };
	struct error e;

	fake_runtime_record(b->rt, UUID_A, argv, 0);
	fake_runtime_failures(b->rt)->adopt = true;
	assert_int_equal(dyno_table_adopt(&b->table, &e), 0);
	assert_int_equal(fake_runtime_count(b->rt), 0);
	assert_non_null(strstr(b->told, "cannot adopt dyno " UUID_A));
}

static void what_cannot_be_adopted_nor_removed_is_kept_in_mind(void **state)
{
	struct bench *b = *state;
	struct error e;

	fake_runtime_record(b->rt, UUID_A, NULL, 0);
	fake_runtime_failures(b->rt)->adopt = true;
	fake_runtime_failures(b->rt)->remove = true;
	assert_int_equal(dyno_table_adopt(&b->table, &e), 0);
	assert_int_equal(removals_count(&b->table.removals), 1);
	connect_both(b);
	expect(b, 2, "hello dyno7; ready");
	start(b, UUID_A, "true");
	expect(b, 1, "not started: dyno " UUID_A " is on record already");
	fake_runtime_failures(b->rt)->remove = false;
	while (removals_count(&b->table.removals))
		sd_event_run(b->event, STEP_TIMEOUT_USEC);
	assert_int_equal(fake_runtime_count(b->rt), 0);
}

static void an_unknown_end_is_reported_as_a_kill(void **state)
{
	struct bench *b = *state;

	connect_both(b);
	fake_runtime_failures(b->rt)->exit = true;
	start(b, UUID_A, "true");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 137");
	assert_non_null(strstr(b->told, "cannot tell how"));
}

static void run_until_broken(struct bench *b)
{
	while (!b->broken[0])
		if (sd_event_run(b->event, STEP_TIMEOUT_USEC) <= 0)
			break;
}

static void a_malformed_message_breaks_the_connection(void **state)
{
	struct bench *b = *state;

	connect_server(b);
	assert_int_equal(send(b->client_fd, "rubbish!rubbish!", 16, 0), 16);
	run_until_broken(b);
	assert_non_null(strstr(b->broken, "unknown type"));
}

static void a_message_of_dynods_own_kind_breaks_the_connection(void **state)
{
	struct bench *b = *state;
	const struct host_message head = { .type = HOST_READY };

	connect_server(b);
	assert_true(send(b->client_fd, &head, sizeof(head), 0) > 0);
	run_until_broken(b);
	assert_non_null(strstr(b->broken, "wrong side"));
}

static void the_peers_end_breaks_the_connection(void **state)
{
	struct bench *b = *state;

	connect_server(b);
	b->client_fd = fd_close(b->client_fd);
	run_until_broken(b);
	assert_true(b->broken[0]);
}

static void the_client_learns_once_that_dynod_is_gone(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	expect(b, 2, "hello dyno7; ready");
	host_client_kill(b->client, UUID_A, on_done, b, &e);
	b->server = host_server_free(b->server);
	expect(b, 1, "lost");
	sd_event_run(b->event, 0);
	assert_int_equal(b->seen, 0);
	assert_int_equal(host_client_kill(b->client, UUID_A, on_done, b, &e),
			 -EPIPE);
}

static void another_version_of_dynod_is_refused(void **state)
{
	struct bench *b = *state;
	struct host_message head = { .type = HOST_HELLO,
				     .version = HOST_VERSION + 1 };
	int fds[2];
	struct error e;

	assert_int_equal(host_link_pair(fds, &e), 0);
	assert_int_equal(host_client_new(&b->client, b->event, fds[1],
					 &client_ops, b, &e), 0);
	assert_true(send(fds[0], &head, 8, 0) == 8);
	expect(b, 1, "lost");
	fd_close(fds[0]);
}

/* A supervisor that does not read for a while. */
static void nothing_is_lost_while_the_socket_is_full(void **state)
{
	struct bench *b = *state;
	const int n = 2000;
	struct dyno_entry *entry;
	struct error e;

	connect_both(b);
	start(b, UUID_A, "true");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 0");
	entry = dyno_table_get(&b->table, UUID_A);
	for (int i = 0; i < n; i++) {
		entry->exit.status = i % 256;
		host_server_exit(b->server, entry);
	}
	host_client_remove(b->client, UUID_A, on_done, b, &e);
	while (b->seen < (unsigned)n + 1)
		assert_true(sd_event_run(b->event, STEP_TIMEOUT_USEC) > 0);
	assert_int_equal(b->broken[0], 0);
	assert_int_equal(b->exit.status, (n - 1) % 256);
	assert_string_equal(buf_str(&b->log) + b->log.len - 6, "; done");
}

static void descriptors_survive_in_the_queue(void **state)
{
	struct bench *b = *state;
	struct dyno_entry *entry;
	char out[64];
	struct error e;

	connect_both(b);
	start(b, UUID_A, "true");
	expect(b, 4, "hello dyno7; ready; started aaaaaaaa; exit aaaaaaaa 0");
	entry = dyno_table_get(&b->table, UUID_A);
	start_env(b, UUID_B, "cat", DYNO_STDIO_PIPES, NULL);
	for (int i = 0; i < 2000; i++)
		host_server_exit(b->server, entry);
	/* The start is served now, behind a full socket. */
	while (b->seen < 2001)
		assert_true(sd_event_run(b->event, STEP_TIMEOUT_USEC) > 0);
	assert_int_equal(write(b->fds[DYNO_FD_IN], "through", 7), 7);
	b->fds[DYNO_FD_IN] = fd_close(b->fds[DYNO_FD_IN]);
	read_all(b->fds[DYNO_FD_OUT], out, sizeof(out));
	assert_string_equal(out, "through");
	host_client_kill(b->client, UUID_B, NULL, NULL, &e);
}

static void a_supervisor_that_never_reads_is_cut_off(void **state)
{
	struct bench *b = *state;
	struct dyno_entry *entry;
	struct error e;

	fake_runtime_record(b->rt, UUID_A, NULL, 1);
	assert_int_equal(dyno_table_adopt(&b->table, &e), 0);
	connect_server(b);
	entry = dyno_table_get(&b->table, UUID_A);
	for (int i = 0; i < 1000000 && !b->broken[0]; i++)
		host_server_exit(b->server, entry);
	assert_non_null(strstr(b->broken, "does not read"));
}

static void usage_is_told_on_request_and_when_the_kernel_kills(void **state)
{
	struct bench *b = *state;
	struct error e;

	connect_both(b);
	start_env(b, UUID_A, "cat", DYNO_STDIO_PIPES, NULL);
	expect(b, 3, "hello dyno7; ready; started aaaaaaaa");
	fake_runtime_usage(b->rt)->rss = 4711;
	host_client_usage(b->client, UUID_A, on_used, b, &e);
	host_client_usage(b->client, UUID_B, on_used, b, &e);
	expect(b, 2, "used 4711; not used: no dyno " UUID_B " on record");
	fake_runtime_kill_in(dyno_table_get(&b->table, UUID_A)->dyno);
	expect(b, 1, "memory aaaaaaaa 4711");
	host_client_kill(b->client, UUID_A, NULL, NULL, &e);
	expect(b, 1, "exit aaaaaaaa 137");
	host_client_usage(b->client, UUID_A, on_used, b, &e);
	expect(b, 1, "not used: dyno " UUID_A " has ended");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_supervisor_hears_hello_and_ready),
		T(a_dyno_is_started_ends_and_is_removed),
		T(the_environment_arrives_unread),
		T(a_failed_start_is_told_and_leaves_nothing),
		T(a_lease_arrives_as_it_was_sent),
		T(a_lease_that_is_none_is_refused),
		T(the_same_uuid_starts_only_once),
		T(more_dynos_than_allowed_are_refused),
		T(signals_and_kills_reach_the_dyno),
		T(usage_is_told_on_request_and_when_the_kernel_kills),
		T(a_signal_to_an_ended_dyno_is_no_error_but_one_to_nobody_is),
		T(a_living_dyno_is_not_removed),
		T(a_stuck_removal_is_told_and_can_be_asked_again),
		T(a_removal_is_tried_until_the_last_process_has_died),
		T(the_next_supervisor_gets_no_answer_to_what_the_last_one_asked),
		T(the_next_supervisor_gets_every_dyno_and_its_output),
		T(an_end_is_told_to_every_supervisor_until_removal),
		T(an_end_without_a_supervisor_is_told_to_the_next),
		T(closing_stdin_is_seen_by_the_dyno),
		T(dynos_of_an_earlier_process_are_adopted),
		T(a_dyno_that_ended_unwatched_is_told_with_its_status),
		T(a_dyno_that_cannot_be_adopted_is_removed),
		T(what_cannot_be_adopted_nor_removed_is_kept_in_mind),
		T(an_unknown_end_is_reported_as_a_kill),
		T(a_malformed_message_breaks_the_connection),
		T(a_message_of_dynods_own_kind_breaks_the_connection),
		T(the_peers_end_breaks_the_connection),
		T(the_client_learns_once_that_dynod_is_gone),
		T(another_version_of_dynod_is_refused),
		T(nothing_is_lost_while_the_socket_is_full),
		T(descriptors_survive_in_the_queue),
		T(a_supervisor_that_never_reads_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
