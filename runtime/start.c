/*
 * start.c - the way up of a dyno, from spec to running command.
 *
 * Order: what can be refused without a trace; slot and address; the record;
 * cgroup, layers and plan; clone; pid on record; "go"; network while the child
 * builds its root; "go" again. From the record on, remove_dyno() undoes all.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "runtime/instance.h"
#include "runtime/plan_dyno.h"
#include "runtime/record.h"
#include "runtime/spawn.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

struct start {
	struct runtime *rt;
	const struct dyno_spec *spec;
	struct record rec;
	struct cgroup cgroup;
	struct plan plan;
	struct spawn spawn;
	struct child_fds fds;		/* for the child; owned */
	struct buf net;
	unsigned net_acks;
	bool shared;			/* slug files keep the store's owner */
	int trees[PLAN_TREE_COUNT];	/* detached mounts */
	int master_fd;
};

static void start_deinit(struct start *s)
{
	int *fds[] = { &s->fds.exit, &s->fds.in, &s->fds.out, &s->fds.hold_out,
		       &s->fds.stage, &s->master_fd };

	if (s->fds.err != s->fds.out)
		s->fds.err = fd_close(s->fds.err);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		*fds[i] = fd_close(*fds[i]);
	s->fds.hold_err = fd_close(s->fds.hold_err);
	for (size_t i = 0; i < PLAN_TREE_COUNT; i++)
		s->trees[i] = fd_close(s->trees[i]);
	cgroup_deinit(&s->cgroup);
	plan_deinit(&s->plan);
	buf_deinit(&s->net);
}

/* ---- layers ---- */

/* The slug store belongs to the service user: nothing in it is followed. */
static int start_open_slug(struct start *s, int *ret_fd, struct error *e)
{
	auto_free char *name = xasprintf("trees/%s", s->spec->slug);
	auto_close int dir = open(s->rt->slug_dir,
				  O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (dir < 0)
		return error_sys(e, "open %s", s->rt->slug_dir);
	fd = file_open_beneath(dir, name, O_PATH | O_DIRECTORY, 0, e);
	if (fd == -ENOENT)
		return error_set(e, ENOENT, "slug %s is not unpacked", s->spec->slug);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "look at slug %s", s->spec->slug);
	if (st.st_uid != s->rt->slug_uid)
		return error_set(e, EPERM, "slug %s belongs to user %u",
				 s->spec->slug, (unsigned)st.st_uid);
	*ret_fd = take_fd(fd);
	return 0;
}

/* Without idmapped mounts the app becomes the store's user, so that its files
 * are its own; everything else of the isolation stays. */
static int start_share(struct start *s, int dir_fd, struct error *e)
{
	struct runtime *rt = s->rt;

	if (rt->slug_uid == 0 || rt->slug_gid == 0)
		return error_set(e, EOPNOTSUPP, "the file system of the slugs has no "
				 "idmapped mounts, and they belong to root");
	s->shared = true;
	if (!rt->told_shared && rt->tell)
		rt->tell("the file system of the slugs has no idmapped mounts: "
			 "apps run with the user id of the slug store", rt->tell_data);
	rt->told_shared = true;
	return idmap_tree_plain(dir_fd, &s->trees[PLAN_TREE_SLUG], e);
}

static int start_slug(struct start *s, struct error *e)
{
	auto_close int fd = -1;
	int r;

	if (!s->spec->slug)
		return 0;
	r = start_open_slug(s, &fd, e);
	if (r < 0)
		return r;
	r = idmap_tree_slug(&s->rt->idmap, s->rec.slot, fd, s->rt->slug_uid,
			    s->rt->slug_gid, PLAN_APP_ID,
			    &s->trees[PLAN_TREE_SLUG], e);
	return r == IDMAP_REFUSED ? start_share(s, fd, e) : r;
}

/* Files of the image that stay root's look like nobody's in the dyno: still
 * readable, so this is no more than a remark. */
static int start_image(struct start *s, const char *path, enum plan_tree tree,
		       struct error *e)
{
	auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct runtime *rt = s->rt;
	int r;

	if (fd < 0)
		return error_sys(e, "open %s", path);
	r = idmap_tree_image(&rt->idmap, s->rec.slot, fd, &s->trees[tree], e);
	if (r != IDMAP_REFUSED)
		return r;
	if (!rt->told_plain && rt->tell)
		rt->tell("the file system of the stack has no idmapped mounts: "
			 "its files belong to nobody in dynos", rt->tell_data);
	rt->told_plain = true;
	return idmap_tree_plain(fd, &s->trees[tree], e);
}

static int start_layers(struct start *s, struct error *e)
{
	const struct stack *stack = &s->rt->stack;
	int r = start_slug(s, e);

	if (r == 0)
		r = start_image(s, stack->lower, PLAN_TREE_STACK, e);
	if (r == 0 && stack->usr)
		r = start_image(s, stack->usr, PLAN_TREE_USR, e);
	return r;
}

