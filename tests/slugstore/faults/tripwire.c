/*
 * tripwire.c - run a command and trip it at its n-th change of a file system.
 *
 * What strace(1) injects, it counts by thread, so that nobody can say "the fifth
 * write of the child", nor stop all processes at a point and look. Here the
 * points of all processes have one numbering.
 *
 *   tripwire [-s SET] [-w any|parent|child] [-p PREFIX]... [-l LOG] [-t SECONDS]
 *            [-n N -d ACTION [-k]] [-x HOOK] -- COMMAND...
 *
 * A point is a call of SET (change, space, io, sync, write, all) on a path below a
 * PREFIX or on a pipe, by the command itself (parent) or its descendants
 * (child). Before the N-th point the ACTION is taken: kill its process, killall,
 * fail with an error (ENOSPC, EIO), or let a write be short. -k: at all points
 * from there on. HOOK is run (sh -c) before each point, all threads halted.
 * LOG gets a line for each point: number, who, sets (enum call_set), call, target.
 *
 * The status is the command's, 128 + signal if it was killed, 124 out of time.
 */
#include "tests/slugstore/faults/tripwire_call.h"

#include <elf.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#define WIRE_TASKS_MAX 64
#define WIRE_PREFIXES_MAX 8
#define WIRE_SECONDS 60
#define WIRE_HALT_TRIES 100
#define WIRE_STATUS_LATE 124
#define WIRE_STATUS_BROKEN 125

#if defined(__x86_64__)
#define REG_ARG0(r) ((r)->rdi)
#define REG_ARG1(r) ((r)->rsi)
#define REG_ARG2(r) ((r)->rdx)
#define REG_RESULT(r) ((r)->rax)
#elif defined(__aarch64__)
#define REG_ARG0(r) ((r)->regs[0])
#define REG_ARG1(r) ((r)->regs[1])
#define REG_ARG2(r) ((r)->regs[2])
#define REG_RESULT(r) ((r)->regs[0])
#else
#error "name the registers of a system call here"
#endif

enum action { ACT_NONE, ACT_KILL, ACT_KILLALL, ACT_SHORT, ACT_ERROR };

struct task {
	pid_t tid, tgid;	/* tid 0: unused */
	bool failing;		/* its call is to return -error */
	bool halted;		/* stopped for the hook; status is still to be seen to */
	int status;
	struct user_regs_struct saved;
};

struct wire {
	unsigned set;
	const char *who;
	const char *prefixes[WIRE_PREFIXES_MAX];
	size_t n_prefixes;
	FILE *log;
	unsigned at, points;
	enum action action;
	int error;		/* of ACT_ERROR */
	bool keep;
	const char *hook;
	pid_t leader;
	int status;		/* of the leader */
	struct task tasks[WIRE_TASKS_MAX];
};

static _Noreturn void wire_die(const char *what)
{
	fprintf(stderr, "tripwire: %s: %s\n", what, strerror(errno));
	exit(WIRE_STATUS_BROKEN);
}

static pid_t wire_tgid(pid_t tid)
{
	char path[64], line[128];
	pid_t tgid = tid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (str_after(line, "Tgid:"))
			tgid = (pid_t)strtol(line + 5, NULL, 10);
	if (f)
		fclose(f);
	return tgid;
}

static struct task *wire_task(struct wire *w, pid_t tid)
{
	struct task *unused = NULL;

	for (size_t i = 0; i < WIRE_TASKS_MAX; i++) {
		if (w->tasks[i].tid == tid)
			return &w->tasks[i];
		if (!w->tasks[i].tid && !unused)
			unused = &w->tasks[i];
	}
	if (!unused) {
		fprintf(stderr, "tripwire: more than %d threads\n", WIRE_TASKS_MAX);
		exit(WIRE_STATUS_BROKEN);
	}
	*unused = (struct task){ .tid = tid, .tgid = wire_tgid(tid) };
	return unused;
}

static void regs_get(pid_t tid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &v) < 0 && errno != ESRCH)
		wire_die("read registers");
}

static void regs_set(pid_t tid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	if (ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &v) < 0 && errno != ESRCH)
		wire_die("write registers");
}

/* The call stays what it is, since a seccomp filter may still look at it, but its
 * first arguments become nonsense, so that it does nothing. */
static void task_fail_call(struct task *t)
{
	struct user_regs_struct r;

	regs_get(t->tid, &t->saved);
	r = t->saved;
	REG_ARG0(&r) = (unsigned long)-1;
	REG_ARG1(&r) = 1;
	regs_set(t->tid, &r);
	t->failing = true;
}

