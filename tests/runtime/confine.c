/*
 * confine.c - puts the calling process behind the walls of a dyno.
 */
#include "base/error.h"
#include "runtime/filter/landlock.h"
#include "runtime/filter/seccomp.h"
#include "tests/runtime/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int confine_no_new_privs(struct error *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "set no_new_privs");
	return 0;
}

static int confine_rule(int ruleset, const struct landlock_rule *rule,
			struct error *e)
{
	auto_close int dir = open(rule->path,
				  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct landlock_path_beneath_attr attr = {
		.allowed_access = rule->access, .parent_fd = dir,
	};

	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (dir < 0)
		return error_sys(e, "open %s", rule->path);
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		    &attr, 0) < 0)
		return error_sys(e, "add rule of %s", rule->path);
	return 0;
}

int confine_files(bool *ret_done, struct error *e)
{
	struct landlock_wall wall;
	auto_close int fd = -1;
	int r;

	if (!landlock_rules(landlock_abi(), &wall)) {
		*ret_done = false;
		return 0;
	}
	r = confine_no_new_privs(e);
	if (r < 0)
		return r;
	fd = (int)syscall(SYS_landlock_create_ruleset, &wall.attr,
			  sizeof(wall.attr), 0);
	if (fd < 0)
		return error_sys(e, "create ruleset");
	for (size_t i = 0; r == 0 && i < wall.n_rules; i++)
		r = confine_rule(fd, &wall.rules[i], e);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, wall.flags) < 0)
		r = error_sys(e, "restrict oneself");
	*ret_done = r == 0;
	return r;
}

int confine_calls(struct error *e)
{
	struct sock_fprog filter;
	int r = confine_no_new_privs(e);

	if (r == 0)
		r = seccomp_policy_compile(&filter, e);
	if (r < 0)
		return r;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
		r = error_sys(e, "load the filter");
	seccomp_policy_free(&filter);
	return r;
}
