/*
 * test-sandbox.c - who is inside tries what it may not, by system calls of its
 * own; what it says and does on the pipe is an enemy's.
 *
 * Run by root, everything is tried once more as another user.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/sandbox.h"
#include "slugstore/unpack/sandbox_message.h"
#include "slugstore/unpack/sandbox_unpack.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <setjmp.h>
#include <cmocka.h>

#define OTHER_UID 54321
#define MIB (1024UL * 1024)
#define SECRET_FD 77		/* open in the parent, not given */

#if defined(__has_feature)
#define IS_SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

struct fixture {
	char *dir;
	char *outside;		/* a file beside the directory */
	int dir_fd, file_fd;	/* file_fd: given, like a slug file */
	unsigned without;
	bool no_dir;
	pid_t parent;
	int pipe_fd;		/* given, if it is not -1 */
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	auto_free char *inner = NULL, *link = NULL;

	f->dir = maker_new_dir();
	inner = xasprintf("%s/inner", f->dir);
	f->outside = xasprintf("%s/outside", f->dir);
	assert_int_equal(mkdir(inner, 0755), 0);
	link = xasprintf("%s/out", inner);
	assert_int_equal(symlink(f->outside, link), 0);
	f->dir_fd = open(inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->file_fd = open(f->outside, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(f->file_fd, "slug", 4), 4);
	assert_true(f->dir_fd >= 0 && f->file_fd >= 0);
	f->parent = getpid();
	f->pipe_fd = -1;
	assert_int_equal(dup2(f->file_fd, SECRET_FD), SECRET_FD);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(SECRET_FD);
	fd_close(f->dir_fd);
	fd_close(f->file_fd);
	maker_remove_dir(f->dir);
	free(f->outside);
	free(f);
	return 0;
}

static struct sandbox_spec spec_of(struct fixture *f,
				   int (*run)(struct sandbox_inside *, void *,
					      void *, struct error *))
{
	return (struct sandbox_spec){
		.dir_fd = f->no_dir ? -1 : f->dir_fd,
		.fds = { f->file_fd, f->pipe_fd },
		.n_fds = f->pipe_fd < 0 ? 1 : 2,
		.memory_bytes = 64 * MIB, .file_bytes = MIB, .seconds = 30,
		.without = f->without, .run = run, .userdata = f,
		.result_n = SANDBOX_RESULT_MAX,
	};
}

/* ---- what is tried inside: each true if it could be done ---- */

static bool try_open_passwd(struct fixture *f)
{
	return openat(AT_FDCWD, "/etc/passwd", O_RDONLY) >= 0 ||
	       syscall(SYS_open, "/etc/passwd", O_RDONLY) >= 0;
}

static bool try_open_above(struct fixture *f)
{
	struct open_how how = { .flags = O_RDONLY };

	return openat(f->dir_fd, "../outside", O_RDONLY) >= 0 ||
	       openat(f->dir_fd, "../../../../../../etc/passwd", O_RDONLY) >= 0 ||
	       syscall(SYS_openat2, f->dir_fd, "../outside", &how, sizeof(how)) >= 0;
}

static bool try_open_link(struct fixture *f)
{
	return openat(f->dir_fd, "out", O_RDONLY) >= 0;
}

static bool try_write_outside(struct fixture *f)
{
	/* Whether these two came out is seen from outside. */
	close(openat(f->dir_fd, "../new", O_WRONLY | O_CREAT, 0644));
	mkdirat(f->dir_fd, "../newer", 0755);
	return openat(AT_FDCWD, f->outside, O_WRONLY) >= 0 ||
	       openat(AT_FDCWD, "/tmp", O_TMPFILE | O_WRONLY, 0600) >= 0;
}

static bool try_proc(struct fixture *f)
{
	return openat(AT_FDCWD, "/proc/self/mem", O_RDWR) >= 0 ||
	       openat(AT_FDCWD, "/proc/self/root", O_RDONLY) >= 0 ||
	       openat(AT_FDCWD, "/dev/null", O_RDONLY) >= 0;
}

static bool try_remove_outside(struct fixture *f)
{
	return unlinkat(AT_FDCWD, f->outside, 0) == 0 ||
	       unlinkat(f->dir_fd, "../outside", 0) == 0 ||
	       syscall(SYS_renameat2, f->dir_fd, "../outside", f->dir_fd, "x", 0)
	       == 0;
}

static bool try_link_outside(struct fixture *f)
{
	return linkat(AT_FDCWD, f->outside, f->dir_fd, "x", 0) == 0 ||
	       linkat(f->file_fd, "", f->dir_fd, "x", AT_EMPTY_PATH) == 0 ||
	       linkat(AT_FDCWD, "/proc/self/fd/0", f->dir_fd, "x",
		      AT_SYMLINK_FOLLOW) == 0;
}

static bool try_change_outside(struct fixture *f)
{
	return fchmodat(AT_FDCWD, f->outside, 0777, 0) == 0 ||
	       fchownat(AT_FDCWD, f->outside, 1, 1, 0) == 0 ||
	       syscall(SYS_setxattr, f->outside, "user.x", "", 0, 0) == 0 ||
	       syscall(SYS_fsetxattr, f->file_fd, "user.x", "", 0, 0) == 0;
}

static bool try_socket(struct fixture *f)
{
	int p[2];

	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ||
	       socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
	       socket(AF_NETLINK, SOCK_RAW, 0) >= 0 ||
	       socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0;
}

static bool try_execute(struct fixture *f)
{
	char name[] = "true", *const argv[] = { name, NULL };

	execve("/bin/true", argv, argv);
	return syscall(SYS_execveat, f->file_fd, "", argv, argv,
		       AT_EMPTY_PATH) == 0 || errno != EPERM;
}

static bool try_fork(struct fixture *f)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		pid = syscall(SYS_fork);
	if (pid < 0)
		pid = syscall(SYS_vfork);
	if (pid < 0)
		pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	return pid > 0 || errno != ENOSYS;
}

