/*
 * seccomp_profile.c - from an OCI profile to a program, by libseccomp.
 *
 * What the specification leaves open is as in runc and crun, which engines
 * write their profiles for: names that nobody knows are skipped, a rule that
 * says what the default says is none, and several conditions on the same
 * argument are alternatives.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/filter/seccomp.h"
#include "runtime/filter/seccomp_names.h"
#include "runtime/filter/seccomp_newer.h"
#include "runtime/filter/seccomp_profile.h"
#include "runtime/filter/seccomp_slim.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PROFILE_ARGS 6
#define PROFILE_ERRNO_MAX 4095		/* MAX_ERRNO of the kernel */

static void profile_release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

/* ---- words ---- */

static int profile_action(uint32_t *ret, const char *name, bool has_errno,
			  unsigned number, struct error *e)
{
	uint32_t action, value = has_errno ? number : EPERM;

	if (!seccomp_names_action(name, &action))
		return error_set(e, EINVAL, "unknown action %s", name ? name : "(none)");
	if (action != SCMP_ACT_ERRNO(0) && action != SCMP_ACT_TRACE(0)) {
		if (has_errno)
			return error_set(e, EINVAL, "%s takes no errno", name);
		*ret = action;
		return 0;
	}
	if (value > (action == SCMP_ACT_ERRNO(0) ? PROFILE_ERRNO_MAX : UINT16_MAX))
		return error_set(e, EINVAL, "%s: errno %u is too large", name, value);
	*ret = action | value;
	return 0;
}

static int profile_flags(unsigned *ret, const struct seccomp_profile *p,
			 bool listener, struct error *e)
{
	uint32_t flag;

	*ret = listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	for (size_t i = 0; i < p->n_flags; i++) {
		if (!seccomp_names_flag(p->flags[i], &flag))
			return error_set(e, EINVAL, "unknown flag %s",
					 p->flags[i] ? p->flags[i] : "(none)");
		*ret |= flag;
	}
	/* Both return a number; only so does the kernel accept them together. */
	if (listener && *ret & SECCOMP_FILTER_FLAG_TSYNC)
		*ret |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	/* Nothing to wait for: the kernel would refuse it. */
	if (!listener)
		*ret &= ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return 0;
}

static int profile_arg(struct scmp_arg_cmp *ret, const struct seccomp_arg *a,
		       struct error *e)
{
	uint32_t op;

	if (!seccomp_names_operator(a->op, &op))
		return error_set(e, EINVAL, "unknown operator %s",
				 a->op ? a->op : "(none)");
	if (a->index >= PROFILE_ARGS)
		return error_set(e, EINVAL, "there is no argument %u", a->index);
	*ret = (struct scmp_arg_cmp){
		.arg = a->index, .op = (enum scmp_compare)op,
		.datum_a = a->value, .datum_b = a->value_two,
	};
	return 0;
}

/* ---- rules ---- */

struct profile {
	const struct seccomp_profile *p;
	scmp_filter_ctx ctx;
	uint32_t default_action;
	bool listener;
	uint32_t arches[32];		/* each once */
	size_t n_arches;
};

static int profile_add(struct profile *c, uint32_t action, const char *name,
		       const struct scmp_arg_cmp *args, unsigned n, struct error *e)
{
	int nr = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR, r;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	r = seccomp_rule_add_array(c->ctx, action, nr, n, args);
	if (r == -EEXIST)
		return error_set(e, EINVAL, "rule of %s: another one says otherwise",
				 name);
	return r < 0 ? error_ret(e, r, "rule of %s", name) : 0;
}

/* The parent learns of the descriptor by a message of the filtered process. */
static int profile_check_notify(struct profile *c, const struct seccomp_rule *rule,
				struct error *e)
{
	for (size_t i = 0; i < rule->n_names; i++)
		if (rule->names[i] && str_eq(rule->names[i], "write"))
			return error_set(e, EINVAL,
					 "SCMP_ACT_NOTIFY cannot be used for the "
					 "write syscall");
	if (!c->p->listener_path)
		return error_set(e, EINVAL, "SCMP_ACT_NOTIFY without a listenerPath");
	return 0;
}

/* All conditions at once; or each for itself if two are on one argument. */
static int profile_add_names(struct profile *c, const struct seccomp_rule *rule,
			     uint32_t action, struct error *e)
{
	struct scmp_arg_cmp args[PROFILE_ARGS], arg;
	bool seen[PROFILE_ARGS] = { false }, apart = false;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		r = profile_arg(&arg, &rule->args[i], e);
		if (r < 0)
			return r;
		apart |= seen[arg.arg];
		seen[arg.arg] = true;
		if (!apart)
			args[n++] = arg;
	}
	if (action == c->default_action)
		return 0;
	for (size_t i = 0; r >= 0 && i < rule->n_names; i++) {
		if (!apart)
			r = profile_add(c, action, rule->names[i], args, (unsigned)n, e);
		for (size_t j = 0; r >= 0 && apart && j < rule->n_args; j++) {
			r = profile_arg(&arg, &rule->args[j], e);
			if (r == 0)
				r = profile_add(c, action, rule->names[i], &arg, 1, e);
		}
	}
	return r;
}

static int profile_rule(struct profile *c, const struct seccomp_rule *rule,
			struct error *e)
{
	uint32_t action;
	int r = profile_action(&action, rule->action, rule->has_errno,
			       rule->errno_ret, e);

