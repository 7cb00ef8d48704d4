/*
 * container_child.c - the parent's side of an OCI process, for create and exec.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sock.h"
#include "runtime/oci/container_child.h"
#include "runtime/oci/hook.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define CHILD_PRESERVE_MAX 65536
#define CHILD_CONSOLE_TRIES 30		/* of 10 ms each */
#define CHILD_PASSWD_MAX (256 * 1024)
#define CHILD_STATE_VERSION "0.2.0"	/* of the process state, as agents know it */
#define CHILD_LO 1			/* index of the loopback, everywhere */

static const struct {
	const char *file;
	int type;
} child_namespaces[OCI_NS_KINDS] = {
	[OCI_NS_USER] = { "user", CLONE_NEWUSER },
	[OCI_NS_MOUNT] = { "mnt", CLONE_NEWNS },
	[OCI_NS_PID] = { "pid", CLONE_NEWPID },
	[OCI_NS_NETWORK] = { "net", CLONE_NEWNET },
	[OCI_NS_IPC] = { "ipc", CLONE_NEWIPC },
	[OCI_NS_UTS] = { "uts", CLONE_NEWUTS },
	[OCI_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[OCI_NS_TIME] = { "time", CLONE_NEWTIME },
};

/* "ip link set lo up", as it is sent. */
static const struct {
	struct nlmsghdr head;
	struct ifinfomsg link;
} child_loopback = {
	.head = {
		.nlmsg_len = sizeof(child_loopback), .nlmsg_type = RTM_NEWLINK,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	},
	.link = { .ifi_index = CHILD_LO, .ifi_flags = IFF_UP, .ifi_change = IFF_UP },
};

void container_child_init(struct container_child *k, const struct container *c,
			  const struct oci *oci, const struct oci_process *process)
{
	*k = (struct container_child){
		.fds = CHILD_FDS_INIT, .spawn = SPAWN_INIT, .cgroup = CGROUP_INIT,
		.in = {
			.oci = oci, .process = process, .id = c->id,
			.rootfs = c->rootfs, .root_fd = -1, .void_fd = -1,
			.null_fd = -1,
			.net = &child_loopback, .net_len = sizeof(child_loopback),
			.net_acks = 1,
		},
	};
	k->fds.inherit = true;
	for (int i = 0; i < OCI_NS_KINDS; i++)
		k->in.namespace_fds[i] = -1;
}

void container_child_deinit(struct container_child *k)
{
	spawn_abort(&k->spawn);
	if (k->has_plan)
		plan_deinit(&k->plan);
	for (int i = 0; i < OCI_NS_KINDS; i++)
		k->in.namespace_fds[i] = fd_close(k->in.namespace_fds[i]);
	k->fds.start = fd_close(k->fds.start);
	k->fds.state = fd_close(k->fds.state);
	cgroup_deinit(&k->cgroup);
	seccomp_filter_deinit(&k->filter);
	strv_deinit(&k->in.reveals);
	free(k->home);
	k->home = NULL;
}

/* ---- namespaces ---- */

/* Nothing has to be done to enter where we are. */
static bool child_is_ours(int fd, const char *file)
{
	auto_free char *path = xasprintf("/proc/self/ns/%s", file);
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
		a.st_dev == b.st_dev;
}

void container_child_join(struct container_child *k, enum oci_namespace_kind kind,
			  int fd)
{
	if (child_is_ours(fd, child_namespaces[kind].file))
		fd_close(fd);
	else
		k->in.namespace_fds[kind] = fd;
}

const char *container_child_namespace(enum oci_namespace_kind kind)
{
	return child_namespaces[kind].file;
}

int container_child_namespaces(struct container_child *k, struct error *e)
{
	for (int i = 0; i < OCI_NS_KINDS; i++) {
		const char *path = k->in.oci->namespaces[i].path;
		auto_close int fd = -1;

		if (!path)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_sys(e, "linux.namespaces: open %s", path);
		if (ioctl(fd, NS_GET_NSTYPE) != child_namespaces[i].type)
			return error_set(e, EINVAL, "linux.namespaces: %s is no %s "
					 "namespace", path, child_namespaces[i].file);
		container_child_join(k, i, take_fd(fd));
	}
	return 0;
}

/* ---- preparing ---- */

/* "root:x:0:0:root:/root:/bin/sh" -> "/root" for user 0. */
static char *child_home_of(const char *passwd, uint32_t uid)
{
	while (*passwd) {
		char home[256];
		unsigned long id;

		if (sscanf(passwd, "%*[^:\n]:%*[^:\n]:%lu:%*[^:\n]:%*[^:\n]:%255[^:\n]",
			   &id, home) == 2 && id == uid)
			return xstrdup(home);
		if (sscanf(passwd, "%*[^:\n]:%*[^:\n]:%lu:%*[^:\n]::%255[^:\n]", &id,
			   home) == 2 && id == uid)
			return xstrdup(home);
		passwd += strcspn(passwd, "\n");
		passwd += *passwd == '\n';
	}
	return xstrdup("/");
}

/* Opening a device can do something by itself: first a look, then the file. */
static int child_open_passwd(int dir_fd)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	auto_close int fd = (int)syscall(SYS_openat2, dir_fd, "etc/passwd", &how,
					 sizeof(how));
	char path[32];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static char *child_home(int dir_fd, uint32_t uid)
{
	auto_close int fd = child_open_passwd(dir_fd);
	auto_free char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return xstrdup("/");
	text = xmalloc(CHILD_PASSWD_MAX + 1);
	n = read(fd, text, CHILD_PASSWD_MAX);
	text[n > 0 ? n : 0] = '\0';
	return child_home_of(text, uid);
}

static bool child_reads_yes(const char *path)
{
	auto_buf text = BUF_INIT;

	return file_read(AT_FDCWD, path, 16, &text, NULL) == 0 &&
		buf_str(&text)[0] == 'Y';
}

int container_child_prepare(struct container_child *k, int dir_fd,
			    const struct container_io *io, const char *seccomp_cache,
			    struct error *e)
{
	int r = io->preserve_fds <= CHILD_PRESERVE_MAX ? 0 : error_set(e, EINVAL,
		"preserve-fds: more than %d descriptors", CHILD_PRESERVE_MAX);

	k->in.preserve_fds = io->preserve_fds;
	k->in.foreground = io->ret_master != NULL;
	if (r < 0)
		return r;
	k->in.has_apparmor = child_reads_yes("/sys/module/apparmor/parameters/enabled");
	k->in.has_selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
	if (dir_fd >= 0)
		k->home = child_home(dir_fd, k->in.process->uid);
	k->in.home = k->home;
	if (!k->in.oci->has_seccomp)
		return 0;
	r = seccomp_profile_compile(&k->filter, &k->in.oci->seccomp, seccomp_cache, e);
	if (r < 0)
		return error_prefix(e, r, "linux.seccomp");
	k->in.filter = &k->filter;
	return 0;
}

/* Lowering it needs a capability that not every host's root has. */
static int child_oom_score(const struct container_child *k, struct error *e)
{
	const struct maybe *adj = &k->in.process->oom_score_adj;
	auto_free char *path = xasprintf("/proc/%d/oom_score_adj", (int)k->spawn.pid);
	auto_free char *text = xasprintf("%" PRId64, adj->value);
	auto_close int fd = -1;

	if (!adj->set)
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, text, strlen(text)) >= 0)
		return 0;
	if (errno == EACCES || errno == EPERM)
		return 0;
	return error_sys(e, "process.oomScoreAdj: write %s", path);
}