static bool try_trace(struct fixture *f)
{
	char c;
	struct iovec v = { &c, 1 };

	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ||
	       ptrace(PTRACE_SEIZE, f->parent, NULL, NULL) == 0 ||
	       process_vm_readv(f->parent, &v, 1, &v, 1, 0) >= 0 ||
	       process_vm_writev(f->parent, &v, 1, &v, 1, 0) >= 0;
}

static bool try_kill(struct fixture *f)
{
	siginfo_t si = { .si_code = SI_QUEUE };

	return kill(f->parent, 0) == 0 || kill(-1, 0) == 0 || kill(0, 0) == 0 ||
	       syscall(SYS_tgkill, f->parent, f->parent, 0) == 0 ||
	       syscall(SYS_tkill, f->parent, 0) == 0 ||
	       syscall(SYS_rt_sigqueueinfo, f->parent, 0, &si) == 0 ||
	       syscall(SYS_pidfd_open, f->parent, 0) >= 0 ||
	       fcntl(f->file_fd, F_SETOWN, f->parent) == 0 ||
	       fcntl(f->file_fd, F_SETSIG, SIGKILL) == 0 ||
	       fcntl(f->file_fd, F_SETLEASE, F_RDLCK) == 0;
}

static bool try_limits_of_parent(struct fixture *f)
{
	struct rlimit none = { 0, 0 }, more = { RLIM_INFINITY, RLIM_INFINITY };

	return syscall(SYS_prlimit64, f->parent, RLIMIT_CPU, &none, NULL) == 0 ||
	       syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &more, NULL) == 0 ||
	       setpriority(PRIO_PROCESS, (id_t)f->parent, 19) == 0 ||
	       syscall(SYS_sched_setscheduler, f->parent, 0, &none) == 0;
}

static bool try_special_file(struct fixture *f)
{
	return mknodat(f->dir_fd, "fifo", S_IFIFO | 0644, 0) == 0 ||
	       mknodat(f->dir_fd, "sock", S_IFSOCK | 0644, 0) == 0 ||
	       mknodat(f->dir_fd, "dev", S_IFCHR | 0644, 0) == 0;
}

