/*
 * start.c - the way up of a dyno, from spec to running command.
 *
 * Order: what can be refused without a trace; slot and address; the record;
 * cgroup, layers and plan; clone; "go"; pid on record, limits and network while
 * the child builds its root; "go" again. From the record on, remove_dyno() undoes
 * all. Until it is executed the child dies with us, so that its pid need not be
 * on record before the second "go".
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/process.h"
#include "runtime/instance.h"
#include "runtime/plan_dyno.h"
#include "runtime/record.h"
#include "runtime/spawn.h"
#include "runtime/start_layers.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#define START_TRACE_SIZE (PLAN_STAGE_COUNT * sizeof(uint64_t))

struct start {
	struct runtime *rt;
	const struct dyno_spec *spec;	/* in the first half; then NULL */
	struct record rec;
	struct cgroup cgroup;
	struct plan plan;
	struct spawn spawn;
	struct child_fds fds;		/* for the child; owned, but for the lease */
	struct buf net;
	unsigned net_acks;
	bool recorded;			/* remove_dyno() has to undo it */
	struct start_layers layers;
	int in_fd;			/* the caller's end of stdin */
	uint64_t *child_trace;		/* shared with the child */
	uint32_t trace[DYNO_TRACE_COUNT];
	uint64_t since;
	int master_fd;
};

static void start_deinit(struct start *s)
{
	int *fds[] = { &s->fds.exit, &s->fds.in, &s->fds.out, &s->fds.hold_out,
		       &s->fds.stage, &s->master_fd, &s->in_fd };

	if (s->fds.err != s->fds.out)
		s->fds.err = fd_close(s->fds.err);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		*fds[i] = fd_close(*fds[i]);
	s->fds.hold_err = fd_close(s->fds.hold_err);
	start_layers_deinit(&s->layers);
	cgroup_deinit(&s->cgroup);
	plan_deinit(&s->plan);
	buf_deinit(&s->net);
	if (s->child_trace)
		munmap(s->child_trace, START_TRACE_SIZE);
}

/* ---- what it takes ---- */

static uint64_t start_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* The time since the last call belongs to this stage. */
static void start_trace(struct start *s, enum dyno_trace_stage stage)
{
	uint64_t now = start_now();

	if (s->since)
		s->trace[stage] += (uint32_t)((now - s->since) / 1000);
	s->since = now;
}

/* No trace is no failure. */
static void start_share_trace(struct start *s)
{
	void *p = mmap(NULL, START_TRACE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED)
		s->child_trace = s->fds.trace = p;
}

static void start_collect_trace(struct start *s)
{
	for (size_t i = 0; s->child_trace && i < PLAN_STAGE_COUNT; i++)
		s->trace[DYNO_TRACE_CHILD + i] =
			(uint32_t)(s->child_trace[i] / 1000);
}

/* A test can make any step of the parent fail. */
static int start_step(struct start *s, enum dyno_trace_stage stage, int r,
		      struct error *e)
{
	start_trace(s, stage);
	if (r == 0 && fault_call("start %u", stage))
		return error_sys(e, "a step of a start");
	if (r == 0 && s->rt->fault_step == (int)stage)
		return error_set(e, EIO, "a test makes this step fail");
	return r;
}

static int start_open_layers(struct start *s, struct error *e)
{
	s->layers.rt = s->rt;
	s->layers.spec = s->spec;
	s->layers.slot = s->rec.slot;
	return start_layers_open(&s->layers, e);
}

/* ---- streams ---- */

/* The app owns its pipes, else it could not open /dev/stdout. */
static int start_pipe(const struct start *s, int *ret_read, int *ret_write,
		      struct error *e)
{
	uid_t app = idmap_id(&s->rt->idmap, s->rec.slot) + PLAN_APP_ID;
	gid_t group = app;
	int p[2];