static void task_end_call(struct task *t, int error)
{
	struct user_regs_struct r;

	regs_get(t->tid, &r);
	REG_ARG0(&r) = REG_ARG0(&t->saved);
	REG_ARG1(&r) = REG_ARG1(&t->saved);
	REG_RESULT(&r) = (unsigned long)-error;
	regs_set(t->tid, &r);
	t->failing = false;
}

static void task_shorten_call(struct task *t)
{
	struct user_regs_struct r;

	regs_get(t->tid, &r);
	REG_ARG2(&r) = (REG_ARG2(&r) + 1) / 2;
	regs_set(t->tid, &r);
}

/* Who does not stop soon waits in the kernel, for instance in vfork(), and changes
 * nothing either. */
static void wire_halt(struct wire *w, const struct task *but)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000L };

	for (size_t i = 0; i < WIRE_TASKS_MAX; i++) {
		struct task *t = &w->tasks[i];

		if (!t->tid || t == but || t->halted ||
		    ptrace(PTRACE_INTERRUPT, t->tid, 0, 0) < 0)
			continue;
		for (int n = 0; n < WIRE_HALT_TRIES && !t->halted; n++) {
			t->halted = waitpid(t->tid, &t->status,
					    __WALL | WNOHANG) == t->tid;
			if (!t->halted)
				nanosleep(&pause, NULL);
		}
	}
}

static void wire_hook(struct wire *w, const struct task *at, const struct call *c,
		      const char *target)
{
	char number[16];
	int status;
	pid_t pid;

	wire_halt(w, at);
	snprintf(number, sizeof(number), "%u", w->points);
	setenv("TRIPWIRE_POINT", number, 1);
	setenv("TRIPWIRE_CALL", c->name, 1);
	setenv("TRIPWIRE_TARGET", target, 1);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", w->hook, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "tripwire: the hook failed\n");
		exit(WIRE_STATUS_BROKEN);
	}
}

static void wire_act(struct wire *w, struct task *t)
{
	switch (w->action) {
	case ACT_KILL:
		kill(t->tgid, SIGKILL);
		break;
	case ACT_KILLALL:
		for (size_t i = 0; i < WIRE_TASKS_MAX; i++)
			if (w->tasks[i].tid)
				kill(w->tasks[i].tgid, SIGKILL);
		break;
	case ACT_SHORT:
		task_shorten_call(t);
		break;
	case ACT_ERROR:
		task_fail_call(t);
		break;
	case ACT_NONE:
		break;
	}
}

/* Pipes do not fail; what ends while writing to one is of interest. */
static unsigned wire_sets(const struct call *c, const char *target)
{
	if (!str_after(target, "pipe:"))
		return c->sets;
	return c->sets & CALL_WRITE ? CALL_CHANGE | CALL_WRITE : 0;
}

static bool wire_wants(const struct wire *w, const struct task *t,
		       const struct call *c, const char *target)
{
	if (!(wire_sets(c, target) & w->set) ||
	    (str_eq(w->who, "parent") && t->tgid != w->leader) ||
	    (str_eq(w->who, "child") && t->tgid == w->leader))
		return false;
	if (str_after(target, "pipe:"))
		return true;
	/* Closing matters where it ends a lock. */
	if (c->nr == SYS_close &&
	    (strstr(target, "/app") || (!strstr(target, "/locks/") &&
	     !strstr(target, "/incoming/") && !strstr(target, "/partial/"))))
		return false;
	for (size_t i = 0; i < w->n_prefixes; i++)
		if (str_after(target, w->prefixes[i]))
			return true;
	return false;
}

static void wire_enter(struct wire *w, struct task *t,
		       const struct __ptrace_syscall_info *info)
{
	char target[CALL_TARGET_MAX];
	const struct call *c = call_find(info);
	bool here;

	if (!c || !(c->sets & w->set))
		return;
	call_target(c, t->tid, info, target);
	if (!wire_wants(w, t, c, target))
		return;
	w->points++;
	here = w->at && (w->points == w->at || (w->keep && w->points > w->at));
	if (w->log) {
		fprintf(w->log, "%u %s %u %s %s%s\n", w->points,
			t->tgid == w->leader ? "parent" : "child",
			wire_sets(c, target), c->name, target,
			here ? " <== here" : "");
		fflush(w->log);
	}
	if (w->hook && (!w->at || here))
		wire_hook(w, t, c, target);
	if (here)
		wire_act(w, t);
}