static bool try_setuid_file(struct fixture *f)
{
	auto_close int fd = openat(f->dir_fd, "file", O_WRONLY | O_CREAT, 0755);

	return openat(f->dir_fd, "setuid", O_WRONLY | O_CREAT, 04755) >= 0 ||
	       openat(f->dir_fd, "setgid", O_WRONLY | O_CREAT, 02755) >= 0 ||
	       fchmod(fd, 04755) == 0 || fchmod(fd, 02755) == 0 ||
	       fchmodat(f->dir_fd, "file", 04755, 0) == 0 ||
	       fchown(fd, 0, 0) == 0;
}

static bool try_privilege(struct fixture *f)
{
	uint32_t head[2] = { 0x20080522, 0 }, caps[6] = { 0 };

	caps[0] = caps[1] = ~0U;
	return syscall(SYS_setuid, 0) == 0 || syscall(SYS_setresuid, 0, 0, 0) == 0 ||
	       syscall(SYS_setgroups, 0, NULL) == 0 ||
	       syscall(SYS_capset, head, caps) == 0 || unshare(CLONE_NEWUSER) == 0 ||
	       setns(f->file_fd, 0) == 0 || chroot(".") == 0 || chdir("/") == 0 ||
	       fchdir(f->dir_fd) == 0 || prctl(PR_SET_DUMPABLE, 1) == 0 ||
	       prctl(PR_SET_PDEATHSIG, 0) == 0 ||
	       syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL) == 0;
}

static bool try_kernel(struct fixture *f)
{
	char params[128] = { 0 };

	return syscall(SYS_io_uring_setup, 1, params) >= 0 ||
	       syscall(SYS_bpf, 0, params, sizeof(params)) >= 0 ||
	       syscall(SYS_perf_event_open, params, 0, -1, -1, 0) >= 0 ||
	       syscall(SYS_keyctl, 0, 0, 0) >= 0 ||
	       syscall(SYS_userfaultfd, 1) >= 0 ||
	       syscall(SYS_memfd_create, "x", 0) >= 0 ||
	       syscall(SYS_ioctl, f->file_fd, 0x5401, params) >= 0 ||
	       syscall(SYS_inotify_init1, 0) >= 0 ||
	       syscall(SYS_shmget, 1, 4096, 01600) >= 0 ||
	       syscall(SYS_landlock_create_ruleset, params, 8, 0) >= 0 ||
	       syscall(SYS_seccomp, 0, 0, NULL) >= 0;
}

static bool try_code(struct fixture *f)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ||
	       mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ||
	       mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

/* Nor may it be an inode of the host that 0 to 2 are. */
static bool try_other_files(struct fixture *f)
{
	struct stat st;
	bool is_host = false;

	for (int fd = 0; fd <= 2; fd++)
		is_host |= fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode) &&
			   fchmod(fd, st.st_mode & 07777) == 0;
	return is_host;
}

/* Whatever is open beside the three: an empty pipe, and what was given. */
static bool try_other_descriptors(struct fixture *f)
{
	int others = 0;
	char c;

	for (int fd = 0; fd < 4096; fd++)
		others += fd != f->dir_fd && fd != f->file_fd &&
			  fd != f->pipe_fd && fcntl(fd, F_GETFD) >= 0;
	/* 0, 1, 2 and the way to report. */
	return others != 4 || read(0, &c, 1) != 0 || write(1, "x", 1) >= 0 ||
	       pread(SECRET_FD, &c, 1, 0) >= 0;
}

