/*
 * dynorun_events.c - what a container uses, again and again, and when it ran out
 * of memory: one JSON object a line, until it ends.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/clock.h"
#include "base/error.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/cgroup/cgroup_usage.h"
#include "runtime/oci/container.h"
#include "runtime/dynorun/dynorun_format.h"
#include "runtime/dynorun/dynorun_stats.h"

#include <poll.h>

#define EVENTS_USEC (5 * USEC_PER_SEC)

struct events_options {
	const char *interval;
	bool stats;
};

static const struct dynorun_option events_options[] = {
	{ "interval", 0, OPTION_TEXT, offsetof(struct events_options, interval),
	  "DURATION", "time between two lines: 5s, 100ms, 1m30s" },
	{ "stats", 0, OPTION_FLAG, offsetof(struct events_options, stats), NULL,
	  "print one line and end" },
};

/* "1m30s", as Go writes it; a bare number is seconds. False: it is none. */
static bool events_duration(const char *text, uint64_t *ret_usec)
{
	static const struct {
		const char *name;
		double usec;
	} units[] = {
		{ "ms", 1e3 }, { "us", 1 }, { "h", 3600e6 }, { "m", 60e6 },
		{ "s", 1e6 }, { "", 1e6 },
	};
	double sum = 0;
	char *end;

	do {
		double x = strtod(text, &end);
		size_t i, len = strcspn(end, "0123456789");

		if (end == text || x < 0 || x > 1e9)
			return false;
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].name) == len &&
			    strncmp(units[i].name, end, len) == 0)
				break;
		if (i == ARRAY_SIZE(units))
			return false;
		sum += x * units[i].usec;
		text = end + len;
	} while (*text);
	*ret_usec = (uint64_t)sum;
	return sum >= 1000;
}

static void events_print(const char *type, const char *id, json_t *data)
{
	json_t *o = json_object();

	json_object_set_new(o, "type", json_string(type));
	json_object_set_new(o, "id", json_string(id));
	if (data)
		json_object_set_new(o, "data", data);
	dynorun_format_print(o);
	json_decref(o);
}

static int events_stats(const struct container *c, const struct cgroup_group *g,
			struct error *e)
{
	auto_(cgroup_usage_free_p) struct cgroup_usage *u = NULL;
	int r = cgroup_group_usage(g, &u, e);

	if (r == 0)
		events_print("stats", c->id, dynorun_stats(u));
	return r;
}

static int events_oom(const struct container *c, struct cgroup_oom *oom,
		      struct error *e)
{
	uint64_t kills = 0;
	int r = cgroup_oom_read(oom, &kills, e);

	if (r == 0 && kills > 0)
		events_print("oom", c->id, NULL);
	return r;
}

/* The end of the container, however it comes, is the end of this and no error:
 * its group can be gone at any moment. */
static int events_follow(const struct container *c, const struct cgroup_group *g,
			 uint64_t interval, struct cgroup_oom *oom, int pid_fd,
			 struct error *e)
{
	uint64_t next = clock_mono_usec() + interval;
	int r = events_stats(c, g, e);

	while (r == 0) {
		struct pollfd p[2] = {
			{ .fd = pid_fd, .events = POLLIN },
			{ .fd = oom->fd, .events = POLLIN },
		};
		uint64_t now = clock_mono_usec();
		uint64_t left = now < next ? (next - now) / 1000 + 1 : 0;

		if (poll(p, 2, left < 60000 ? (int)left : 60000) < 0)
			continue;
		if (p[1].revents && events_oom(c, oom, e) != 0)
			oom->fd = fd_close(oom->fd);
		if (p[0].revents || !cgroup_group_exists(g))
			return 0;
		if (clock_mono_usec() >= next) {
			r = events_stats(c, g, e);
			next += interval;
		}
	}
	return cgroup_group_exists(g) ? r : 0;
}

static int events_run(struct dynorun *d, void *options, int argc, char **argv,
		      struct error *e)
{
	const struct events_options *o = options;
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;
	auto_(cgroup_oom_deinit) struct cgroup_oom oom = CGROUP_OOM_INIT;
	auto_close int pid_fd = -1;
	uint64_t interval = EVENTS_USEC;
	int r;

	if (o->interval && !events_duration(o->interval, &interval))
		return error_set(e, EINVAL, "--interval: \"%s\" is no duration of a "
				 "millisecond or more", o->interval);
	r = container_read(&c, d->root, argv[0], e);
	if (r < 0)
		return r;
	pid_fd = dynorun_delete_pidfd(&c);
	if (pid_fd < 0)
		return error_set(e, ESRCH, "container %s is not running", c.id);
	if (!c.cgroup)
		return error_set(e, ENOTSUP, "container %s has no cgroup", c.id);
	r = cgroup_group_open(&g, c.cgroup, e);
	if (r < 0 || o->stats)
		return r < 0 ? r : events_stats(&c, g, e);
	r = cgroup_group_oom(g, &oom, e);
	return r < 0 ? r : events_follow(&c, g, interval, &oom, pid_fd, e);
}

const struct dynorun_verb dynorun_verb_events = {
	.name = "events", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "print what a container uses, and when it ran out of memory",
	.options = events_options, .n_options = ARRAY_SIZE(events_options),
	.size = sizeof(struct events_options),
	.fn = events_run,
};
