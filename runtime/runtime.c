/*
 * runtime.c - the instance: what all dynos share, and the library's face.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/init.h"
#include "runtime/instance.h"
#include "runtime/record.h"
#include "runtime/filter/seccomp.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define RUNTIME_INIT_MAX (64 * 1024 * 1024)	/* bytes of dyno-init */

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

/* ---- dyno-init in memory ---- */

static int runtime_memfd(struct error *e)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(INIT_NAME, flags | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)	/* before 6.3 all are executable */
		fd = memfd_create(INIT_NAME, flags);
	return fd < 0 ? error_sys(e, "make a memory file") : fd;
}

/*
 * Sealed: nobody can write to the program any more, by whatever way he gets at
 * it. Mode 0111: whom it runs as cannot read it, so the kernel makes the
 * process not dumpable before its first instruction.
 */
static int runtime_seal(int fd, struct error *e)
{
	if (fchmod(fd, 0111) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
		  F_SEAL_WRITE) < 0)
		return error_sys(e, "seal dyno-init");
	return 0;
}

static int runtime_load_init(struct runtime *rt, const char *path,
			     struct error *e)
{
	auto_buf program = BUF_INIT;
	auto_close int fd = -1;
	char self[64];
	int r = file_read(AT_FDCWD, path, RUNTIME_INIT_MAX, &program, e);

	if (r < 0)
		return r;
	fd = runtime_memfd(e);
	if (fd < 0)
		return fd;
	r = file_write_all(fd, program.data, program.len, e);
	if (r == 0)
		r = runtime_seal(fd, e);
	if (r < 0)
		return r;
	/* What is open for writing cannot be executed. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	rt->init_fd = open(self, O_RDONLY | O_CLOEXEC);
	if (rt->init_fd < 0)
		return error_sys(e, "open dyno-init again");
	return 0;
}

/* ---- open ---- */

/*
 * An overlay in a user namespace marks its upper layer by user xattrs; tmpfs has
 * them since 6.6. Without, a directory could not be made where something of the
 * slug was removed (EIO). A memory file lies on a tmpfs, too.
 */
static bool runtime_has_user_xattrs(void)
{
	auto_close int fd = memfd_create("xattrs", MFD_CLOEXEC);

	return fd >= 0 && fsetxattr(fd, "user.dyno", "1", 1, 0) == 0;
}

static int runtime_open_records(struct runtime *rt, const char *run_dir,
				struct error *e)
{
	auto_free char *path = xasprintf("%s/" RECORD_DIR, run_dir);

	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return error_sys(e, "make %s", path);
	rt->dynos_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rt->dynos_fd < 0)
		return error_sys(e, "open %s", path);
	return 0;
}

/* What dynos on record hold is taken, whether they live or not. */
static int runtime_occupy(struct runtime *rt, struct error *e)
{
	auto_strv uuids = STRV_INIT;
	int r = record_list(rt->dynos_fd, &uuids, e);

	for (size_t i = 0; r == 0 && i < uuids.n; i++) {
		struct record rec;

		if (record_load(rt->dynos_fd, uuids.v[i], &rec, NULL) < 0)
			continue;	/* told by whoever adopts it */
		idmap_mark(&rt->idmap, rec.slot);
		network_occupy(rt->network, rec.address);
	}
	return r;
}

/*
 * A record comes before its group and goes after it: a group without one belongs
 * to a dyno that nobody can stop any more, and whose ids the next one may get.
 * Groups are listed first, since dynos may come meanwhile.
 */
static void runtime_sweep(struct runtime *rt)
{
	auto_strv leaves = STRV_INIT, uuids = STRV_INIT;

	if (cgroup_list(rt->cgroups, &leaves, NULL) < 0 ||
	    record_list(rt->dynos_fd, &uuids, NULL) < 0)
		return;
	for (size_t i = 0; i < leaves.n; i++) {
		auto_free char *what = NULL;

		if (!id_is_uuid(leaves.v[i]) || strv_has(&uuids, leaves.v[i]))
			continue;
		strv_add(&uuids, leaves.v[i]);	/* once, not per hierarchy */
		what = xasprintf("the record of dyno %s is lost, removing it",
				 leaves.v[i]);
		rt->tell(what, rt->tell_data);
		cgroup_kill(rt->cgroups, leaves.v[i], NULL);
		remove_cgroup(rt, leaves.v[i], NULL);
	}
}

static int runtime_open_network(struct runtime *rt,
				const struct runtime_config *c, struct error *e)
{
	struct network_prefix allowed[NETWORK_ALLOWED_MAX];
	struct network_config net = {
		.instance = c->instance,
		.root_name = c->root_name,
		.ip_forward = c->ip_forward,
		.run_dir = c->run_dir,
		.dns = c->dns,
		.allowed = allowed,
	};
	int r = network_prefixes(c->allowed ? c->allowed : "", allowed, &net.n_allowed,
				 e);

	if (r == 0)
		r = network_open(&rt->network, &net, rt->tell, rt->tell_data, e);
	if (r < 0)
		return r;
	snprintf(rt->prefix, sizeof(rt->prefix), "dyno%u",
		 network_instance(rt->network));
	idmap_init(&rt->idmap, network_instance(rt->network));
	return 0;
}

