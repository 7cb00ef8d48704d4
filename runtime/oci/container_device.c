#include "base/error.h"
#include "runtime/oci/container_device.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static int device_file_system(int *ret_fd, struct error *e)
{
	auto_close int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_sys(e, "make a file system for devices");
	*ret_fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
			       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return *ret_fd < 0 ? error_sys(e, "mount a file system for devices") : 0;
}

/* Of a user that is not mapped nobody is the owner. */
static uint32_t device_owner(const struct oci_id_map *v, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= v[i].container && id - v[i].container < v[i].size)
			return v[i].host + (id - v[i].container);
	return 65534;
}

static int device_make(int dir, const char *name, const struct oci *o,
		       const struct oci_device *d, int *ret, struct error *e)
{
	mode_t mode = d->mode.set ? (mode_t)d->mode.value & 07777 : 0666;
	dev_t rdev = makedev((unsigned)d->major, (unsigned)d->minor);

	if (mknodat(dir, name, (d->type == 'b' ? S_IFBLK : S_IFCHR) | mode, rdev) < 0 ||
	    fchmodat(dir, name, mode, 0) < 0 ||
	    fchownat(dir, name, device_owner(o->uid_maps, o->n_uid_maps, d->uid),
		     device_owner(o->gid_maps, o->n_gid_maps, d->gid),
		     AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "linux.devices: make %s", d->path);
	*ret = (int)syscall(SYS_open_tree, dir, name, OPEN_TREE_CLONE |
			    OPEN_TREE_CLOEXEC);
	if (*ret < 0 && errno == EINVAL)
		return 0;
	return *ret < 0 ? error_sys(e, "linux.devices: hold %s", d->path) : 0;
}

int container_device_make(int *ret, const struct oci *o, struct error *e)
{
	auto_close int dir = -1;
	int r = 0;

	for (size_t i = 0; i < o->n_devices; i++)
		ret[i] = -1;
	if (o->n_devices > 0)
		r = device_file_system(&dir, e);
	for (size_t i = 0; i < o->n_devices && r == 0; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i);
		if (o->devices[i].type != 'p')
			r = device_make(dir, name, o, &o->devices[i], &ret[i], e);
	}
	for (size_t i = 0; i < o->n_devices && r < 0; i++)
		ret[i] = fd_close(ret[i]);
	return r;
}
