#pragma once

/*
 * runtime.h - the container library: its only face.
 *
 * A dyno is a group of processes in namespaces and cgroups of its own, with
 * dyno-init as PID 1. Kernel objects and files of a dyno are all named after
 * its UUID, and are on record (run/dyno/dynos/<uuid>/record) before they are
 * made, so that whoever comes after a crash can adopt or remove them.
 *
 * The calling process has one thread, is root, and ignores SIGPIPE.
 *
 * Calling order: runtime_open; runtime_list + runtime_adopt for each; then any
 * number of runtime_start, dyno_signal, dyno_kill; when the dyno's pidfd
 * becomes readable, dyno_exit once, and runtime_remove when its output has
 * been read. runtime_close leaves the dynos running.
 */
#include "base/base.h"

#include <netinet/in.h>
#include <sys/types.h>

struct error;
struct runtime;
struct strv;

struct runtime_config {
	const char *run_dir;	/* <root>/run/dyno, owned by root */
	const char *slug_dir;	/* <root>/var/lib/dyno/slugs: trees/<sha256>/app */
	const char *stacks_dir;	/* <root>/var/lib/dyno/stacks */
	const char *root_name;	/* who we are, for the bridge's alias; "/" or DIR */
	const char *stack;	/* "host", or the name of an image in stacks_dir */
	const char *init_path;	/* the dyno-init program */
	const char *dns;	/* name servers, blank separated; NULL: the host's */
	const char *allowed;	/* networks that dynos may reach in any case, "10.1.0.0/16
				 * 192.168.4.7", up to 64; or NULL */
	int instance;		/* 0..63, or -1: the first free one */
	uid_t slug_uid;		/* owner of the slug trees on disk */
	gid_t slug_gid;
	bool ip_forward;	/* may set net.ipv4.ip_forward */
	bool slug_images;	/* slugs may be file systems: the kernel reads them as
				 * root (slug_image.h) */
};

/* What the host lacks, in sentences, one per call of tell(). */
typedef void (*runtime_tell_fn)(const char *what, void *userdata);

/*
 * Claims the instance number (the bridge "dyno<n>" is the claim), makes bridge,
 * nft table, parent cgroups and the stack's skeleton, compiles the seccomp
 * filter. Idempotent: finds its own things again by their names.
 * EBUSY: the wanted instance belongs to another root. EINVAL: what of "allowed"
 * is no network.
 */
int runtime_open(struct runtime **ret, const struct runtime_config *config,
		 runtime_tell_fn tell, void *userdata, struct error *e);
struct runtime *runtime_close(struct runtime *rt);
DEFINE_AUTO(struct runtime, runtime_close)

/*
 * Whether this program could do that while another one, which runs, holds the
 * instance: configuration, dyno-init, records and descriptors of its dynos can be
 * read. Changes nothing. *ret_dynos = how many are on record.
 */
int runtime_trial(const struct runtime_config *config, size_t *ret_dynos,
		  struct error *e);

/* "dyno3": prefix of all kernel objects of this instance. */
const char *runtime_prefix(const struct runtime *rt);

/*
 * What others change on the host while dynos run: its name servers, or a
 * firewall script that flushes our tables. The descriptor is readable then, and
 * runtime_serve() puts things right; a failure is tried again at the next start.
 * -1: such changes cannot be heard, which has been told.
 */
int runtime_fd(const struct runtime *rt);
int runtime_serve(struct runtime *rt, struct error *e);

/* Remove bridge, table and cgroups, with whatever lives in one without being on
 * record. EBUSY while a dyno is on record, or such a one is still ending. */
int runtime_wipe(struct runtime *rt, struct error *e);

/* ---- start ---- */

enum dyno_stdio {
	DYNO_STDIO_LOG,		/* one pipe for stdout and stderr; stdin empty */
	DYNO_STDIO_PIPES,	/* three pipes */
	DYNO_STDIO_PTY,		/* a terminal of the dyno's own devpts */
};

struct dyno_limits {
	uint64_t memory;	/* bytes: quota */
	uint64_t memory_swap;	/* bytes of memory + swap: hard limit */
	uint64_t tmpfs;		/* bytes of everything the dyno writes */
	uint64_t inodes;
	uint32_t pids;		/* processes and threads */
	uint32_t cpu_shares;	/* 1024 = 1x */
	uint32_t cpus;		/* what nproc shows; 0 = all */
	uint32_t files;		/* RLIMIT_NOFILE */
};