int runtime_open(struct runtime **ret, const struct runtime_config *c,
		 runtime_tell_fn tell, void *userdata, struct error *e)
{
	auto_(runtime_close_p) struct runtime *rt = xcalloc(1, sizeof(*rt));
	int r;

	rt->dynos_fd = rt->init_fd = rt->fault = rt->fault_step = -1;
	rt->tell = tell;
	rt->tell_data = userdata;
	rt->slug_dir = xstrdup(c->slug_dir);
	rt->slug_uid = c->slug_uid;
	rt->slug_gid = c->slug_gid;
	rt->takes_images = c->slug_images;
	rt->images = SLUG_IMAGES_INIT;
	rt->by_host = !runtime_has_user_xattrs();
	idmap_init(&rt->idmap, 0);

	r = runtime_open_records(rt, c->run_dir, e);
	if (r == 0)
		r = runtime_open_network(rt, c, e);
	if (r == 0)
		r = cgroup_host_open(&rt->cgroups, rt->prefix, e);
	if (r == 0)
		r = stack_open(&rt->stack, c->stack, c->run_dir, c->stacks_dir, e);
	if (r == 0)
		r = seccomp_policy_compile(&rt->filter, e);
	rt->has_wall = landlock_rules(landlock_abi(), &rt->wall);
	if (r == 0)
		r = runtime_load_init(rt, c->init_path, e);
	if (r == 0)
		r = runtime_occupy(rt, e);
	if (r == 0)
		runtime_sweep(rt);
	if (r < 0)
		return error_prefix(e, r, "open the runtime");
	*ret = take_ptr(rt);
	return 0;
}

struct runtime *runtime_close(struct runtime *rt)
{
	if (!rt)
		return NULL;
	slug_images_deinit(&rt->images);
	idmap_deinit(&rt->idmap);
	seccomp_policy_free(&rt->filter);
	stack_deinit(&rt->stack);
	cgroup_host_free(rt->cgroups);
	network_close(rt->network);
	fd_close(rt->init_fd);
	fd_close(rt->dynos_fd);
	free(rt->slug_dir);
	free(rt);
	return NULL;
}

const char *runtime_prefix(const struct runtime *rt)
{
	return rt->prefix;
}

int runtime_fd(const struct runtime *rt)
{
	return network_fd(rt->network);
}

int runtime_serve(struct runtime *rt, struct error *e)
{
	return network_serve(rt->network, e);
}

/* Groups of dynos whose records somebody has removed: the number of the
 * instance would be of no use to the next one that gets it. A group may be busy
 * for a moment after the kill; then the parent's removal says so. */
static void runtime_wipe_leaves(struct runtime *rt)
{
	auto_strv leaves = STRV_INIT;

	if (cgroup_list(rt->cgroups, &leaves, NULL) < 0)
		return;
	for (size_t i = 0; i < leaves.n; i++) {
		cgroup_kill(rt->cgroups, leaves.v[i], NULL);
		cgroup_remove(rt->cgroups, leaves.v[i], NULL);
	}
}

int runtime_wipe(struct runtime *rt, struct error *e)
{
	auto_strv uuids = STRV_INIT;
	int r = record_list(rt->dynos_fd, &uuids, e), r2;

	if (r < 0)
		return r;
	if (uuids.n > 0)
		return error_set(e, EBUSY, "%zu dynos are on record", uuids.n);
	runtime_wipe_leaves(rt);
	r = cgroup_host_wipe(rt->cgroups, e);
	r2 = network_wipe(rt->network, r < 0 ? NULL : e);
	return r < 0 ? r : r2;
}

/* ---- dynos ---- */

int runtime_begin(struct runtime *rt, const struct dyno_spec *spec,
		  struct start **ret, int *ret_fd, struct error *e)
{
	int r = start_begin(rt, spec, ret, e);

	if (r == 0)
		*ret_fd = start_fd(*ret);
	return error_prefix(e, r, "start a dyno");
}

int runtime_finish(struct start *s, struct dyno **ret, struct error *e)
{
	return error_prefix(e, start_finish(s, ret, e), "start a dyno");
}

struct start *runtime_cancel(struct start *s)
{
	return s ? start_free(s) : NULL;
}

int runtime_start(struct runtime *rt, const struct dyno_spec *spec,
		  struct dyno **ret, struct error *e)
{
	struct start *s;
	int fd, r = runtime_begin(rt, spec, &s, &fd, e);

	return r < 0 ? r : runtime_finish(s, ret, e);
}

int runtime_list(struct runtime *rt, struct strv *ret, struct error *e)
{
	return record_list(rt->dynos_fd, ret, e);
}

int runtime_adopt(struct runtime *rt, const char *uuid, struct dyno **ret,
		  struct error *e)
{
	int r;

	if (!id_is_uuid(uuid))
		return error_set(e, EINVAL, "not a UUID");
	r = adopt_dyno(rt, uuid, ret, e);
	return error_prefix(e, r, "take over a dyno");
}

int runtime_remove(struct runtime *rt, const char *uuid, struct error *e)
{
	int r;

	if (!id_is_uuid(uuid))
		return error_set(e, EINVAL, "not a UUID");
	r = remove_dyno(rt, uuid, e);
	return error_prefix(e, r, "remove dyno %s", uuid);
}
