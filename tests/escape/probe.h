#pragma once

/*
 * probe.h - one attempt at getting out of a dyno, and what must become of it.
 *
 * A probe is a system call with arguments, or a function. Its outcome is a
 * short text: "ok" (it got through), the name of the error, the name of the
 * signal that ended it, or what the probe said. A probe that works in a dyno
 * ("ok") is one whose effect ends at the dyno's own namespaces: the file says
 * why. Every probe runs in a process of its own.
 */
#include <stddef.h>

/* Who tries. The head of main.c says what each of them stands for. */
enum identity { IDENTITY_USER, IDENTITY_NESTED, IDENTITY_ROOT, IDENTITY_COUNT };

#define PROBE_ARGS 6

struct probe {
	const char *name;
	/* Outcomes that are right, with '|' between; NULL: not tried by that one. */
	const char *want[IDENTITY_COUNT];
	/* Returns < 0 with errno, or >= 0; NULL: the system call. */
	int (*run)(const struct probe *p);
	long call;
	const void *args[PROBE_ARGS];
};

/* A number where args wants a pointer. */
#define N(x) ((const void *)(unsigned long)(x))

/* Ended by an entry without a name. */
extern const struct probe probe_mounts[];
extern const struct probe probe_files[];
extern const struct probe probe_tree[];
extern const struct probe probe_processes[];
extern const struct probe probe_namespaces[];
extern const struct probe probe_filter[];
extern const struct probe probe_kernel[];
extern const struct probe probe_network[];
extern const struct probe probe_ether[];
extern const struct probe probe_terminal[];

/* ---- for functions of probes ---- */

/* The outcome is this text; does not return. */
_Noreturn void probe_say(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Of whom this process is. */
extern enum identity probe_identity;

/* NAME=VALUE of the command line; NULL: not given. */
const char *probe_setting(const char *name);

/* What is in a file: at most size - 1 bytes, with '\0' behind; -1 with errno. */
int probe_slurp(const char *path, char *ret, size_t size);

/* Open for writing, and write: what the kernel says of the one or the other. */
int probe_write(const char *path, const char *text);

/* ---- bombs.c ---- */

/* Takes as much of something as it gets. Returns the exit status, if at all. */
int bombs_run(const char *name);

/* ---- enter.c ---- */

/* Becomes a process of the dyno whose first process is pid, in all namespaces,
 * without its filter, as this user in it, and executes argv there. Only root of
 * the host can. Returns the exit status. */
int enter_dyno(int pid, unsigned uid, char **argv);

/* Becomes root of a new user namespace below the present one. */
int enter_nested(void);
