/*
 * sandbox_landlock.c - the wall for files that needs no privilege.
 *
 * It governs opening, making and removing; not who asks whether a file exists,
 * and no descriptor that was open before.
 */
#include "base/error.h"
#include "slugstore/unpack/sandbox_walls.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Since 6.2 and 6.12: newer than Debian 12's headers. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

#define FILL (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
	LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define NEVER (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SOCK)

#define ABI_MIN 2	/* before, hard links did not cross directories */
#define ABI_TRUNCATE 3
#define ABI_SCOPED 6

/* The kernel's; an older one takes it as long as what it does not know is 0. */
struct sandbox_ruleset {
	uint64_t fs, net, scoped;
};

static int sandbox_landlock_rule(int fd, int dir_fd, uint64_t access,
				 struct error *e)
{
	const struct landlock_path_beneath_attr rule = {
		.allowed_access = access, .parent_fd = dir_fd,
	};

	if (dir_fd >= 0 &&
	    syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0) < 0)
		return error_sys(e, "Landlock: add a rule");
	return 0;
}

int sandbox_landlock(int dir_fd, struct error *e)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	struct sandbox_ruleset set = { .fs = FILL | NEVER };
	uint64_t access = FILL;
	auto_close int fd = -1;
	int r;

	if (abi < 0)
		return error_sys(e, "Landlock");
	if (abi < ABI_MIN)
		return error_set(e, ENOSYS, "Landlock: the kernel's is too old");
	if (abi >= ABI_TRUNCATE) {
		set.fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
		access |= LANDLOCK_ACCESS_FS_TRUNCATE;
	}
	if (abi >= ABI_SCOPED)
		set.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET |
			     LANDLOCK_SCOPE_SIGNAL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof(set), 0);
	if (fd < 0)
		return error_sys(e, "Landlock: make rules");
	r = sandbox_landlock_rule(fd, dir_fd, access, e);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return error_sys(e, "Landlock: enter");
	return 0;
}
