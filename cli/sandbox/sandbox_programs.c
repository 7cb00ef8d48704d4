/* sandbox_programs.c - copies, where the service user may not go. */
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/root.h"
#include "cli/sandbox/sandbox.h"
#include "cli/sandbox/sandbox_programs.h"

#include <fcntl.h>

static int sandbox_programs_copy(const char *from, const char *to,
				 struct error *e)
{
	auto_close int in = open(from, O_RDONLY | O_CLOEXEC);
	auto_close int out = -1;
	ssize_t n;

	if (in < 0)
		return errno == ENOENT ? 0 : error_sys(e, "open %s", from);
	/* A new file: the old one may be running. */
	if (unlink(to) < 0 && errno != ENOENT)
		return error_sys(e, "remove %s", to);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (out < 0)
		return error_sys(e, "create %s", to);
	do
		n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);
	while (n > 0);
	if (n < 0 || fchmod(out, 0755) < 0)
		return error_sys(e, "copy %s to %s", from, to);
	return 0;
}

int sandbox_programs(const struct root *root, char **ret_dynoctl,
		     struct error *e)
{
	static const char *const names[] = {
		"dynoctl", "dynod", "dyno-supervisor", "dyno-controller",
		"dyno-router", "dyno-init", "dyno-slug",
	};
	auto_free char *self = process_sibling("dynoctl");
	auto_free char *dir = xasprintf("%s/programs", root->run);
	int r;

	if (sandbox_check_reachable(self, NULL) == 0) {
		*ret_dynoctl = take_ptr(self);
		return 0;
	}
	r = file_make_dirs(dir, 0755, e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
		auto_free char *from = process_sibling(names[i]);
		auto_free char *to = xasprintf("%s/%s", dir, names[i]);

		r = sandbox_programs_copy(from, to, e);
	}
	if (r < 0)
		return r;
	*ret_dynoctl = xasprintf("%s/dynoctl", dir);
	return 0;
}