/* Only the host's own root may raise a hard limit, which a child in a user
 * namespace is not. What is lowered, the child does when it is ready for it. */
static void child_raise_limits(struct container_child *k)
{
	const struct oci_process *p = k->in.process;

	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		struct rlimit64 now;

		if (prlimit64(k->spawn.pid, l->resource, NULL, &now) < 0 ||
		    now.rlim_max >= l->hard)
			continue;
		now.rlim_max = l->hard;
		if (prlimit64(k->spawn.pid, l->resource, &now, NULL) < 0)
			k->low_limits |= 1U << l->resource;
	}
}

/* A helper that has entered a user namespace may not clone into a group any
 * more: it goes there first, by its own hand. */
static int child_move_group(struct container_child *k, struct error *e)
{
	const struct oci_namespace *time = &k->in.oci->namespaces[OCI_NS_TIME];
	bool helper = !k->in.exec && time->set && !time->path;
	struct cgroup *g = &k->cgroup;
	int fd;

	for (int i = 0; i < OCI_NS_KINDS; i++)
		helper = helper || k->in.namespace_fds[i] >= 0;
	if (!helper || g->dir_fd < 0)
		return 0;
	assert(g->n_procs_fds < CGROUP_JOIN_MAX);
	fd = openat(g->dir_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "open cgroup.procs");
	g->procs_fds[g->n_procs_fds++] = fd;
	return 0;
}