static void wire_syscall(struct wire *w, struct task *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) < 0)
		return;		/* killed meanwhile */
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		wire_enter(w, t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->failing)
		task_end_call(t, w->error);
}

/* What a thread of the command reports; let it go on. */
static void wire_stop(struct wire *w, pid_t tid, int status)
{
	struct task *t = wire_task(w, tid);
	int event, sig = 0;

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		if (tid == w->leader)
			w->status = status;
		t->tid = 0;
		return;
	}
	event = status >> 16;
	if (WSTOPSIG(status) == (SIGTRAP | 0x80))
		wire_syscall(w, t);
	else if (!event)
		sig = WSTOPSIG(status);
	ptrace(PTRACE_SYSCALL, tid, 0, sig);
}

static bool wire_step(struct wire *w)
{
	int status;
	pid_t tid;

	for (size_t i = 0; i < WIRE_TASKS_MAX; i++) {
		struct task *t = &w->tasks[i];

		if (t->tid && t->halted) {
			t->halted = false;
			wire_stop(w, t->tid, t->status);
			return true;
		}
	}
	tid = waitpid(-1, &status, __WALL);
	if (tid < 0 && errno == ECHILD)
		return false;
	if (tid < 0)
		wire_die("wait");
	wire_stop(w, tid, status);
	return true;
}

static void wire_start(struct wire *w, char **argv)
{
	char byte;
	int go[2], status;

	if (pipe2(go, O_CLOEXEC) < 0)
		wire_die("make a pipe");
	w->leader = fork();
	if (w->leader < 0)
		wire_die("fork");
	if (w->leader == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) < 0)
			_exit(WIRE_STATUS_BROKEN);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, w->leader, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
		   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, w->leader, 0, 0) < 0 ||
	    waitpid(w->leader, &status, __WALL) != w->leader)
		wire_die("trace");
	wire_task(w, w->leader);
	ptrace(PTRACE_SYSCALL, w->leader, 0, 0);
	close(go[1]);
}

static void wire_set_action(struct wire *w, const char *name)
{
	static const struct { const char *name; enum action action; int error; } all[] = {
		{ "kill", ACT_KILL, 0 }, { "killall", ACT_KILLALL, 0 },
		{ "short", ACT_SHORT, 0 }, { "ENOSPC", ACT_ERROR, ENOSPC },
		{ "EIO", ACT_ERROR, EIO }, { "EDQUOT", ACT_ERROR, EDQUOT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (str_eq(all[i].name, name)) {
			w->action = all[i].action;
			w->error = all[i].error;
			return;
		}
	}
	fprintf(stderr, "tripwire: unknown action %s\n", name);
	exit(2);
}

/* EXITKILL takes the command with us. */
static void on_late(int sig)
{
	static const char text[] = "tripwire: the command takes too long\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(sig == SIGALRM ? WIRE_STATUS_LATE : WIRE_STATUS_BROKEN);
}

static void wire_options(struct wire *w, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+s:w:p:l:t:n:d:kx:")) != -1) {
		switch (c) {
		case 's': w->set = call_set_by_name(optarg); break;
		case 'w': w->who = optarg; break;
		case 'l': w->log = fopen(optarg, "we"); break;
		case 't': alarm((unsigned)strtoul(optarg, NULL, 10)); break;
		case 'n': w->at = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'd': wire_set_action(w, optarg); break;
		case 'k': w->keep = true; break;
		case 'x': w->hook = optarg; break;
		case 'p':
			if (w->n_prefixes < WIRE_PREFIXES_MAX)
				w->prefixes[w->n_prefixes++] = optarg;
			break;
		default: exit(2);
		}
	}
	if (optind == argc || !w->set || (w->at && !w->action && !w->hook)) {
		fprintf(stderr, "tripwire: see the head of tripwire.c\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static struct wire w = { .set = CALL_CHANGE, .who = "any" };

	signal(SIGALRM, on_late);
	alarm(WIRE_SECONDS);
	wire_options(&w, argc, argv);
	wire_start(&w, argv + optind);
	while (wire_step(&w))
		;
	if (w.log)
		fclose(w.log);
	return WIFSIGNALED(w.status) ? 128 + WTERMSIG(w.status)
				     : WEXITSTATUS(w.status);
}
