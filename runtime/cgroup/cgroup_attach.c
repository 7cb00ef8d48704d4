/*
 * cgroup_attach.c - the device program of a group goes into the kernel.
 *
 * The library for this would be larger than all that it is needed for, which is
 * five commands of bpf(2). A program of ours is known by its name, so that
 * nobody has to remember a number.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup_device.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>

#define PROGRAM_NAME "dyno_device"	/* at most 15 bytes */
#define PROGRAMS_MAX 64			/* the kernel's own limit per group */
#define VERIFIER_TEXT_MAX 4096

static long attach_bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static uint64_t attach_pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* ---- loading ---- */

/* Without the verifier's text at first: it costs time. */
static int attach_load(const struct cgroup_device_program *p, char *text,
		       unsigned text_size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = attach_pointer(p->v);
	attr.insn_cnt = (uint32_t)p->n;
	attr.license = attach_pointer("GPL");
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	if (text) {
		attr.log_level = 1;
		attr.log_buf = attach_pointer(text);
		attr.log_size = text_size;
	}
	return (int)attach_bpf(BPF_PROG_LOAD, &attr);
}

int cgroup_device_load(const struct resources_device *rules, size_t n,
		       struct error *e)
{
	struct cgroup_device_program p = CGROUP_DEVICE_PROGRAM_INIT;
	char text[VERIFIER_TEXT_MAX] = "";
	int fd = cgroup_device_assemble(&p, rules, n, e);

	if (fd < 0)
		return fd;
	fd = attach_load(&p, NULL, 0);
	if (fd < 0 && (errno == EINVAL || errno == EACCES))
		fd = attach_load(&p, text, sizeof(text));
	if (fd < 0)
		fd = error_sys(e, "load the device filter%s%.200s",
			       text[0] ? ": " : "", text);
	cgroup_device_program_deinit(&p);
	return fd;
}

/* ---- attaching ---- */

/* The descriptor of program id if it is one of ours, else -1. */
static int attach_ours(uint32_t id)
{
	struct bpf_prog_info info = { .type = 0 };
	auto_close int fd = -1;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = (int)attach_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (fd < 0)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = attach_pointer(&info);
	if (attach_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 ||
	    strncmp(info.name, PROGRAM_NAME, sizeof(info.name)) != 0)
		return -1;
	return take_fd(fd);
}

/* The ids of the programs on this very group. */
static int attach_query(int group_fd, uint32_t ids[PROGRAMS_MAX], size_t *ret_n,
			struct error *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)group_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = attach_pointer(ids);
	attr.query.prog_cnt = PROGRAMS_MAX;
	if (attach_bpf(BPF_PROG_QUERY, &attr) < 0)
		return error_sys(e, "list the device filters of a cgroup");
	*ret_n = attr.query.prog_cnt;
	return 0;
}

/* In the place of the program replace_fd, or besides all others (-1). */
static int attach_one(int group_fd, int program_fd, int replace_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)group_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replace_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replace_fd;
	}
	return (int)attach_bpf(BPF_PROG_ATTACH, &attr);
}

static int attach_detach(int group_fd, int program_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)group_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return (int)attach_bpf(BPF_PROG_DETACH, &attr);
}

int cgroup_device_attach(int group_fd, int program_fd, struct error *e)
{
	uint32_t ids[PROGRAMS_MAX];
	bool attached = false;
	size_t n = 0;
	int r = attach_query(group_fd, ids, &n, e);

	if (r < 0)
		return r;
	/* The first of ours is replaced; more than one may be there if an
	 * earlier one was interrupted. */
	for (size_t i = 0; i < n; i++) {
		auto_close int old = attach_ours(ids[i]);

		if (old < 0)
			continue;
		r = attached ? attach_detach(group_fd, old)
			     : attach_one(group_fd, program_fd, old);
		if (r < 0)
			return error_sys(e, "replace the device filter");
		attached = true;
	}
	if (!attached && attach_one(group_fd, program_fd, -1) < 0)
		return error_sys(e, "attach the device filter");
	return 0;
}

int cgroup_device_count(int group_fd, size_t *ret, struct error *e)
{
	uint32_t ids[PROGRAMS_MAX];
	size_t n = 0;
	int r = attach_query(group_fd, ids, &n, e);

	*ret = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_close int fd = attach_ours(ids[i]);

		*ret += fd >= 0;
	}
	return r;
}
