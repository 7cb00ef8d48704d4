/*
 * container_status.c - what a container is doing, from its process and cgroup.
 */
#include "runtime/oci/container.h"

#include "base/buf.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_group.h"

#include <fcntl.h>
#include <stdio.h>

static const char *const container_status_names[] = {
	[CONTAINER_CREATING] = "creating",
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",
	[CONTAINER_STOPPED] = "stopped",
};

const char *container_status_name(enum container_status s)
{
	return container_status_names[s];
}

bool container_alive(const struct container *c)
{
	auto_buf text = BUF_INIT;
	unsigned long long ticks;
	char path[32], state;
	const char *p;

	if (c->pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)c->pid);
	if (file_read(AT_FDCWD, path, 8192, &text, NULL) < 0)
		return false;
	/* The command in parentheses may itself hold blanks and parentheses. */
	p = strrchr(buf_str(&text), ')');
	return p && sscanf(p + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
			   " %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state,
			   &ticks) == 2 &&
		state != 'Z' && state != 'X' && ticks == c->start_ticks;
}

static bool container_frozen(const struct container *c)
{
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;

	return c->cgroup && cgroup_group_open(&g, c->cgroup, NULL) == 0 &&
		cgroup_group_frozen(g);
}

enum container_status container_status(const struct container *c)
{
	if (c->pid == 0)
		return CONTAINER_CREATING;
	if (!container_alive(c))
		return CONTAINER_STOPPED;
	if (container_frozen(c))
		return CONTAINER_PAUSED;
	return c->started ? CONTAINER_RUNNING : CONTAINER_CREATED;
}