int container_child_clone(struct container_child *k, struct error *e)
{
	int r = child_move_group(k, e);

	if (r == 0)
		r = plan_oci_build(&k->plan, &k->in, e);
	if (r < 0)
		return r;
	k->has_plan = true;
	r = spawn_clone(&k->spawn, &k->plan, &k->fds, e);
	if (r < 0)
		return r;
	child_raise_limits(k);
	return child_oom_score(k, e);
}

/* ---- conversation ---- */

static int child_send_console(const char *path, int master, struct error *e)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	auto_close int s = sock_connect_unix(path, SOCK_STREAM, e);
	static const char name[] = "/dev/ptmx";
	int r;

	/* We are faster than who was started at the same time to listen there. */
	for (int i = 0; i < CHILD_CONSOLE_TRIES && (s == -ENOENT || s == -ECONNREFUSED);
	     i++) {
		nanosleep(&pause, NULL);
		s = sock_connect_unix(path, SOCK_STREAM, e);
	}
	r = s;
	if (s >= 0)
		r = sock_send(s, name, sizeof(name) - 1, &master, 1, e);
	return r < 0 ? error_prefix(e, r, "console socket") : 0;
}

static int child_take_terminal(const struct container_io *io, int master,
			       struct error *e)
{
	int r;

	if (io->ret_master) {
		*io->ret_master = master;
		return 0;
	}
	if (!io->console_socket) {
		fd_close(master);
		return error_set(e, EINVAL, "process.terminal needs a console socket");
	}
	r = child_send_console(io->console_socket, master, e);
	fd_close(master);
	return r;
}

/* "Container process state" of config-linux.md. */
static int child_send_listener(struct container_child *k, const struct container *c,
			       int fd, struct error *e)
{
	const struct seccomp_profile *p = &k->in.oci->seccomp;
	auto_free char *state = container_state_text(c, k->in.oci, CONTAINER_CREATING,
						     c->pid);
	auto_free char *text = NULL;
	auto_close int s = -1;
	json_t *j;
	int r;

	if (!p->listener_path)
		return error_set(e, EINVAL, "linux.seccomp.listenerPath: is missing");
	j = json_pack("{s:s, s:[s], s:i, s:s*, s:o*}", "ociVersion", CHILD_STATE_VERSION,
		      "fds", "seccompFd", "pid", (int)k->spawn.pid,
		      "metadata", p->listener_metadata,
		      "state", json_loads(state, 0, NULL));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	s = sock_connect_unix(p->listener_path, SOCK_STREAM, e);
	r = error_prefix(e, s, "failed to connect with seccomp agent");
	if (r >= 0 && text)
		r = sock_send(s, text, strlen(text), &fd, 1, e);
	return r < 0 ? error_prefix(e, r, "linux.seccomp.listenerPath") : 0;
}

static int child_run_hooks(struct container_child *k, const struct container *c,
			   struct error *e)
{
	const struct oci *o = k->in.oci;
	auto_free char *state = container_state_text(c, o, CONTAINER_CREATED, c->pid);
	int r = hook_run(&o->hooks[OCI_PRESTART], state, e);

	if (r == 0)
		r = hook_run(&o->hooks[OCI_CREATE_RUNTIME], state, e);
	return r < 0 ? r : spawn_go(&k->spawn, e);
}

int container_child_follow(struct container_child *k, struct container *c,
			   const struct container_io *io, struct error *e)
{
	int r = spawn_go(&k->spawn, e), fd = -1;

	while (r >= 0) {
		r = spawn_next(&k->spawn, &k->plan, &fd, e);
		switch (r) {
		case SPAWN_TERMINAL:
			r = child_take_terminal(io, fd, e);
			break;
		case SPAWN_LISTENER:
			r = child_send_listener(k, c, fd, e);
			fd_close(fd);
			break;
		case SPAWN_CALLS:
			r = child_run_hooks(k, c, e);
			break;
		default:
			return r;
		}
	}
	return r;
}