static bool try_much_memory(struct fixture *f)
{
	return !IS_SANITIZED && mmap(NULL, 128 * MIB, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool try_large_file(struct fixture *f)
{
	return pwrite(f->file_fd, "x", 1, MIB) >= 0 ||
	       ftruncate(f->file_fd, 2 * MIB) == 0;
}

/* Landlock alone lets it ask what exists. */
static bool try_look_outside(struct fixture *f)
{
	struct stat st;

	return fstatat(AT_FDCWD, f->outside, &st, 0) == 0 ||
	       fstatat(f->dir_fd, "../outside", &st, 0) == 0;
}

struct probe {
	const char *name;
	bool (*try)(struct fixture *f);
	unsigned needs;			/* walls without which it succeeds */
};

static const struct probe probes[] = {
	{ "open a file of the host", try_open_passwd },
	{ "open a file above the directory", try_open_above },
	{ "open a file by a link", try_open_link },
	{ "write outside", try_write_outside },
	{ "use /proc", try_proc },
	{ "remove a file outside", try_remove_outside },
	{ "link a file of outside", try_link_outside },
	{ "change a file outside", try_change_outside },
	{ "open a socket", try_socket },
	{ "execute", try_execute },
	{ "fork", try_fork },
	{ "trace", try_trace },
	{ "signal", try_kill },
	{ "change limits", try_limits_of_parent },
	{ "make special files", try_special_file },
	{ "make setuid files", try_setuid_file },
	{ "gain privilege", try_privilege },
	{ "use large parts of the kernel", try_kernel },
	{ "map code or shared memory", try_code },
	{ "change files of the host", try_other_files },
	{ "use other descriptors", try_other_descriptors },
	{ "take much memory", try_much_memory },
	{ "write a large file", try_large_file },
	{ "look at files outside", try_look_outside, SANDBOX_NAMESPACES },
};

static int run_probes(struct sandbox_inside *in, void *userdata, void *result,
		      struct error *e)
{
	struct fixture *f = userdata;
	char *done = result;

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		done[i] = probes[i].try(f);
	return 0;
}

static void assert_confined(struct fixture *f)
{
	struct sandbox_spec spec = spec_of(f, run_probes);
	char done[SANDBOX_RESULT_MAX] = "";
	struct error e = { 0 };

	if (sandbox_run(&spec, done, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (done[i] && !(probes[i].needs & f->without))
			fail_msg("could %s", probes[i].name);
	assert_int_equal(maker_count(f->dir, "."), 2);
}

static void nothing_that_is_forbidden_can_be_done(void **state)
{
	assert_confined(*state);
}

static void landlock_does_where_namespaces_are_forbidden(void **state)
{
	struct fixture *f = *state;

	f->without = SANDBOX_NAMESPACES;
	assert_confined(f);
}

static void namespaces_do_where_landlock_is_absent(void **state)
{
	struct fixture *f = *state;

	f->without = SANDBOX_LANDLOCK;
	assert_confined(f);
}

static void without_either_nothing_runs(void **state)
{
	struct fixture *f = *state;
	struct sandbox_spec spec;
	char done[SANDBOX_RESULT_MAX];
	struct error e = { 0 };

	f->without = SANDBOX_LANDLOCK | SANDBOX_NAMESPACES;
	spec = spec_of(f, run_probes);
	assert_int_equal(sandbox_run(&spec, done, &e), -EPERM);
	assert_string_equal(e.msg, "no sandbox can be had here: user namespace:"
			    " left out; Landlock: left out");
}

/* ---- and what can ---- */

static void *on_thread(void *userdata)
{
	return userdata;
}

static int run_fill(struct sandbox_inside *in, void *userdata, void *result,
		    struct error *e)
{
	struct fixture *f = userdata;
	struct timespec t[2] = { { .tv_sec = 5 }, { .tv_sec = 5 } };
	pthread_t thread;
	char c;
	int fd;

	mkdirat(f->dir_fd, "d", 0700);
	fd = file_open_beneath(f->dir_fd, "d", O_PATH | O_DIRECTORY, 0, e);
	fd = openat(fd, "f", O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || pwrite(fd, "text", 4, 0) != 4 || ftruncate(fd, 9) < 0 ||
	    fchmod(fd, 01751) < 0 || futimens(fd, t) < 0 ||
	    symlinkat("/x", f->dir_fd, "l") < 0 ||
	    linkat(f->dir_fd, "d/f", f->dir_fd, "h", 0) < 0 ||
	    utimensat(f->dir_fd, "l", t, AT_SYMLINK_NOFOLLOW) < 0 ||
	    unlinkat(f->dir_fd, "out", 0) < 0)
		return error_sys(e, "fill the directory");
	if (pread(f->file_fd, &c, 1, 3) != 1 || c != 'g')
		return error_sys(e, "read what was given");
	free(xmalloc(16 * MIB));
	if (pthread_create(&thread, NULL, on_thread, f) ||
	    pthread_join(thread, NULL))
		return error_set(e, EIO, "make a thread");
	sandbox_progress(1, 2, in);
	sandbox_progress(2, 2, in);
	memcpy(result, "done", 5);
	return 0;
}

static void on_progress(uint64_t done, uint64_t total, void *userdata)
{
	uint64_t *sum = userdata;

	*sum += 10 * done + total;
}

static void the_directory_can_be_filled(void **state)
{
	struct fixture *f = *state;
	char text[SANDBOX_RESULT_MAX];
	struct error e = { 0 };
	uint64_t sum = 0;
	struct stat st;

	for (unsigned without = 0; without < 3; without++) {
		struct sandbox_spec spec;

		f->without = without;
		spec = spec_of(f, run_fill);
		spec.on_progress = on_progress;
		spec.on_progress_userdata = &sum;
		if (sandbox_run(&spec, text, &e) < 0)
			fail_msg("without %u: %s", without, e.msg);
		assert_string_equal(text, "done");
		assert_int_equal(sum, (without + 1) * (12 + 22));
		assert_int_equal(fstatat(f->dir_fd, "h", &st, 0), 0);
		assert_int_equal(st.st_uid, geteuid());
		assert_int_equal(st.st_mode & 07777, 01751);
		assert_int_equal(st.st_nlink, 2);
		assert_int_equal(st.st_mtim.tv_sec, 5);
		assert_int_equal(unlinkat(f->dir_fd, "d/f", 0), 0);
		assert_int_equal(unlinkat(f->dir_fd, "d", AT_REMOVEDIR), 0);
		assert_int_equal(unlinkat(f->dir_fd, "h", 0), 0);
		assert_int_equal(renameat(f->dir_fd, "l", f->dir_fd, "out"), 0);
	}
}

static int run_open(struct sandbox_inside *in, void *userdata, void *result,
		    struct error *e)
{
	bool opened = openat(AT_FDCWD, ".", O_RDONLY) >= 0 ||
		      openat(AT_FDCWD, "/", O_PATH) >= 0 ||
		      openat(AT_FDCWD, "/x", O_CREAT | O_WRONLY, 0600) >= 0 ||
		      openat(AT_FDCWD, "/etc/passwd", O_RDONLY) >= 0 ||
		      mkdirat(AT_FDCWD, "x", 0700) == 0;

	memcpy(result, opened ? "open" : "shut", 5);
	return 0;
}

static void without_a_directory_nothing_can_be_opened(void **state)
{
	struct fixture *f = *state;
	char text[SANDBOX_RESULT_MAX];

	f->no_dir = true;
	for (f->without = 0; f->without < 3; f->without++) {
		struct sandbox_spec spec = spec_of(f, run_open);

		assert_int_equal(sandbox_run(&spec, text, NULL), 0);
		assert_string_equal(text, "shut");
	}
}

/* ---- the parent and its enemy ---- */

static int run_error(struct sandbox_inside *in, void *userdata, void *result,
		     struct error *e)
{
	return error_set(e, EFBIG, "entry \"\xc3\xbc\033[2J\": too \xff large");
}

static void errors_come_out_fit_for_a_terminal(void **state)
{
	struct sandbox_spec spec = spec_of(*state, run_error);
	char text[SANDBOX_RESULT_MAX];
	struct error e;

	assert_int_equal(sandbox_run(&spec, text, &e), -EFBIG);
	assert_string_equal(e.msg, "entry \"\xc3\xbc?[2J\": too ? large");
}

static int run_sleep(struct sandbox_inside *in, void *userdata, void *result,
		     struct error *e)
{
	struct fixture *f = userdata;

	if (f->pipe_fd >= 0)
		assert(write(f->pipe_fd, "x", 1) == 1);
	for (;;)
		clock_nanosleep(CLOCK_MONOTONIC, 0,
				&(struct timespec){ .tv_sec = 1 }, NULL);
	return 0;
}

static void who_takes_too_long_is_killed(void **state)
{
	struct sandbox_spec spec = spec_of(*state, run_sleep);
	char text[SANDBOX_RESULT_MAX];
	struct error e;

	spec.seconds = 1;
	assert_int_equal(sandbox_run(&spec, text, &e), -ETIME);
	assert_string_equal(e.msg, "takes longer than 1 seconds");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int run_crash(struct sandbox_inside *in, void *userdata, void *result,
		     struct error *e)
{
	*(volatile int *)result = 1;
	__builtin_trap();
	return 0;
}

static int run_exit(struct sandbox_inside *in, void *userdata, void *result,
		    struct error *e)
{
	_exit(7);
}

/* On every descriptor: one of them is the way to the parent. */
static int run_babble(struct sandbox_inside *in, void *userdata, void *result,
		      struct error *e)
{
	struct sandbox_message m;

	memset(&m, 0xff, sizeof(m));
	for (int fd = 3; fd < 256; fd++)
		if (write(fd, &m, sizeof(m)) < 0)
			errno = 0;
	return run_sleep(in, userdata, result, e);
}

static int run_hang_up(struct sandbox_inside *in, void *userdata, void *result,
		       struct error *e)
{
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	return run_sleep(in, userdata, result, e);
}

static void a_child_gone_mad_is_an_error(void **state)
{
	static const struct {
		int (*run)(struct sandbox_inside *, void *, void *, struct error *);
		const char *message;
	} v[] = {
		{ run_crash, "what ran in the sandbox died of SIG" },
		{ run_exit, "what ran in the sandbox ended without a word"
			    " (status 7)" },
		{ run_babble, "what ran in the sandbox spoke nonsense" },
		{ run_hang_up, "what ran in the sandbox went silent" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct sandbox_spec spec = spec_of(*state, v[i].run);
		char text[SANDBOX_RESULT_MAX];
		struct error e;

		assert_int_equal(sandbox_run(&spec, text, &e), -EPROTO);
		if (!str_after(e.msg, v[i].message))
			fail_msg("%s", e.msg);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

static void messages_are_checked(void **state)
{
	struct sandbox_message good = { .kind = SANDBOX_ERROR, .code = 5,
					.body = "text" };
	struct sandbox_message m;

	(void)state;
	m = good;
	assert_true(sandbox_message_check(&m));
	m.code = 0;
	assert_false(sandbox_message_check(&m));
	m.code = -5;
	assert_false(sandbox_message_check(&m));
	m = good, m.kind = 0;
	assert_false(sandbox_message_check(&m));
	m = good, m.kind = 4;
	assert_false(sandbox_message_check(&m));
	m = good, m.body[0] = '\0';
	assert_false(sandbox_message_check(&m));
	m = good, memset(m.body, 'x', sizeof(m.body));
	assert_false(sandbox_message_check(&m));
	m = good, m.kind = SANDBOX_PROGRESS, m.done = 2, m.total = 1;
	assert_false(sandbox_message_check(&m));
}

static void the_child_dies_with_its_parent(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = { .events = POLLIN };
	int ends[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	f->pipe_fd = ends[1];
	pid = fork();
	if (pid == 0) {
		struct sandbox_spec spec = spec_of(f, run_sleep);
		char text[SANDBOX_RESULT_MAX];

		sandbox_run(&spec, text, NULL);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);	/* it is inside */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	p.fd = ends[0];
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(ends[0], &c, 1), 0);	/* nobody has it open */
	close(ends[0]);
	f->pipe_fd = -1;
}

/* What the kernel says of it, asked while it runs. */
static int on_meanwhile_status(void *userdata, struct error *e)
{
	struct fixture *f = userdata;
	auto_free char *list = xasprintf("/proc/self/task/%d/children", f->parent);
	char text[8192] = "", path[64];
	FILE *file = fopen(list, "re");
	int pid = 0;
	size_t n;

	if (!file)
		return 0;		/* not in every kernel */
	n = fscanf(file, "%d", &pid) == 1;
	fclose(file);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = n ? fopen(path, "re") : NULL;
	if (!file)
		return error_set(e, ESRCH, "no child %d", pid);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	if (!strstr(text, "Seccomp:\t2\n"))
		return 1;		/* not ready yet */
	if (strstr(text, "NoNewPrivs:\t1\n") &&
	    strstr(text, "CapInh:\t0000000000000000\n") &&
	    strstr(text, "CapPrm:\t0000000000000000\n") &&
	    strstr(text, "CapEff:\t0000000000000000\n") &&
	    strstr(text, "CapAmb:\t0000000000000000\n"))
		return error_set(e, EALREADY, "as it should be");
	return error_set(e, EINVAL, "%.400s", strstr(text, "CapInh"));
}

static void the_kernel_says_that_it_has_no_privilege(void **state)
{
	struct sandbox_spec spec = spec_of(*state, run_sleep);
	char text[SANDBOX_RESULT_MAX];
	struct error e;

	spec.meanwhile = on_meanwhile_status;
	spec.seconds = 5;
	if (access("/proc/self/task/self/children", R_OK) < 0 && errno != ENOENT)
		skip();
	if (sandbox_run(&spec, text, &e) != -EALREADY)
		fail_msg("%s", e.msg);
}

/* ---- the look at what was made ---- */

static void a_tree_that_is_no_slug_is_found(void **state)
{
	static const struct { const char *name; mode_t mode; } bad[] = {
		{ "beside", S_IFREG | 0644 }, { "app/fifo", S_IFIFO | 0644 },
		{ "app/setuid", S_IFREG | 04755 },
		{ "app/setgid", S_IFREG | 02755 },
		{ "app/d/sock", S_IFSOCK | 0644 }, { ".ok", S_IFREG | 0644 },
	};
	struct fixture *f = *state;
	struct error e;

	assert_int_equal(unlinkat(f->dir_fd, "out", 0), 0);
	assert_int_equal(sandbox_look(f->dir_fd, f->file_fd, &limits_slug, true,
				      &e),
			 -EPROTO);
	assert_string_equal(e.msg, "the sandbox made no app");
	assert_int_equal(mkdirat(f->dir_fd, "app", 0755), 0);
	assert_int_equal(mkdirat(f->dir_fd, "app/d", 0755), 0);
	assert_int_equal(symlinkat("/", f->dir_fd, "app/l"), 0);
	assert_int_equal(sandbox_look(f->dir_fd, f->file_fd, &limits_slug, true,
				      NULL),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(mknodat(f->dir_fd, bad[i].name, bad[i].mode, 0),
				 0);
		assert_int_equal(fchmodat(f->dir_fd, bad[i].name,
					  bad[i].mode & 07777, 0), 0);
		assert_int_equal(fchmodat(f->dir_fd, "app/d", 0, 0), 0);
		if (sandbox_look(f->dir_fd, f->file_fd, &limits_slug, true,
				      &e)
		    != -EPROTO)
			fail_msg("%s", bad[i].name);
		assert_non_null(strstr(e.msg, bad[i].name));
		assert_int_equal(fchmodat(f->dir_fd, "app/d", 0755, 0), 0);
		assert_int_equal(unlinkat(f->dir_fd, bad[i].name, 0), 0);
	}
}

static int all_tests(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_that_is_forbidden_can_be_done),
		T(landlock_does_where_namespaces_are_forbidden),
		T(namespaces_do_where_landlock_is_absent),
		T(without_either_nothing_runs),
		T(the_directory_can_be_filled),
		T(without_a_directory_nothing_can_be_opened),
		T(errors_come_out_fit_for_a_terminal),
		T(who_takes_too_long_is_killed),
		T(a_child_gone_mad_is_an_error),
		T(messages_are_checked),
		T(the_child_dies_with_its_parent),
		T(the_kernel_says_that_it_has_no_privilege),
		T(a_tree_that_is_no_slug_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	int status, failed = all_tests();
	pid_t pid;

	if (geteuid() != 0)
		return failed;
	pid = fork();
	if (pid == 0) {
		if (setresgid(OTHER_UID, OTHER_UID, OTHER_UID) < 0 ||
		    setresuid(OTHER_UID, OTHER_UID, OTHER_UID) < 0)
			_exit(99);
		printf("as user %d:\n", OTHER_UID);
		exit(all_tests());
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		failed = 1;
	return failed;
}
