/*
 * landlock.c - a second wall around the files of a dyno.
 */
#include "runtime/filter/landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>

/* Since 6.2, 6.10, 6.12 and 6.15: newer than Debian 12's headers. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#ifndef LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF
#define LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF (1U << 2)
#endif

#define READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define CHANGE (READ | WRITE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | \
	LANDLOCK_ACCESS_FS_REFER)

#define ABI_MIN 2	/* before, no file could move to another directory */

/* What each version of the kernel's Landlock brought. Connections are left to
 * the network's own rules. */
static const struct {
	int abi;
	struct landlock_attr attr;
	uint32_t flags;
} landlock_versions[] = {
	{ 2, { .handled_fs = (CHANGE & ~LANDLOCK_ACCESS_FS_TRUNCATE) | DEVICES } },
	{ 3, { .handled_fs = LANDLOCK_ACCESS_FS_TRUNCATE } },
	{ 5, { .handled_fs = LANDLOCK_ACCESS_FS_IOCTL_DEV } },
	/* dyno-init and all it starts are within: kill(-1) reaches them. */
	{ 6, { .scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET |
			 LANDLOCK_SCOPE_SIGNAL } },
	/* A program that confines itself must not fill the host's audit log. */
	{ 7, .flags = LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF },
};

/* What is granted below a directory is granted in all of it. */
static const struct landlock_rule landlock_places[] = {
	{ "/",		READ },
	/* of the dyno: what it may change, if modes let it */
	{ "/app",	CHANGE },
	{ "/tmp",	CHANGE },
	{ "/var",	CHANGE },
	{ "/run",	CHANGE },
	{ "/home",	CHANGE },
	{ "/mnt",	CHANGE },
	{ "/srv",	CHANGE },
	/* of the kernel: files that are there, such as /proc/self/comm */
	{ "/proc",	READ | WRITE },
	{ "/dev",	READ | WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV },
	{ "/dev/shm",	CHANGE },
	/* also behind mq_open(), which needs no path */
	{ "/dev/mqueue", CHANGE },
};

_Static_assert(ARRAY_SIZE(landlock_places) <= LANDLOCK_RULES_MAX, "too many");

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

bool landlock_rules(int abi, struct landlock_wall *ret)
{
	struct landlock_wall w = { .n_rules = ARRAY_SIZE(landlock_places) };

	if (abi < ABI_MIN)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(landlock_versions); i++) {
		if (landlock_versions[i].abi > abi)
			break;
		w.attr.handled_fs |= landlock_versions[i].attr.handled_fs;
		w.attr.scoped |= landlock_versions[i].attr.scoped;
		w.flags |= landlock_versions[i].flags;
	}
	for (size_t i = 0; i < w.n_rules; i++) {
		w.rules[i] = landlock_places[i];
		w.rules[i].access &= w.attr.handled_fs;
	}
	*ret = w;
	return true;
}
