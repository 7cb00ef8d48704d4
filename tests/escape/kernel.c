/*
 * kernel.c - probes: calls that change or open the whole machine.
 *
 * Arguments are chosen so that the kernel looks at the right first, and that a
 * call which got through would change nothing: the clock is set to its own time.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>

static const char zeros[512];

static int kernel_bpf(const struct probe *p)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_HASH };

	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int kernel_bpf_program(const struct probe *p)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE };

	attr.insns = (uintptr_t)code;
	attr.insn_cnt = ARRAY_SIZE(code);
	attr.license = (uintptr_t)"GPL";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* All of the machine, with the kernel's part. */
static int kernel_perf(const struct probe *p)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
}

static int kernel_uring(const struct probe *p)
{
	char params[512] = "";

	return (int)syscall(SYS_io_uring_setup, 4, params);
}

static int kernel_zero(const struct probe *p)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int kernel_set_clock(const struct probe *p)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int)syscall(SYS_clock_settime, CLOCK_REALTIME, &now);
}

static int kernel_adjust_clock(const struct probe *p)
{
	struct timex t = { .modes = 0 };

	if (syscall(SYS_adjtimex, &t) < 0)
		return -1;
	t.modes = ADJ_FREQUENCY;	/* to what it is */
	return (int)syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t);
}

/* A file by number instead of by name: of the root directory's file system,
 * number 2, as on any disk. */
static int kernel_handle(const struct probe *p)
{
	struct {
		struct file_handle head;
		unsigned ino, generation;
	} h = { .head = { .handle_bytes = 8, .handle_type = 1 }, 2, 0 };
	int fd = open(p->args[0], O_RDONLY | O_DIRECTORY);

	return (int)syscall(SYS_open_by_handle_at, fd, &h, O_RDONLY);
}

#define ALL(want) { want, want, want }
/* ... or the kernel was built without it. */
#define BUILT_IN { "EPERM", "EPERM|ENOSYS", "EPERM|ENOSYS" }
#define IN_ITS_OWN { "EPERM", "ok", "ok" }

const struct probe probe_kernel[] = {
	/* Programs for the kernel, and large doors into it. */
	{ "bpf: a map", ALL("EPERM"), kernel_bpf },
	{ "bpf: a program", ALL("EPERM"), kernel_bpf_program },
	{ "perf_event_open", { "EPERM", "EACCES|EPERM", "EACCES|EPERM" }, kernel_perf },
	{ "userfaultfd", ALL("EPERM"), NULL, SYS_userfaultfd, { N(0) } },
	{ "userfaultfd for its own pages", { "EPERM", "ok", "ok" }, NULL, SYS_userfaultfd,
	  { N(UFFD_USER_MODE_ONLY) } },
	{ "io_uring_setup", { "EPERM", "ok|EPERM", "ok|EPERM" }, kernel_uring },
	{ "io_uring_enter", { "EPERM", NULL, NULL }, NULL, SYS_io_uring_enter,
	  { N(-1) } },
	{ "io_uring_register", { "EPERM", NULL, NULL }, NULL, SYS_io_uring_register,
	  { N(-1) } },
	{ "asynchronous access, of which the host has few", { "ENOSYS", NULL, NULL },
	  NULL,
	  SYS_io_setup, { N(1), zeros } },
	{ "init_module", BUILT_IN, NULL, SYS_init_module, { zeros, N(1), "" } },
	{ "finit_module", BUILT_IN, NULL, SYS_finit_module, { N(0), "", N(0) } },
	{ "delete_module", BUILT_IN, NULL, SYS_delete_module, { "none", N(O_NONBLOCK) } },
	{ "kexec_load", BUILT_IN, NULL, SYS_kexec_load, { N(0), N(0), zeros, N(0) } },
	{ "kexec_file_load", BUILT_IN, NULL, SYS_kexec_file_load,
	  { N(-1), N(-1), N(0), "", N(0) } },
	{ "read the kernel's log", ALL("EPERM"), NULL, SYS_syslog, { N(2), zeros,
	  N(1) } },
	{ "clear the kernel's log", ALL("EPERM"), NULL, SYS_syslog, { N(5) } },
	{ "lookup_dcookie", { "EPERM", NULL, NULL }, NULL, SYS_lookup_dcookie, { N(0),
	  zeros, N(10) } },

	/* Keys. */
	{ "add_key", IN_ITS_OWN, NULL, SYS_add_key,
	  { "user", "escape", "x", N(1), N(KEY_SPEC_PROCESS_KEYRING) } },
	{ "request_key", { "EPERM", "ENOKEY", "ENOKEY" }, NULL, SYS_request_key,
	  { "user", "escape-none" } },
	{ "join the session's keyring", IN_ITS_OWN, NULL, SYS_keyctl,
	  { N(KEYCTL_JOIN_SESSION_KEYRING) } },
	{ "name the session's keyring", { "EPERM", NULL, NULL }, NULL, SYS_keyctl,
	  { N(KEYCTL_GET_KEYRING_ID), N(KEY_SPEC_SESSION_KEYRING) } },

	/* Memory. */
	{ "map page zero", ALL("EPERM"), kernel_zero },

	/* The machine. */
	{ "reboot", { "EPERM", "EPERM", "EINVAL" }, NULL, SYS_reboot,
	  { N(0xfee1deadUL), N(672274793), N(0x89abcdefUL) /* CAD_ON */ } },
	{ "settimeofday", ALL("EPERM"), NULL, SYS_settimeofday, { NULL, NULL } },
	{ "clock_settime", ALL("EPERM"), kernel_set_clock },
	{ "adjtimex", ALL("EPERM"), kernel_adjust_clock },
	{ "swapon", ALL("EPERM"), NULL, SYS_swapon, { "/app/escape", N(0) } },
	{ "swapoff", ALL("EPERM"), NULL, SYS_swapoff, { "/app/escape" } },
	{ "acct", ALL("EPERM"), NULL, SYS_acct, { "/app/escape" } },
	{ "quotactl", { "EPERM", "ENODEV|ENOENT|EPERM|ENOTBLK|ENOSYS",
	  "ENODEV|ENOENT|EPERM|ENOTBLK|ENOSYS" }, NULL, SYS_quotactl,
	  { N(0x800007U << 8), "/app/escape", N(0), zeros } },
	{ "vhangup", ALL("EPERM"), NULL, SYS_vhangup },
	{ "sethostname", IN_ITS_OWN, NULL, SYS_sethostname, { "escaped", N(7) } },
	{ "setdomainname", IN_ITS_OWN, NULL, SYS_setdomainname, { "escaped", N(7) } },
	{ "move pages of PID 1", { "EPERM", "EPERM", NULL }, NULL, SYS_move_pages,
	  { N(1) } },
	{ "migrate pages of PID 1", { "EPERM", "EPERM", NULL }, NULL, SYS_migrate_pages,
	  { N(1) } },

	/* Files by number; watches on whole file systems. */
	{ "a file of the root by number", { "EPERM", "EPERM", "EPERM|ESTALE|EOPNOTSUPP" },
	  kernel_handle, 0, { "/" } },
	{ "a file of the stack by number", { "EPERM", "EPERM",
	  "EPERM|ESTALE|EOPNOTSUPP" },
	  kernel_handle, 0, { "/usr" } },
	{ "a file of /proc by number", { "EPERM", "EPERM", "EPERM|ESTALE|EOPNOTSUPP" },
	  kernel_handle, 0, { "/proc" } },
	{ "decide on the opening of files", ALL("EPERM"), NULL, SYS_fanotify_init,
	  { N(FAN_CLASS_CONTENT) } },
	{ NULL },
};