	if (r == 0 && action == SCMP_ACT_NOTIFY)
		r = profile_check_notify(c, rule, e);
	return r < 0 ? r : profile_add_names(c, rule, action, e);
}

/* ---- architectures ---- */

static bool profile_has_arch(const struct profile *c, uint32_t arch)
{
	for (size_t i = 0; i < c->n_arches; i++)
		if (c->arches[i] == arch)
			return true;
	return false;
}

/* The native one is always among them: the container could not start else. */
static int profile_arches(struct profile *c, struct error *e)
{
	uint32_t arch;
	int r;

	c->arches[c->n_arches++] = seccomp_arch_native();
	for (size_t i = 0; i < c->p->n_arches; i++) {
		const char *name = c->p->arches[i];

		if (!seccomp_names_arch(name, &arch))
			return error_set(e, EINVAL, "unknown architecture %s",
					 name ? name : "(none)");
		if (profile_has_arch(c, arch))
			continue;
		r = seccomp_arch_add(c->ctx, arch);
		if (r == -EDOM)		/* the other byte order: never seen here */
			continue;
		if (r < 0)
			return error_ret(e, r, "architecture %s", name);
		assert(c->n_arches < ARRAY_SIZE(c->arches));
		c->arches[c->n_arches++] = arch;
	}
	return 0;
}

/* ---- the program ---- */

/* Whoever lets unknown calls pass, or has a tracer for them, wants to see them. */
static bool profile_hides_newer(const struct profile *c)
{
	return c->default_action != SCMP_ACT_ALLOW &&
	       c->default_action != SCMP_ACT_LOG &&
	       c->default_action != SCMP_ACT_ERRNO(ENOSYS) &&
	       (c->default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE;
}

static int profile_export(struct profile *c, int fd, struct error *e)
{
	/* 2 = a binary tree: when a filter is loaded, the kernel walks it once for
	 * each call there is. Not all sets of rules have one. */
	int r = seccomp_attr_set(c->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	if (r == 0)
		r = seccomp_export_bpf(c->ctx, fd);
	if (r < 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	    seccomp_attr_set(c->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 1) == 0)
		r = seccomp_export_bpf(c->ctx, fd);
	return r < 0 ? error_ret(e, r, "compile") : 0;
}

/* libseccomp 2.5 exports into a file only. */
static int profile_code(struct profile *c, struct buf *code, struct error *e)
{
	auto_close int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return error_sys(e, "memory file");
	r = profile_export(c, fd, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "size");
	if (profile_hides_newer(c))
		for (size_t i = 0; i < c->n_arches; i++)
			seccomp_newer_add(code, c->p, c->arches[i]);
	buf_reserve(code, (size_t)st.st_size);
	if (pread(fd, code->data + code->len, (size_t)st.st_size, 0) != st.st_size)
		return error_set(e, EIO, "read the program back");
	code->len += (size_t)st.st_size;
	return 0;
}

static int profile_finish(struct profile *c, struct seccomp_filter *ret,
			  struct error *e)
{
	auto_buf code = BUF_INIT;
	unsigned flags;
	size_t n;
	int r = profile_flags(&flags, c->p, c->listener, e);

	if (r == 0)
		r = profile_code(c, &code, e);
	if (r < 0)
		return r;
	seccomp_slim(&code, c->arches, c->n_arches);
	n = code.len / sizeof(struct sock_filter);
	if (n == 0 || n > BPF_MAXINSNS)
		return error_set(e, E2BIG, "%zu instructions, but the kernel takes %d",
				 n, BPF_MAXINSNS);
	*ret = (struct seccomp_filter){
		.prog = {
			.len = (unsigned short)n,
			.filter = xmemdup(code.data, code.len),
		},
		.flags = flags, .listener = c->listener,
	};
	return 0;
}

static int profile_begin(struct profile *c, struct error *e)
{
	const struct seccomp_profile *p = c->p;
	int r = profile_action(&c->default_action, p->default_action,
			       p->has_default_errno, p->default_errno, e);

	if (r < 0)
		return r;
	if (c->default_action == SCMP_ACT_NOTIFY)
		return error_set(e, EINVAL, "SCMP_ACT_NOTIFY cannot be the default");
	if (p->listener_metadata && !p->listener_path)
		return error_set(e, EINVAL, "listenerMetadata without a listenerPath");
	c->ctx = seccomp_init(c->default_action);
	if (!c->ctx)
		return error_set(e, ENOTSUP, "%s is not supported here",
				 p->default_action);
	r = seccomp_attr_set(c->ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	return r < 0 ? error_ret(e, r, "attributes") : profile_arches(c, e);
}

int seccomp_profile_build(struct seccomp_filter *ret,
			  const struct seccomp_profile *p, struct error *e)
{
	/* As crun has it: who names an agent gets a descriptor, if only to know. */
	struct profile c = { .p = p, .listener = p->listener_path };
	auto_(profile_release) scmp_filter_ctx ctx = NULL;
	int r = profile_begin(&c, e);

	ctx = c.ctx;
	for (size_t i = 0; r >= 0 && i < p->n_rules; i++)
		r = profile_rule(&c, &p->rules[i], e);
	return r < 0 ? r : profile_finish(&c, ret, e);
}
