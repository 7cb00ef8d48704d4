/*
 * plan.c - the list of operations: adding to it, and its words.
 */
#include "base/buf.h"
#include "runtime/plan.h"

#include <inttypes.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdio.h>

#define PLAN_OPS_FIRST 128
#define PLAN_OPTIONS_FIRST 32

const char *const plan_stage_names[PLAN_STAGE_COUNT] = {
#define X(name, word, text) [PLAN_IN_##name] = word,
	PLAN_STAGES(X)
#undef X
};

const char *const plan_stage_texts[PLAN_STAGE_COUNT] = {
#define X(name, word, text) [PLAN_IN_##name] = text,
	PLAN_STAGES(X)
#undef X
};

static const char *const plan_kind_words[PLAN_KIND_COUNT] = {
#define X(name, text) [PLAN_##name] = text,
	PLAN_KINDS(X)
#undef X
};

/* What MOUNT_ATTR_* are called as mount options. */
static const struct {
	uint64_t attr;
	const char *set, *clear;
} plan_attrs[] = {
	{ MOUNT_ATTR_RDONLY,	"ro",		"rw" },
	{ MOUNT_ATTR_NOSUID,	"nosuid",	"suid" },
	{ MOUNT_ATTR_NODEV,	"nodev",	"dev" },
	{ MOUNT_ATTR_NOEXEC,	"noexec",	"exec" },
	{ MOUNT_ATTR_NOATIME,	"noatime",	"atime" },
	{ MOUNT_ATTR_NODIRATIME, "nodiratime",	"diratime" },
	{ MOUNT_ATTR_IDMAP,	"idmap",	"" },
	{ MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow" },
};

/* What the plan owns, in a list. */
struct plan_block {
	struct plan_block *next;
	_Alignas(max_align_t) char data[];
};

void plan_init(struct plan *p)
{
	*p = (struct plan){
		.cgroup_fd = -1, .fault = -1,
		.max_ops = PLAN_OPS_FIRST, .max_options = PLAN_OPTIONS_FIRST,
	};
	p->ops = xcalloc(p->max_ops, sizeof(*p->ops));
	p->options = xcalloc(p->max_options, sizeof(*p->options));
}

void plan_deinit(struct plan *p)
{
	while (p->blocks) {
		struct plan_block *b = p->blocks;

		p->blocks = b->next;
		free(b);
	}
	free(p->ops);
	free(p->options);
	*p = (struct plan){ .cgroup_fd = -1 };
}

struct plan_op *plan_add(struct plan *p, enum plan_kind kind, const char *from,
			 const char *to)
{
	struct plan_op *op;

	if (p->n_ops == p->max_ops) {
		p->max_ops *= 2;
		p->ops = xrealloc(p->ops, p->max_ops * sizeof(*p->ops));
	}
	op = &p->ops[p->n_ops++];
	*op = (struct plan_op){
		.kind = (uint8_t)kind, .stage = (uint8_t)p->stage, .fd = -1,
		.from = from, .to = to, .first_option = p->n_options,
	};
	return op;
}

void plan_option(struct plan *p, const char *key, const char *value)
{
	if (p->n_options == p->max_options) {
		p->max_options *= 2;
		p->options = xrealloc(p->options,
				      p->max_options * sizeof(*p->options));
	}
	p->options[p->n_options++] = (struct plan_option){ key, value };
	p->ops[p->n_ops - 1].n_options++;
}

void plan_option_number(struct plan *p, const char *key, uint64_t value)
{
	plan_option(p, key, plan_keepf(p, "%" PRIu64, value));
}

void *plan_keep_bytes(struct plan *p, const void *data, size_t n)
{
	struct plan_block *b = xmalloc(sizeof(*b) + n);

	memcpy(b->data, data, n);
	b->next = p->blocks;
	p->blocks = b;
	return b->data;
}

const char *plan_keep(struct plan *p, const char *text)
{
	return plan_keep_bytes(p, text, strlen(text) + 1);
}

char *const *plan_keep_strings(struct plan *p, char *const *v)
{
	size_t n = 0;
	char **copy;

	while (v[n])
		n++;
	copy = plan_keep_bytes(p, v, (n + 1) * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		copy[i] = plan_keep_bytes(p, v[i], strlen(v[i]) + 1);
	return copy;
}

const char *plan_keepf(struct plan *p, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return plan_keep(p, text);
}

size_t plan_stage_begin(const struct plan *p, enum plan_stage stage, size_t *ret_n)
{
	size_t first = 0, end;

	while (first < p->n_ops && p->ops[first].stage != stage)
		first++;
	end = first;
	while (end < p->n_ops && p->ops[end].stage == stage)
		end++;
	*ret_n = end - first;
	return first;
}

/* ---- words ---- */

static void plan_word(struct buf *ret, const struct plan_op *op, char c)
{
	switch (c) {
	case 'f':
		buf_adds(ret, op->from ? op->from : "?");
		break;
	case 't':
		buf_adds(ret, op->to ? op->to : "?");
		break;
	case 'x':
		buf_adds(ret, op->text ? op->text : "");
		break;
	case 'n':
		buf_addf(ret, "%" PRIu64, op->num[0]);
		break;
	default:
		assert(!"a word that is not known");
	}
}

char *plan_op_text(const struct plan_op *op)
{
	auto_buf text = BUF_INIT;

	assert(op->kind < PLAN_KIND_COUNT);
	for (const char *s = plan_kind_words[op->kind]; *s; s++) {
		if (*s == '%')
			plan_word(&text, op, *++s);
		else
			buf_add(&text, s, 1);
	}
	return xstrdup(buf_str(&text));
}

static void plan_detail(struct buf *ret, size_t before, const char *key,
			const char *value)
{
	if (!key[0])
		return;
	buf_adds(ret, ret->len == before ? " (" : ", ");
	buf_adds(ret, key);
	if (value)
		buf_addf(ret, "=%s", value);
}

static void plan_details(struct buf *ret, const struct plan *p,
			 const struct plan_op *op)
{
	size_t before = ret->len;

	for (size_t i = 0; i < ARRAY_SIZE(plan_attrs); i++) {
		if (op->attr & plan_attrs[i].attr)
			plan_detail(ret, before, plan_attrs[i].set, NULL);
		if (op->clear & plan_attrs[i].attr)
			plan_detail(ret, before, plan_attrs[i].clear, NULL);
	}
	for (size_t i = 0; i < op->n_options; i++)
		plan_detail(ret, before, p->options[op->first_option + i].key,
			    p->options[op->first_option + i].value);
	if (ret->len > before)
		buf_adds(ret, ")");
}

char *plan_text(const struct plan *p)
{
	auto_buf text = BUF_INIT;

	for (size_t i = 0; i < p->n_ops; i++) {
		auto_free char *op = plan_op_text(&p->ops[i]);

		buf_addf(&text, "%s: %s", plan_stage_names[p->ops[i].stage], op);
		plan_details(&text, p, &p->ops[i]);
		buf_adds(&text, "\n");
	}
	return xstrdup(buf_str(&text));
}
