/*
 * child_privilege.c - giving up what the process must not keep.
 */
#include "runtime/child_op.h"
#include "runtime/filter/landlock.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#define CHILD_CAPS_MAX 64

enum { CAPS_EFFECTIVE, CAPS_PERMITTED, CAPS_INHERITABLE, CAPS_AMBIENT };

int child_do_bounding(struct child *c, const struct plan_op *op)
{
	(void)c;
	for (int cap = 0; cap < CHILD_CAPS_MAX; cap++) {
		if (op->num[0] & (1ULL << cap))
			continue;
		if (syscall(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno != EINVAL || cap == 0)
				return -1;
			break;		/* the kernel knows no more */
		}
	}
	return 0;
}

int child_do_securebits(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_prctl, PR_SET_SECUREBITS, op->num[0], 0, 0, 0);
}

int child_do_groups(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_setgroups, op->num[0], op->text);
}

int child_do_user(struct child *c, const struct plan_op *op)
{
	(void)c;
	if (syscall(SYS_setresgid, op->gid, op->gid, op->gid) < 0)
		return -1;
	return (int)syscall(SYS_setresuid, op->uid, op->uid, op->uid);
}

/* Ambient ones last: each has to be permitted and inheritable by then. */
int child_do_caps(struct child *c, const struct plan_op *op)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	(void)c;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		caps[i].effective = (uint32_t)(op->num[CAPS_EFFECTIVE] >> 32 * i);
		caps[i].permitted = (uint32_t)(op->num[CAPS_PERMITTED] >> 32 * i);
		caps[i].inheritable = (uint32_t)(op->num[CAPS_INHERITABLE] >> 32 * i);
	}
	if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, caps) < 0)
		return -1;
	for (int cap = 0; cap < CHILD_CAPS_MAX; cap++)
		if ((op->num[CAPS_AMBIENT] & (1ULL << cap)) &&
		    syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap,
			    0, 0) < 0)
			return -1;
	return 0;
}

int child_do_no_new_privs(struct child *c, const struct plan_op *op)
{
	(void)c, (void)op;
	return (int)syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A place that this dyno does not have needs no rule. */
static int child_landlock_rule(int wall, const struct landlock_rule *rule)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = rule->access };
	long r;

	attr.parent_fd = (int)syscall(SYS_openat, AT_FDCWD, rule->path, O_PATH |
				      O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (attr.parent_fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
	r = syscall(SYS_landlock_add_rule, wall, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
	return child_close(attr.parent_fd, (int)r);
}

int child_do_landlock(struct child *c, const struct plan_op *op)
{
	const struct landlock_wall *wall = op->text;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &wall->attr,
			      sizeof(wall->attr), 0), r = 0;

	(void)c;
	if (fd < 0)
		return -1;
	for (size_t i = 0; i < wall->n_rules && r == 0; i++)
		r = child_landlock_rule(fd, &wall->rules[i]);
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, fd, wall->flags);
	return child_close(fd, r);
}

/*
 * The parent takes a listener away, and has to know its number beforehand: from
 * the moment that the filter is loaded any call of ours may wait for whoever
 * listens.
 */
static int child_announce(const struct child *c)
{
	long fd = syscall(SYS_dup, c->fds.report);

	if (fd < 0 || syscall(SYS_close, fd) < 0)
		return -1;
	return child_tell(c, 0, PLAN_IN_FILTER, (size_t)fd);
}

int child_do_filter(struct child *c, const struct plan_op *op)
{
	bool listener = op->num[1];
	long fd;

	if (listener && child_announce(c) < 0)
		return -1;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op->num[0], op->filter);
	if (fd < 0)
		return -1;
	if (!listener)
		return 0;
	if (child_wait(c) < 0)
		return -1;
	return child_close((int)fd, 0);
}