	if (s->layers.shared) {
		app = s->rt->slug_uid;
		group = s->rt->slug_gid;
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	*ret_read = p[0];
	*ret_write = p[1];
	if (fchown(p[0], app, group) < 0)
		return error_sys(e, "give a pipe to the app");
	return 0;
}

/* in: the end that the caller writes to. Our read ends stay with dyno-init as
 * well; the caller gets copies at the end. */
static int start_streams(struct start *s, int *ret_in, struct error *e)
{
	int r;

	if (s->spec->stdio == DYNO_STDIO_PTY)
		return 0;
	r = start_pipe(s, &s->fds.hold_out, &s->fds.out, e);
	if (r < 0)
		return r;
	if (s->spec->stdio == DYNO_STDIO_LOG) {
		s->fds.err = s->fds.out;
		return 0;
	}
	r = start_pipe(s, &s->fds.hold_err, &s->fds.err, e);
	return r < 0 ? r : start_pipe(s, &s->fds.in, ret_in, e);
}

/* ---- plan ---- */

static int start_plan(struct start *s, struct error *e)
{
	struct runtime *rt = s->rt;
	cpu_set_t cpus;
	struct plan_dyno in = {
		.spec = s->spec,
		.slot = s->rec.slot,
		.first_id = idmap_id(&rt->idmap, s->rec.slot),
		.shared_id = s->layers.shared ? rt->slug_uid : 0,
		.shared_gid = s->layers.shared ? rt->slug_gid : 0,
		.cgroup = &s->cgroup,
		.by_host = rt->by_host,
		.address = s->rec.address,
		.dns = network_dns(rt->network),
		.host_resolv = "",
		.cpus = &cpus,
		.filter = &rt->filter,
		.wall = rt->has_wall ? &rt->wall : NULL,
	};

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ||
	    getrlimit(RLIMIT_NOFILE, &in.max_files) < 0 ||
	    getrlimit(RLIMIT_NPROC, &in.max_procs) < 0)
		return error_sys(e, "read the daemon's own limits");
	memcpy(in.trees, s->layers.trees, sizeof(in.trees));
	network_inside(rt->network, s->rec.address, &s->net, &s->net_acks);
	in.net = s->net.data;
	in.net_len = s->net.len;
	in.net_acks = s->net_acks;
	plan_dyno_build(&s->plan, &in);
	s->plan.fault = rt->fault;
	return 0;
}

/* ---- clone ---- */

/* A daemon is better protected from the OOM killer than its dynos. Refused
 * without CAP_SYS_RESOURCE, and of no consequence then. */
static void start_oom_score(pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/oom_score_adj", (int)pid);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) < 0)
		return;
}

static int start_record_pid(struct start *s, struct error *e)
{
	int r = process_start_time(s->spawn.pid, &s->rec.start_ticks, e);

	if (r < 0)
		return r;
	s->rec.pid = s->spawn.pid;
	return record_update(s->rt->dynos_fd, &s->rec, e);
}

static const enum network_egress start_egress[DYNO_EGRESS_COUNT] = {
	[DYNO_EGRESS_INTERNET] = NETWORK_EGRESS_INTERNET,
	[DYNO_EGRESS_ALLOWED] = NETWORK_EGRESS_ALLOWED,
	[DYNO_EGRESS_NONE] = NETWORK_EGRESS_NONE,
};

/* What the parent does for a child that waits for it. */
static int start_serve(struct start *s, struct error *e)
{
	struct runtime *rt = s->rt;
	int r = spawn_go(&s->spawn, e);

	if (r == 0)
		r = start_step(s, DYNO_TRACE_RECORD, start_record_pid(s, e), e);
	start_oom_score(s->spawn.pid);
	if (r == 0)
		r = start_step(s, DYNO_TRACE_LIMITS,
			       cgroup_limit(rt->cgroups, s->rec.uuid,
					    &s->spec->limits, e), e);
	if (r == 0)
		r = fault_call("network attach") ? error_sys(e, "network") :
			network_attach(rt->network, s->rec.uuid, s->spawn.pid,
				   s->rec.address,
				   start_egress[s->spec->egress], e);
	r = start_step(s, DYNO_TRACE_LINK, r, e);
	if (r == 0)
		return spawn_go(&s->spawn, e);
	/* Nothing can be done for a dead child; why it died is in its report. */
	if (!spawn_has_report(&s->spawn))
		return r;
	r = spawn_wait(&s->spawn, &s->plan, &s->master_fd, e);
	return r < 0 ? r : error_set(e, EPROTO, "the child went on by itself");
}