/* ---- streams ---- */

/* The app owns its pipes, else it could not open /dev/stdout. */
static int start_pipe(const struct start *s, int *ret_read, int *ret_write,
		      struct error *e)
{
	uid_t app = idmap_id(&s->rt->idmap, s->rec.slot) + PLAN_APP_ID;
	gid_t group = app;
	int p[2];

	if (s->shared) {
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
		.shared_id = s->shared ? rt->slug_uid : 0,
		.shared_gid = s->shared ? rt->slug_gid : 0,
		.cgroup = &s->cgroup,
		.by_host = rt->by_host,
		.address = s->rec.address,
		.dns = network_dns(rt->network),
		.host_resolv = "",
		.cpus = &cpus,
		.filter = &rt->filter,
	};

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ||
	    getrlimit(RLIMIT_NOFILE, &in.max_files) < 0 ||
	    getrlimit(RLIMIT_NPROC, &in.max_procs) < 0)
		return error_sys(e, "read the daemon's own limits");
	memcpy(in.trees, s->trees, sizeof(in.trees));
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

/* What the parent does for a child that waits for it. */
static int start_serve(struct start *s, struct error *e)
{
	struct runtime *rt = s->rt;
	int r = start_record_pid(s, e);

	if (r < 0)
		return r;
	start_oom_score(s->spawn.pid);
	r = spawn_go(&s->spawn, e);
	if (r == 0)
		r = network_attach(rt->network, s->spec->uuid, s->spawn.pid,
				   s->rec.address, NETWORK_EGRESS_INTERNET, e);
	return r < 0 ? r : spawn_go(&s->spawn, e);
}

static int start_child(struct start *s, struct error *e)
{
	int r = start_serve(s, e);

	if (r == 0)
		return spawn_wait(&s->spawn, &s->plan, &s->master_fd, e);
	/* Nothing can be done for a dead child; why it died is in its report. */
	if (spawn_has_report(&s->spawn))
		return spawn_wait(&s->spawn, &s->plan, &s->master_fd, e);
	return r;
}

static int start_clone(struct start *s, struct error *e)
{
	int r;

	s->fds.exec = s->rt->init_fd;
	r = s->plan.by_host ? spawn_layers(&s->plan, &s->fds, e) : 0;
	if (r == 0)
		r = spawn_clone(&s->spawn, &s->plan, &s->fds, e);
	if (r < 0)
		return r;
	r = start_child(s, e);
	if (r < 0)
		spawn_abort(&s->spawn);
	return r;
}

/* ---- all of it ---- */

static struct dyno *start_handle(struct start *s, int *in_fd)
{
	struct dyno *d = dyno_new(s->spec->uuid, s->spec->stdio);

	d->pid = s->spawn.pid;
	d->pidfd = take_fd(s->spawn.pid_fd);
	d->address = s->rec.address;
	d->started_usec = s->rec.started_usec;
	d->fds[DYNO_FD_IN] = take_fd(*in_fd);
	d->fds[DYNO_FD_ERR] = take_fd(s->fds.hold_err);
	d->fds[DYNO_FD_OUT] = s->spec->stdio == DYNO_STDIO_PTY
		? take_fd(s->master_fd) : take_fd(s->fds.hold_out);
	return d;
}

static int start_recorded(struct start *s, struct dyno **ret, struct error *e)
{
	auto_close int in_fd = -1;
	int r = cgroup_create(s->rt->cgroups, s->spec->uuid, &s->spec->limits,
			      &s->cgroup, e);

	if (r == 0)
		r = start_layers(s, e);
	if (r == 0)
		r = start_streams(s, &in_fd, e);
	if (r == 0)
		r = start_plan(s, e);
	if (r == 0)
		r = start_clone(s, e);
	if (r < 0)
		return r;
	*ret = start_handle(s, &in_fd);
	return 0;
}

/* Slot and address, and the record that says so. */
static int start_claim(struct start *s, struct error *e)
{
	struct runtime *rt = s->rt;
	int r = idmap_take(&rt->idmap, &s->rec.slot, e);

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

int start_dyno(struct runtime *rt, const struct dyno_spec *spec,
	       struct dyno **ret, struct error *e)
{
	struct start s = {
		.rt = rt, .spec = spec, .spawn = SPAWN_INIT, .net = BUF_INIT,
		.cgroup = { .dir_fd = -1 },
		.fds = CHILD_FDS_INIT, .trees = { -1, -1, -1 },
		.master_fd = -1,
	};
	int r = plan_dyno_check(spec, e);

	if (r < 0)
		return r;
	memcpy(s.rec.uuid, spec->uuid, sizeof(s.rec.uuid));
	s.rec.stdio = spec->stdio;
	s.rec.started_usec = clock_real_usec();
	r = start_claim(&s, e);
	if (r == 0) {
		r = start_recorded(&s, ret, e);
		if (r < 0)
			remove_dyno(rt, spec->uuid, NULL);
	}
	start_deinit(&s);
	return r;
}
