#include "tests/runtime/oci_plan.h"
#include "tests/runtime/oci_text.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

void oci_plan_init(struct oci_plan *t, const char *quoted)
{
	auto_free char *text = oci_text(quoted);

	*t = (struct oci_plan){
		.cgroup = CGROUP_INIT,
		.in = {
			.id = "ID", .rootfs = "/b/r", .root_fd = 100, .void_fd = 101,
			.null_fd = 102, .namespace_fds = { -1, -1, -1, -1, -1, -1, -1, -1 },
		},
	};
	if (oci_parse(&t->oci, text, strlen(text), &t->e) < 0)
		fail_msg("%s", t->e.msg);
	assert_in_range(t->oci->n_mounts, 0, OCI_PLAN_MOUNTS);
	for (size_t i = 0; i < OCI_PLAN_MOUNTS; i++)
		t->sources[i].fd = -1;
	t->in.oci = t->oci;
	t->in.process = &t->oci->process;
	t->in.sources = t->sources;
}

void oci_plan_deinit(struct oci_plan *t)
{
	if (t->is_built)
		plan_deinit(&t->plan);
	t->oci = oci_free(t->oci);
	t->is_built = false;
}

int oci_plan_build(struct oci_plan *t)
{
	int r;

	if (t->is_built)
		plan_deinit(&t->plan);
	r = plan_oci_build(&t->plan, &t->in, &t->e);
	t->is_built = r == 0;
	return r;
}

void oci_plan_make(struct oci_plan *t, const char *quoted)
{
	oci_plan_init(t, quoted);
	if (oci_plan_build(t) < 0)
		fail_msg("%s", t->e.msg);
}

size_t oci_plan_index(const struct oci_plan *t, enum plan_kind kind, const char *to)
{
	size_t i = 0;

	for (; i < t->plan.n_ops; i++) {
		const struct plan_op *op = &t->plan.ops[i];

		if (op->kind == kind && (!to || (op->to && str_eq(op->to, to))))
			break;
	}
	return i;
}

const struct plan_op *oci_plan_op(const struct oci_plan *t, enum plan_kind kind,
				  const char *to)
{
	size_t i = oci_plan_index(t, kind, to);

	return i < t->plan.n_ops ? &t->plan.ops[i] : NULL;
}

size_t oci_plan_count(const struct oci_plan *t, enum plan_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < t->plan.n_ops; i++)
		n += t->plan.ops[i].kind == kind;
	return n;
}

void oci_plan_has(const struct oci_plan *t, const char *lines)
{
	auto_free char *text = plan_text(&t->plan);
	const char *found = strstr(text, lines);

	if (!found || (found != text && found[-1] != '\n'))
		fail_msg("no\n%sin\n%s", lines, text);
}

void oci_plan_lacks(const struct oci_plan *t, const char *part)
{
	auto_free char *text = plan_text(&t->plan);

	if (strstr(text, part))
		fail_msg("%s in\n%s", part, text);
}
