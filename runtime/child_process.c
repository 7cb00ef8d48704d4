/*
 * child_process.c - what a process is besides its files: groups, session,
 * names, links, limits.
 */
#include "runtime/child_op.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <sys/socket.h>

#define CHILD_IOPRIO_WHO_PROCESS 1

static size_t child_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int child_do_cgroup(struct child *c, const struct plan_op *op)
{
	(void)c;
	return syscall(SYS_write, op->fd, "0", 1) == 1 ? 0 : -1;
}

int child_do_unshare(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_unshare, op->num[0]);
}

int child_do_identity(struct child *c, const struct plan_op *op)
{
	(void)c, (void)op;
	if (syscall(SYS_setresgid, 0, 0, 0) < 0)
		return -1;
	/* Refused where the namespace denies setgroups: nothing to drop then. */
	if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
		return -1;
	return (int)syscall(SYS_setresuid, 0, 0, 0);
}

int child_do_session(struct child *c, const struct plan_op *op)
{
	(void)c, (void)op;
	return syscall(SYS_setsid) < 0 ? -1 : 0;
}

int child_do_keyring(struct child *c, const struct plan_op *op)
{
	(void)c;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->text) < 0 &&
	    errno != ENOSYS)
		return -1;
	return 0;
}

int child_do_hostname(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_sethostname, op->text, child_len(op->text));
}

int child_do_domainname(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_setdomainname, op->text, child_len(op->text));
}

/* ---- network ---- */

/* Returns the number of ACKs in a datagram, or -1 with the kernel's error. */
static int child_acks(const char *data, size_t n)
{
	int acks = 0;

	while (n >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)data;
		size_t step = NLMSG_ALIGN(h->nlmsg_len);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > n)
			break;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *err = NLMSG_DATA(h);

			if (err->error) {
				errno = -err->error;
				return -1;
			}
			acks++;
		}
		if (step >= n)
			break;
		data += step;
		n -= step;
	}
	return acks;
}

static int child_collect(int s, uint64_t want)
{
	_Alignas(struct nlmsghdr) char answer[4096];
	uint64_t got = 0;
	int acks;
	long n;

	while (got < want) {
		n = syscall(SYS_recvfrom, s, answer, sizeof(answer), 0, NULL, NULL);
		if (n < 0)
			return -1;
		acks = child_acks(answer, (size_t)n);
		if (acks < 0)
			return -1;
		got += (uint64_t)acks;
	}
	return 0;
}

int child_do_netlink(struct child *c, const struct plan_op *op)
{
	int s;

	(void)c;
	if (op->text_len == 0)
		return 0;
	s = (int)syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			 NETLINK_ROUTE);
	if (s < 0)
		return -1;
	if (syscall(SYS_sendto, s, op->text, op->text_len, 0, NULL, 0) < 0)
		return child_close(s, -1);
	return child_close(s, child_collect(s, op->num[0]));
}

/* ---- limits ---- */

int child_do_rlimit(struct child *c, const struct plan_op *op)
{
	uint64_t limit[2] = { op->num[1], op->num[2] };	/* struct rlimit64 */

	uint64_t now[2];

	(void)c;
	if (syscall(SYS_prlimit64, 0, op->num[0], limit, NULL) == 0)
		return 0;
	/* What may not be raised goes as far as it is (some hosts' root may not). */
	if (errno != EPERM || syscall(SYS_prlimit64, 0, op->num[0], NULL, now) < 0)
		return -1;
	for (int i = 0; i < 2; i++)
		if (limit[i] > now[1])
			limit[i] = now[1];
	return (int)syscall(SYS_prlimit64, 0, op->num[0], limit, NULL);
}

int child_do_affinity(struct child *c, const struct plan_op *op)
{
	(void)c;
	return syscall(SYS_sched_setaffinity, 0, op->text_len, op->text) < 0 ? -1 : 0;
}

int child_do_scheduler(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_sched_setattr, 0, op->text, 0);
}

int child_do_io_priority(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_ioprio_set, CHILD_IOPRIO_WHO_PROCESS, 0, op->num[0]);
}

/* text_len counts bytes of the mask, the kernel bits, and one more. */
int child_do_memory_policy(struct child *c, const struct plan_op *op)
{
	(void)c;
	return (int)syscall(SYS_set_mempolicy, op->num[0], op->text,
			    op->text ? op->text_len * 8 + 1 : 0);
}

int child_do_personality(struct child *c, const struct plan_op *op)
{
	(void)c;
	return syscall(SYS_personality, op->num[0]) < 0 ? -1 : 0;
}

int child_do_umask(struct child *c, const struct plan_op *op)
{
	(void)c;
	syscall(SYS_umask, op->mode);
	return 0;
}

/* A directory that cannot be reached from the root shows as "(unreachable)":
 * somebody has slipped us a descriptor of the host's tree. */
int child_do_chdir(struct child *c, const struct plan_op *op)
{
	char cwd[PATH_MAX];

	(void)c;
	if (syscall(SYS_chdir, op->to) < 0 ||
	    syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
		return -1;
	if (cwd[0] == '/')
		return 0;
	errno = ENOENT;
	return -1;
}

int child_do_survive(struct child *c, const struct plan_op *op)
{
	(void)c, (void)op;
	return (int)syscall(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
}