static int start_clone(struct start *s, struct error *e)
{
	int r;

	s->fds.exec = s->rt->init_fd;
	s->fds.lease = s->spec->slug ? s->spec->lease_fd : -1;
	start_share_trace(s);
	r = s->plan.by_host ? spawn_layers(&s->plan, &s->fds, e) : 0;
	if (r == 0)
		r = spawn_clone(&s->spawn, &s->plan, &s->fds, e);
	return start_step(s, DYNO_TRACE_CLONE, r, e);
}

/* ---- all of it ---- */

static struct dyno *start_handle(struct start *s)
{
	struct dyno *d = dyno_new(s->rec.uuid, s->rec.stdio);

	d->pid = s->spawn.pid;
	d->pidfd = take_fd(s->spawn.pid_fd);
	d->address = s->rec.address;
	d->started_usec = s->rec.started_usec;
	d->fds[DYNO_FD_IN] = take_fd(s->in_fd);
	d->fds[DYNO_FD_ERR] = take_fd(s->fds.hold_err);
	d->fds[DYNO_FD_OUT] = s->rec.stdio == DYNO_STDIO_PTY
		? take_fd(s->master_fd) : take_fd(s->fds.hold_out);
	start_collect_trace(s);
	memcpy(d->trace, s->trace, sizeof(d->trace));
	return d;
}

static int start_recorded(struct start *s, struct error *e)
{
	int r = cgroup_create(s->rt->cgroups, s->spec->uuid, NULL, &s->cgroup, e);

	r = start_step(s, DYNO_TRACE_CGROUP, r, e);
	if (r == 0)
		r = start_step(s, DYNO_TRACE_LAYERS, start_open_layers(s, e), e);
	if (r == 0)
		r = start_streams(s, &s->in_fd, e);
	if (r == 0)
		r = start_step(s, DYNO_TRACE_PLAN, start_plan(s, e), e);
	if (r == 0)
		r = start_clone(s, e);
	if (r == 0)
		r = start_serve(s, e);
	s->spec = NULL;
	s->fds.lease = -1;
	return r;
}

/* Slot and address, and the record that says so. */
static int start_claim(struct start *s, struct error *e)
{
	struct runtime *rt = s->rt;
	int r = idmap_take(&rt->idmap, &s->rec.slot, e);

	fault_point("start claim");
	if (r < 0)
		return r;
	r = network_reserve(rt->network, &s->rec.address, e);
	if (r == 0) {
		r = record_create(rt->dynos_fd, &s->rec, &s->fds.exit, e);
		if (r < 0)
			network_release(rt->network, s->rec.address);
	}
	if (r < 0)
		idmap_release(&rt->idmap, s->rec.slot);
	return r;
}

struct start *start_free(struct start *s)
{
	spawn_abandon(&s->spawn);
	if (s->recorded)
		remove_dyno(s->rt, s->rec.uuid, NULL);
	start_deinit(s);
	free(s);
	return NULL;
}

int start_begin(struct runtime *rt, const struct dyno_spec *spec,
		struct start **ret, struct error *e)
{
	struct start *s;
	int r = plan_dyno_check(spec, e);

	if (r < 0)
		return r;
	s = xcalloc(1, sizeof(*s));
	*s = (struct start){
		.rt = rt, .spec = spec, .spawn = SPAWN_INIT, .net = BUF_INIT,
		.cgroup = CGROUP_INIT, .fds = CHILD_FDS_INIT,
		.layers.trees = { -1, -1, -1 }, .master_fd = -1, .in_fd = -1,
	};
	memcpy(s->rec.uuid, spec->uuid, sizeof(s->rec.uuid));
	s->rec.stdio = spec->stdio;
	s->rec.started_usec = clock_real_usec();
	start_trace(s, DYNO_TRACE_RECORD);
	r = start_claim(s, e);
	s->recorded = r == 0;
	r = start_step(s, DYNO_TRACE_RECORD, r, e);
	if (r == 0)
		r = start_recorded(s, e);
	if (r < 0) {
		start_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int start_fd(const struct start *s)
{
	return s->spawn.report_fd;
}

int start_finish(struct start *s, struct dyno **ret, struct error *e)
{
	int r = spawn_wait(&s->spawn, &s->plan, &s->master_fd, e);

	r = start_step(s, DYNO_TRACE_CHILD_WAIT, r, e);
	if (r == 0) {
		*ret = start_handle(s);
		fault_point("started");
		s->recorded = false;	/* the caller's from now on */
	}
	start_free(s);
	return r;
}
