/*
 * fake-supervisor - a supervisor for the tests of dynod: started by dynod as
 * the real one, it obeys lines from a FIFO and writes down what it is told.
 * Both, "commands" and "events", are in ROOT/run/dyno/supervisor.
 *
 *	start UUID log|pipes|pty SCRIPT		signal UUID NUMBER
 *	kill UUID	remove UUID		in UUID TEXT	eof UUID
 *	garbage			send bytes that are no message
 */
#include "base/base.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/map.h"
#include "manager/protocol/host_client.h"
#include "manager/protocol/host_proto.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct sup {
	sd_event *event;
	struct host_client *client;
	FILE *events;
	struct map inputs;		/* uuid -> descriptor + 1 */
};

struct output {
	struct sup *sup;
	char *uuid;
};

/* ---- what dynod tells ---- */

static int on_output(sd_event_source *src, int fd, uint32_t events, void *userdata)
{
	struct output *o = userdata;
	char text[4097], *rest = text, *line;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (*line)
			fprintf(o->sup->events, "out %s %s\n", o->uuid, line);
	if (n <= 0) {
		fprintf(o->sup->events, "eof %s\n", o->uuid);
		sd_event_source_disable_unref(src);
		close(fd);
	}
	return 0;
}

static void watch(struct sup *s, struct host_dyno *d)
{
	struct output *o;

	if (d->fds[DYNO_FD_IN] >= 0)
		map_set(&s->inputs, d->uuid,
			(void *)(intptr_t)(take_fd(d->fds[DYNO_FD_IN]) + 1));
	if (d->fds[DYNO_FD_OUT] < 0)
		return;
	o = xcalloc(1, sizeof(*o));
	o->sup = s;
	o->uuid = xstrdup(d->uuid);
	fcntl(d->fds[DYNO_FD_OUT], F_SETFL, O_NONBLOCK);
	sd_event_add_io(s->event, &(sd_event_source *){ NULL },
			take_fd(d->fds[DYNO_FD_OUT]), 1, on_output, o);
}

static void on_hello(const char *prefix, void *userdata)
{
	struct sup *s = userdata;

	fprintf(s->events, "hello %s %d\n", prefix, (int)getpid());
}

static void on_adopt(struct host_dyno *d, void *userdata)
{
	struct sup *s = userdata;

	fprintf(s->events, "adopt %s %s %d\n", d->uuid,
		d->alive ? "alive" : "ended",
		d->alive ? (int)d->pid : d->exit.status);
	watch(s, d);
}

static void on_ready(void *userdata)
{
	struct sup *s = userdata;

	fputs("ready\n", s->events);
}

static void on_exit_told(const char *uuid, const struct dyno_exit *ex,
			 void *userdata)
{
	struct sup *s = userdata;

	fprintf(s->events, "exit %s %d\n", uuid, ex->status);
}

static void on_memory(const char *uuid, const struct dyno_usage *usage, void *userdata)
{
	printf("memory %s %llu\n", uuid, (unsigned long long)usage->oom_kills);
}

static void on_lost(const char *why, void *userdata)
{
	struct sup *s = userdata;

	fprintf(s->events, "lost %s\n", why);
	sd_event_exit(s->event, 1);
}

static void on_started(int r, const char *message, struct host_dyno *d,
		       void *userdata)
{
	struct sup *s = userdata;

	if (r < 0) {
		fprintf(s->events, "failed %s\n", message);
		return;
	}
	fprintf(s->events, "started %s %d\n", d->uuid, (int)d->pid);
	watch(s, d);
}

static void on_done(int r, const char *message, void *userdata)
{
	struct sup *s = userdata;

	fprintf(s->events, r < 0 ? "failed %s\n" : "done%s\n", message);
}

/* ---- what the test says ---- */

static int sup_start(struct sup *s, const char *uuid, char *rest, struct error *e)
{
	static const char *const kinds[] = { "log", "pipes", "pty" };
	static char *const envp[] = {
		(char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"HOME=/app",
		NULL,
	};
	char *kind = strsep(&rest, " ");
	char *argv[] = { (char *)"/bin/bash", (char *)"-c", rest, NULL };
	struct dyno_spec spec = {
		.uuid = uuid, .hostname = uuid, .argv = argv, .envp = envp,
		.limits = {
			.memory = 256 << 20, .memory_swap = 512 << 20,
			.tmpfs = 64 << 20, .inodes = 10000, .pids = 64,
			.cpu_shares = 1024, .cpus = 1, .files = 1024,
		},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(kind, kinds[i]))
			spec.stdio = (enum dyno_stdio)i;
	return host_client_start(s->client, &spec, on_started, s, e);
}

static int sup_obey(struct sup *s, char *line, struct error *e)
{
	char *verb = strsep(&line, " "), *uuid = strsep(&line, " ");
	int in;

	if (str_eq(verb, "garbage"))
		return send(HOST_FD, "garbage!", 8, 0) < 0 ? error_sys(e, "send")
							    : 0;
	if (str_eq(verb, "start"))
		return sup_start(s, uuid, line, e);
	if (str_eq(verb, "signal"))
		return host_client_signal(s->client, uuid, atoi(line), on_done, s,
					  e);
	if (str_eq(verb, "kill"))
		return host_client_kill(s->client, uuid, on_done, s, e);
	if (str_eq(verb, "remove"))
		return host_client_remove(s->client, uuid, on_done, s, e);

	in = (int)(intptr_t)map_get(&s->inputs, uuid) - 1;
	if (str_eq(verb, "in"))
		return dprintf(in, "%s\n", line) < 0 ? error_sys(e, "write") : 0;
	if (str_eq(verb, "eof"))
		return close(in) < 0 ? error_sys(e, "close") : 0;
	return error_set(e, EINVAL, "unknown command");
}

static int on_command(sd_event_source *src, int fd, uint32_t events,
		      void *userdata)
{
	struct sup *s = userdata;
	char text[4097], *rest = text, *line;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	struct error e;

	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n")) && rest)
		if (sup_obey(s, line, &e) < 0)
			fprintf(s->events, "error %s\n", e.msg);
	return 0;
}

static int sup_open(struct sup *s, const char *root, struct error *e)
{
	auto_free char *commands = xasprintf("%s/run/dyno/supervisor/commands",
					     root);
	auto_free char *events = xasprintf("%s/run/dyno/supervisor/events", root);
	int fd;

	s->events = fopen(events, "ae");
	if (!s->events)
		return error_sys(e, "open %s", events);
	setvbuf(s->events, NULL, _IOLBF, 0);
	if (mkfifo(commands, 0600) < 0 && errno != EEXIST)
		return error_sys(e, "make %s", commands);
	fd = open(commands, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "open %s", commands);
	return sd_event_add_io(s->event, NULL, fd, 1, on_command, s);
}

int main(int argc, char **argv)
{
	static const struct host_client_ops ops = {
		.on_hello = on_hello, .on_adopt = on_adopt, .on_ready = on_ready,
		.on_exit = on_exit_told, .on_memory = on_memory, .on_lost = on_lost,
	};
	struct sup s = { .inputs = MAP_INIT };
	struct error e;
	int r;

	if (argc != 3 || !str_eq(argv[1], "--root"))
		return 2;
	r = loop_new(&s.event, &e);
	if (r >= 0)
		r = sup_open(&s, argv[2], &e);
	if (r >= 0)
		r = host_client_new(&s.client, s.event, HOST_FD, &ops, &s, &e);
	if (r >= 0)
		r = loop_run(s.event, &e);
	return r < 0;
}
