#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "base/strv.h"
#include "manager/dynod/dynod_wipe.h"
#include "manager/dynod/instance_lock.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <poll.h>

#define WIPE_TIMEOUT_SEC 30
#define WIPE_PAUSE_MSEC 50

/* Each is tried; the first failure is told, and how many were removed. */
static int wipe_round(struct runtime *rt, size_t *removed, struct error *e)
{
	auto_strv uuids = STRV_INIT;
	int first = 0;
	int r;

	r = runtime_list(rt, &uuids, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < uuids.n; i++) {
		r = runtime_remove(rt, uuids.v[i], first ? NULL : e);
		if (r >= 0)
			(*removed)++;
		else if (!first)
			first = r;
	}
	if (first)
		return error_prefix(e, first, "remove dynos");
	return runtime_wipe(rt, e);
}

/* A directory only leaves when its owner has left it empty. */
static void wipe_shared(const struct root *root, const char *dir,
			const char *link)
{
	auto_free char *path = xasprintf("%s/%s", root->run, dir);
	auto_free char *other = xasprintf("%s/%s", root->run, link ? link : "");

	if (rmdir(path) < 0 && errno != ENOENT)
		return;
	if (link)
		unlink(other);
}

static int wipe_files(const struct root *root, struct error *e)
{
	static const char *const ours[] = {
		"dynos", "supervisor", "stack", "host.sock",
	};
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		auto_free char *path = xasprintf("%s/%s", root->run, ours[i]);
		int r = file_remove_tree(AT_FDCWD, path, first ? NULL : e);

		if (r < 0 && !first)
			first = r;
	}
	wipe_shared(root, "controller", "api.sock");
	wipe_shared(root, "router", NULL);
	instance_lock_remove(root);
	rmdir(root->run);	/* stays if something of others is in it */
	return first;
}

int dynod_wipe(struct runtime *rt, const struct root *root, size_t *ret_removed,
	       struct error *e)
{
	uint64_t end = clock_mono_usec() + WIPE_TIMEOUT_SEC * USEC_PER_SEC;
	int r;

	*ret_removed = 0;
	r = wipe_round(rt, ret_removed, e);
	while (r < 0 && clock_mono_usec() < end) {
		poll(NULL, 0, WIPE_PAUSE_MSEC);
		r = wipe_round(rt, ret_removed, e);
	}
	if (r < 0)
		return r;
	return wipe_files(root, e);
}
