#pragma once

/*
 * landlock.h - a second wall around the files of a dyno, by Landlock.
 *
 * The first wall is made of mounts, ids and modes. This one knows nothing of
 * them: below "/", a dyno reads and executes; it writes in those places where
 * programs may expect to; it makes no device anywhere, it changes no mount at
 * all, and it reaches neither processes nor abstract sockets outside. In a dyno
 * that is built rightly, it refuses nothing that is not refused anyway.
 *
 * landlock_rules() is pure: the parent calls it, with what landlock_abi() said.
 * The child then does, with its new root in place and after PR_SET_NO_NEW_PRIVS,
 * before its system call filter is loaded:
 *
 *   fd = landlock_create_ruleset(&wall->attr, sizeof(wall->attr), 0)
 *   for each rule:
 *       dir = open(rule->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
 *           ENOENT, ENOTDIR, ELOOP: the dyno has no such place, next rule
 *       landlock_add_rule(fd, LANDLOCK_RULE_PATH_BENEATH,
 *                         &(struct landlock_path_beneath_attr){
 *                                 rule->access, dir }, 0)
 *       close(dir)
 *   landlock_restrict_self(fd, wall->flags)
 *   close(fd)
 *
 * Descriptors that were open before keep what they could do. But who opens one
 * of them again by its name in /proc/self/fd needs it to lie below the new root:
 * what the command gets as standard streams should be pipes, sockets, or opened
 * inside. A memory file can be executed.
 */
#include "base/base.h"

#define LANDLOCK_RULES_MAX 16

/* The kernel's struct landlock_ruleset_attr; an older one takes it as long as
 * what it does not know is 0. */
struct landlock_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct landlock_rule {
	const char *path;		/* absolute, inside */
	uint64_t access;		/* LANDLOCK_ACCESS_FS_* */
};

struct landlock_wall {
	struct landlock_attr attr;
	uint32_t flags;			/* of landlock_restrict_self() */
	struct landlock_rule rules[LANDLOCK_RULES_MAX];
	size_t n_rules;
};

/* The version of the running kernel's Landlock; 0: it has none, or not on. */
int landlock_abi(void);

/* false: with this version there is no wall that programs could live with. */
bool landlock_rules(int abi, struct landlock_wall *ret);
