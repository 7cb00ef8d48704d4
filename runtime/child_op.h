#pragma once

/*
 * child_op.h - the child's operations among themselves: one function for each
 * kind of operation, all of the same form. 0, or -1 with errno.
 *
 * The rule of all child*.c: nothing but system calls, and those through
 * syscall(), so that no wrapper of libc (threads, signals, caches of ids) takes
 * part. tests/lint/child-symbols checks what the objects refer to.
 */
#include "runtime/child.h"

#include <sys/syscall.h>

#ifdef PTHREAD_CANCELED
#error "keep pthreads out of the process that clones"
#endif

struct child {
	const struct plan *plan;
	struct child_fds fds;
	const struct plan_ids *ids;	/* of who runs it */
	int terminal;			/* the slave; -1 = none */
	size_t chosen;			/* of LOOKUP's candidates */
	int hook_status;		/* of a hook that failed: its exit status, or less
					 * than 0 the signal */
	uint8_t stage;			/* for the trace */
	uint64_t since;
};

typedef int (*child_fn)(struct child *c, const struct plan_op *op);

/* Close fd and return r, with errno as it was. */
int child_close(int fd, int r);
int child_tell(const struct child *c, int err, enum plan_stage stage, size_t op);
int child_wait(const struct child *c);
int child_unblock_signals(void);
/* Run what follows op and takes privileges away. */
int child_confine(struct child *c, const struct plan_op *op);

/* child_path.c: a place below the root, O_PATH. In a plan that is in_root what
 * is missing is made; else ENOENT. */
int child_place(const struct child *c, const char *path, enum plan_make make);
/* The same, but ELOOP if a link leads there. */
int child_plain_place(const struct child *c, const char *path, enum plan_make make);
/* Its directory, and the last name of it. */
int child_parent(const struct child *c, const char *path, const char **ret_name);

/* child_mount.c, child_file.c */
int child_clone_at(int from, int target, uint64_t set);
int child_enter(int mnt);
int child_do_stage(struct child *c, const struct plan_op *op);
int child_do_root(struct child *c, const struct plan_op *op);
int child_do_tree(struct child *c, const struct plan_op *op);
int child_do_mount(struct child *c, const struct plan_op *op);
int child_do_bind(struct child *c, const struct plan_op *op);
int child_do_device(struct child *c, const struct plan_op *op);
int child_do_mask(struct child *c, const struct plan_op *op);
int child_do_readonly(struct child *c, const struct plan_op *op);
int child_do_attr(struct child *c, const struct plan_op *op);
int child_do_pivot(struct child *c, const struct plan_op *op);
int child_do_hide(struct child *c, const struct plan_op *op);
int child_do_move(struct child *c, const struct plan_op *op);
int child_do_chroot(struct child *c, const struct plan_op *op);
int child_do_dir(struct child *c, const struct plan_op *op);
int child_do_file(struct child *c, const struct plan_op *op);
int child_do_link(struct child *c, const struct plan_op *op);
int child_do_node(struct child *c, const struct plan_op *op);
int child_do_write(struct child *c, const struct plan_op *op);

/* child_process.c */
int child_do_cgroup(struct child *c, const struct plan_op *op);
int child_do_unshare(struct child *c, const struct plan_op *op);
int child_do_identity(struct child *c, const struct plan_op *op);
int child_do_session(struct child *c, const struct plan_op *op);
int child_do_keyring(struct child *c, const struct plan_op *op);
int child_do_hostname(struct child *c, const struct plan_op *op);
int child_do_domainname(struct child *c, const struct plan_op *op);
int child_do_netlink(struct child *c, const struct plan_op *op);
int child_do_rlimit(struct child *c, const struct plan_op *op);
int child_do_affinity(struct child *c, const struct plan_op *op);
int child_do_scheduler(struct child *c, const struct plan_op *op);
int child_do_io_priority(struct child *c, const struct plan_op *op);
int child_do_memory_policy(struct child *c, const struct plan_op *op);
int child_do_personality(struct child *c, const struct plan_op *op);
int child_do_umask(struct child *c, const struct plan_op *op);
int child_do_chdir(struct child *c, const struct plan_op *op);
int child_do_survive(struct child *c, const struct plan_op *op);

/* child_privilege.c */
int child_do_bounding(struct child *c, const struct plan_op *op);
int child_do_securebits(struct child *c, const struct plan_op *op);
int child_do_groups(struct child *c, const struct plan_op *op);
int child_do_user(struct child *c, const struct plan_op *op);
int child_do_caps(struct child *c, const struct plan_op *op);
int child_do_no_new_privs(struct child *c, const struct plan_op *op);
int child_do_landlock(struct child *c, const struct plan_op *op);
int child_do_filter(struct child *c, const struct plan_op *op);

/* child_stdio.c */
int child_do_terminal(struct child *c, const struct plan_op *op);
int child_do_console(struct child *c, const struct plan_op *op);
int child_do_stdio(struct child *c, const struct plan_op *op);
int child_do_own_stdio(struct child *c, const struct plan_op *op);

/* child_hook.c */
int child_do_hook(struct child *c, const struct plan_op *op);