/* Whom a dyno may reach, besides its answers and its name servers. Never the
 * host, link-local addresses and other dynos, unless runtime_config allows them. */
enum dyno_egress {
	DYNO_EGRESS_INTERNET,	/* everybody else */
	DYNO_EGRESS_ALLOWED,	/* runtime_config.allowed alone */
	DYNO_EGRESS_NONE,	/* nobody, not even name servers */
	DYNO_EGRESS_COUNT,
};

struct dyno_spec {
	const char *uuid;	/* new, never used before */
	const char *hostname;	/* UUID of the dyno as the API shows it */
	const char *slug;	/* sha256 of an unpacked slug, NULL = empty /app */
	char *const *argv;	/* run by dyno-init; argv[0] is a path in the dyno */
	char *const *envp;
	struct dyno_limits limits;
	enum dyno_stdio stdio;
	uint16_t rows, cols;	/* PTY: 0 = 24 x 80 */
	enum dyno_egress egress;
	int lease_fd;		/* with a slug: a lock that shall last as long as the
				 * dyno, held by dyno-init; -1 = none. Borrowed */
};

enum { DYNO_FD_OUT, DYNO_FD_ERR, DYNO_FD_IN, DYNO_FD_COUNT };

/* Where the time of a start went: steps of the parent, then stages of the child,
 * which run at the same time from the clone on. */
#define DYNO_TRACE_STEPS(X) \
	X(RECORD, "record")	/* ids, address, record */ \
	X(CGROUP, "cgroup")	/* groups */ \
	X(LAYERS, "trees")	/* slug and stack as detached mounts */ \
	X(PLAN, "plan")		/* streams and plan */ \
	X(CLONE, "clone")	/* namespaces and their maps */ \
	X(LIMITS, "limits")	/* of the groups */ \
	X(LINK, "link")		/* interface and packet filter */ \
	X(CHILD_WAIT, "exec")	/* until the child has executed */

enum dyno_trace_stage {
#define X(name, word) DYNO_TRACE_##name,
	DYNO_TRACE_STEPS(X)
#undef X
	DYNO_TRACE_CHILD,	/* the first stage of the child */
};

#define DYNO_TRACE_CHILD_STAGES 14
#define DYNO_TRACE_COUNT (DYNO_TRACE_CHILD + DYNO_TRACE_CHILD_STAGES)

/* "record 48\ncgroup 306\n...child rootfs 250\n", without those that took no time;
 * usec. "" for an adopted dyno. The caller frees it. */
struct dyno;
char *dyno_trace_text(const struct dyno *d);

struct dyno {
	char *uuid;
	pid_t pid;			/* of dyno-init, host's view: for logs only */
	int pidfd;			/* readable when the dyno is gone */
	int fds[DYNO_FD_COUNT];		/* LOG: OUT. PIPES: all. PTY: OUT = master.
					 * -1 = none. IN is -1 in an adopted dyno. */
	enum dyno_stdio stdio;
	struct in_addr address;
	uint64_t started_usec;		/* CLOCK_REALTIME */
	uint32_t trace[DYNO_TRACE_COUNT];	/* usec; zeros in an adopted one */
	int memory_fd;			/* of dyno_watch_memory(), else -1 */
	struct cgroup_oom *watch;
};

/*
 * Start a dyno. On return the program of the spec has been handed to dyno-init
 * (a command that is not found shows as exit status 126/127). On failure *e names
 * the step, and nothing is left behind, or only what runtime_remove() takes away
 * when the last process has died. ENOENT: the slug is not unpacked.
 */
int runtime_start(struct runtime *rt, const struct dyno_spec *spec,
		  struct dyno **ret, struct error *e);

/*
 * The same in two halves, so that several starts can be under way at once: the
 * first returns when the child needs nothing more; when the descriptor is
 * readable, the second does not wait (it is meant for poll() only, and belongs
 * to *ret). The second takes the start away, whatever comes out; it waits 20 s
 * at most. runtime_cancel() takes it away, too, and undoes it as a failure does.
 * spec is not used any more after the first.
 */
struct start;
int runtime_begin(struct runtime *rt, const struct dyno_spec *spec,
		  struct start **ret, int *ret_fd, struct error *e);
int runtime_finish(struct start *s, struct dyno **ret, struct error *e);
struct start *runtime_cancel(struct start *s);

#define RUNTIME_START_SEC 20		/* an unfinished start is over by then */

/* UUIDs of all dynos on record. */
int runtime_list(struct runtime *rt, struct strv *ret, struct error *e);

