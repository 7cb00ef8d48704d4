#include "tests/runtime/census.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "runtime/instance.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CENSUS_TEXT_MAX (16 << 20)
#define CENSUS_PAUSE_MSEC 50

typedef bool (*census_fn)(const struct runtime *rt, const char *name);

static size_t census_entries(const struct runtime *rt, int fd, census_fn wanted)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	size_t n = 0;

	while (dir && (de = readdir(dir)))
		n += de->d_name[0] != '.' && (!wanted || wanted(rt, de->d_name));
	if (dir)
		closedir(dir);
	return n;
}

static size_t census_path(const struct runtime *rt, const char *path,
			  census_fn wanted)
{
	return census_entries(rt, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			      wanted);
}

static bool census_is_link(const struct runtime *rt, const char *name)
{
	const char *rest = str_after(name, rt->prefix);

	return rest && *rest == '-';
}

/* A process whose owner is in the instance's range, by its directory's owner or,
 * as for all that are not dumpable, by what it says itself. */
static bool census_is_process(const struct runtime *rt, const char *name)
{
	auto_free char *path = xasprintf("/proc/%s/status", name);
	auto_buf text = BUF_INIT;
	const char *line;
	unsigned uid;

	if (name[0] < '1' || name[0] > '9' ||
	    file_read(AT_FDCWD, path, CENSUS_TEXT_MAX, &text, NULL) < 0)
		return false;
	line = strstr(buf_str(&text), "\nUid:");
	return line && sscanf(line, "\nUid:\t%u", &uid) == 1 &&
		uid - rt->idmap.first < IDMAP_INSTANCE;
}

static size_t census_groups(const struct runtime *rt)
{
	auto_strv leaves = STRV_INIT;

	cgroup_list(rt->cgroups, &leaves, NULL);
	return leaves.n;
}

static size_t census_slots(const struct runtime *rt)
{
	size_t n = 0;

	for (size_t i = 1; i < IDMAP_SLOTS; i++)
		n += rt->idmap.used[i];
	return n;
}

static void census_table(const char *family, const char *name, struct buf *ret)
{
	char *argv[] = { (char *)"nft", (char *)"list", (char *)"table",
			 (char *)family, (char *)name, NULL };
	auto_close int out = memfd_create("nft", MFD_CLOEXEC), pidfd = -1;
	auto_free char *path = xasprintf("/proc/self/fd/%d", out);
	struct process_spec spec = PROCESS_SPEC_INIT;
	int status;
	pid_t pid;

	spec.path = "/usr/sbin/nft";
	spec.argv = argv;
	spec.stdout_fd = out;
	if (process_spawn(&spec, &pid, &pidfd, NULL) == 0)
		process_wait(pidfd, &status, NULL);
	file_read(AT_FDCWD, path, CENSUS_TEXT_MAX, ret, NULL);
}

static char *census_filter(const struct runtime *rt)
{
	auto_buf text = BUF_INIT;

	census_table("inet", rt->prefix, &text);
	census_table("bridge", rt->prefix, &text);
	return buf_take(&text);
}

void census_take(struct census *ret, const struct runtime *rt)
{
	auto_buf mounts = BUF_INIT;
	siginfo_t si = { 0 };

	file_read(AT_FDCWD, "/proc/self/mountinfo", CENSUS_TEXT_MAX, &mounts, NULL);
	*ret = (struct census){
		.records = census_entries(rt, openat(rt->dynos_fd, ".", O_RDONLY |
						     O_DIRECTORY | O_CLOEXEC), NULL),
		.groups = census_groups(rt),
		.links = census_path(rt, "/sys/class/net", census_is_link),
		.processes = census_path(rt, "/proc", census_is_process),
		.fds = census_path(rt, "/proc/self/fd", NULL),
		.slots = census_slots(rt),
		.filter = census_filter(rt),
		.children = waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0,
		.mounts = buf_take(&mounts),
		.heap = mallinfo2().uordblks,
	};
}

void census_deinit(struct census *c)
{
	free(c->filter);
	free(c->mounts);
	*c = CENSUS_INIT;
}

static bool census_number(const char *what, size_t before, size_t now, bool tell)
{
	if (before != now && tell)
		printf("# census: %zu %s before, %zu now\n", before, what, now);
	return before == now;
}

static bool census_text(const char *what, const char *before, const char *now,
			bool tell)
{
	if (!str_eq(before, now) && tell)
		printf("# census: %s before:\n%s# and now:\n%s", what, before, now);
	return str_eq(before, now);
}

bool census_equal(const struct census *a, const struct census *b, bool tell)
{
	bool equal = census_number("records", a->records, b->records, tell);

	equal &= census_number("control groups", a->groups, b->groups, tell);
	equal &= census_number("links", a->links, b->links, tell);
	equal &= census_number("processes", a->processes, b->processes, tell);
	equal &= census_number("kinds of children", a->children, b->children, tell);
	equal &= census_number("descriptors", a->fds, b->fds, tell);
	equal &= census_number("ranges of ids", a->slots, b->slots, tell);
	equal &= census_text("the packet filter", a->filter, b->filter, tell);
	equal &= census_text("mounts", a->mounts, b->mounts, tell);
	return equal;
}

bool census_await(struct census *ret, const struct census *before,
		  const struct runtime *rt, unsigned msec)
{
	uint64_t end = clock_mono_usec() + msec * USEC_PER_MSEC;

	for (;;) {
		census_take(ret, rt);
		if (census_equal(before, ret, false))
			return true;
		if (clock_mono_usec() > end)
			return census_equal(before, ret, true);
		census_deinit(ret);
		poll(NULL, 0, CENSUS_PAUSE_MSEC);
	}
}
