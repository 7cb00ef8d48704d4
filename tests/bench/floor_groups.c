#include "tests/bench/floor_groups.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define TOP "/sys/fs/cgroup"
#define PARENT "dynobench"

struct floor_setting {
	const char *file, *text;
};

struct floor_tree {
	const char *name;		/* "" = version 2 */
	struct floor_setting settings[10];
};

static const struct floor_tree v1[] = {
	{ "cpu", { { "cpu.shares", "1024" } } },
	{ "cpuacct", { { NULL, NULL } } },
	{ "memory", { { "memory.soft_limit_in_bytes", "536870912" },
		      { "memory.limit_in_bytes", "1073741824" },
		      { "memory.memsw.limit_in_bytes", "1073741824" } } },
	{ "devices", { { "devices.deny", "a" },
		       { "devices.allow", "c 1:3 rw" },
		       { "devices.allow", "c 1:5 rw" },
		       { "devices.allow", "c 1:7 rw" },
		       { "devices.allow", "c 1:8 rw" },
		       { "devices.allow", "c 1:9 rw" },
		       { "devices.allow", "c 5:0 rw" },
		       { "devices.allow", "c 5:2 rw" },
		       { "devices.allow", "c 136:* rw" } } },
	{ "freezer", { { NULL, NULL } } },
	{ "pids", { { "pids.max", "256" } } },
};

static const struct floor_tree v2[] = {
	{ "", { { "memory.max", "1073741824" }, { "memory.swap.max", "0" },
		{ "memory.oom.group", "1" }, { "pids.max", "256" },
		{ "cpu.weight", "100" } } },
};

static const struct floor_tree *trees;
static size_t n_trees;
static int parents[FLOOR_TREES_MAX];

static bool floor_write(int dir, const char *file, const char *text)
{
	auto_close int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) > 0;
}

static bool floor_apply(int dir, const struct floor_tree *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(t->settings) && t->settings[i].file; i++)
		if (!floor_write(dir, t->settings[i].file, t->settings[i].text) &&
		    errno != ENOENT && errno != EOPNOTSUPP)
			return false;
	return true;
}

bool floor_groups_open(void)
{
	bool hybrid = access(TOP "/memory/tasks", F_OK) == 0;
	char path[128];

	trees = hybrid ? v1 : v2;
	n_trees = hybrid ? ARRAY_SIZE(v1) : ARRAY_SIZE(v2);
	for (size_t i = 0; i < n_trees; i++) {
		snprintf(path, sizeof(path), TOP "/%s/" PARENT, trees[i].name);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return false;
		parents[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parents[i] < 0)
			return false;
		if (!hybrid && !floor_write(parents[i], "cgroup.subtree_control",
					    "+memory +pids +cpu"))
			return false;
	}
	return true;
}

bool floor_groups_make(const char *name, struct floor_group *ret)
{
	ret->n = 0;
	ret->into = -1;
	for (size_t i = 0; i < n_trees; i++) {
		int dir;

		if (mkdirat(parents[i], name, 0755) < 0)
			return false;
		dir = openat(parents[i], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 || !floor_apply(dir, &trees[i]))
			return false;
		if (!*trees[i].name) {
			ret->into = dir;
			continue;
		}
		ret->fds[ret->n++] = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
		close(dir);
	}
	return true;
}

void floor_groups_close(struct floor_group *g)
{
	while (g->n > 0)
		fd_close(g->fds[--g->n]);
	g->into = fd_close(g->into);
}

bool floor_groups_remove(const char *name)
{
	bool good = true;

	for (size_t i = 0; i < n_trees; i++)
		good = unlinkat(parents[i], name, AT_REMOVEDIR) == 0 && good;
	return good;
}

void floor_groups_wipe(void)
{
	char path[128];

	for (size_t i = 0; i < n_trees; i++) {
		fd_close(parents[i]);
		snprintf(path, sizeof(path), TOP "/%s/" PARENT, trees[i].name);
		rmdir(path);
	}
}