#define RUNTIME_GONE 1		/* on record, but it has ended */

/*
 * Take over a dyno that an earlier process started. 0: it lives, with its
 * descriptors (by pidfd_getfd() from dyno-init). RUNTIME_GONE: it has ended;
 * *ret has pid 0 and pidfd -1, and dyno_exit() tells how, its output
 * descriptors are -1.
 */
int runtime_adopt(struct runtime *rt, const char *uuid, struct dyno **ret,
		  struct error *e);

/* ---- a running dyno ---- */

/* Send sig to every process in the dyno (dyno-init does kill(-1)). A dyno that
 * is gone is not an error. */
int dyno_signal(struct dyno *d, int sig, struct error *e);

/* SIGKILL to everything in it. */
int dyno_kill(struct runtime *rt, struct dyno *d, struct error *e);

/* What a running dyno uses. */
struct dyno_usage {
	uint64_t rss, cache, swap;	/* bytes */
	uint64_t paged_in, paged_out;	/* pages; 0 on cgroup v2 */
	uint64_t memory_peak;		/* bytes */
	uint64_t cpu_usec;
	uint64_t oom_kills;
	uint64_t pids;
	uint64_t runnable;		/* threads that run or could, at this moment */
};

int dyno_usage(struct runtime *rt, const struct dyno *d, struct dyno_usage *ret,
	       struct error *e);

/*
 * Have d->memory_fd become readable (EPOLLIN) when the kernel kills in the dyno
 * for want of memory. Then dyno_memory_event() tells how often since the last call,
 * 0 = it was something else; DYNO_WATCH_GONE: there will be no more, stop looking.
 */
#define DYNO_WATCH_GONE 1
int dyno_watch_memory(struct runtime *rt, struct dyno *d, struct error *e);
int dyno_memory_event(struct dyno *d, uint64_t *ret_kills, struct error *e);

struct dyno_exit {
	int status;		/* exit status 0..255, or 128 + signal */
	int signal;		/* 0, or the signal that ended the command */
	uint64_t oom_kills;	/* from the kernel's counters */
	uint64_t memory_peak;	/* bytes */
	uint64_t cpu_usec;
	uint64_t memory_stall_usec;	/* time that some process waited for memory; or */
#define DYNO_STALL_UNKNOWN UINT64_MAX	/* nobody measures: cgroup v1, or no PSI */
};

/* How it ended; call when the pidfd is readable, before runtime_remove(). */
int dyno_exit(struct runtime *rt, struct dyno *d, struct dyno_exit *ret,
	      struct error *e);

/*
 * Have dyno-init start another command inside of a running dyno: it has the
 * namespaces, cgroups, user and limits of the dyno, and ends with it at the latest.
 * Of the spec argv, envp, stdio (PIPES or PTY), rows and cols count. Does not wait:
 * *ret_session is a SEQPACKET socket, on which dyno-init tells the rest. When it is
 * closed before the command has ended, the command gets SIGHUP. EOPNOTSUPP: the dyno
 * was started by an older version; ESRCH: it has ended; EBUSY: it does not listen.
 */
int dyno_inside(struct dyno *d, const struct dyno_spec *spec, int *ret_session,
		struct error *e);

/* Packets on a session. First comes STARTED or FAILED, later ENDED; a session that
 * ends without has ended with its dyno. */
enum dyno_session_what {
	DYNO_SESSION_STARTED,	/* descriptors come along: PTY: its master; PIPES:
				 * as DYNO_FD_* */
	DYNO_SESSION_FAILED,	/* value: errno */
	DYNO_SESSION_ENDED,	/* value: 0..255, or 128 + signal */
	DYNO_SESSION_SIGNAL,	/* to dyno-init: value is for the command's process
				 * group */
};

struct dyno_session {
	uint32_t what;
	int32_t value;
};

#define DYNO_SESSIONS_MAX 16	/* commands inside of a dyno at the same time */

struct dyno *dyno_free(struct dyno *d);	/* closes, does not end it */
DEFINE_AUTO(struct dyno, dyno_free)

/*
 * Remove whatever a dyno left: processes, cgroups, nft elements, record. The
 * link goes with its namespace, behind the caller's back. Independent idempotent
 * steps: each is tried; the first failure is returned, and calling again goes
 * on. The record goes last. Does not wait. EBUSY: a process in it, which has got
 * SIGKILL, has not ended yet; normally that takes milliseconds, and may take for
 * ever if the kernel holds it.
 */
int runtime_remove(struct runtime *rt, const char *uuid, struct error *e);
