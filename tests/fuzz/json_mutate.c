/*
 * json_mutate.c - picks a node of the tree and does something to it.
 */
#include "tests/fuzz/json_mutate.h"

#include <jansson.h>

#define CHANGES_MAX 4
/* jansson cannot hold the number: a text of the same length stands for it. */
#define LARGE_NUMBER "18446744073709551615"
#define LARGE "@@@large-number@@@"

/* Values that mean something somewhere, or lie at an edge. */
static const char *const likely[] = {
	"null", "true", "false", "[]", "{}", "0", "-1", "1", "2", "5", "6", "7", "8",
	"19", "-20", "20", "99", "100", "101", "340", "438", "511", "512", "1000",
	"1001", "4095", "4096", "65535", "65536", "1048575", "1048576", "2147483647",
	"2147483648", "4294967294", "4294967295", "4294967296", "999999999",
	"1000000000", "9223372036854775807", "-9223372036854775808", "1.5", "1e3",
	"\"" LARGE "\"", "[1]", "[\"\"]", "[\"/a\"]", "[{}]", "{\"a\":\"b\"}",
	"{\"a\":{}}", "\"\"", "\"/\"", "\"a\"", "\"/a/b\"", "\"..\"", "\"../a\"",
	"\"a/../b\"", "\"1.2.0\"", "\"1.0.0-rc.1+x\"", "\"2.0.0\"", "\"pid\"",
	"\"user\"", "\"time\"", "\"network\"", "\"mount\"", "\"ipc\"", "\"uts\"",
	"\"cgroup\"", "\"c\"", "\"b\"", "\"p\"", "\"u\"", "\"rwm\"", "\"0-3,7\"",
	"\"0-\"", "\"2MB\"", "\"memory.high\"", "\"bind\"", "\"rbind\"", "\"ro\"",
	"\"rro\"", "\"noatime\"", "\"strictatime\"", "\"idmap\"", "\"ridmap\"",
	"\"idmap=uids=0-1-10;gids=@0-1-10#10-5-1\"", "\"size=64m,mode=1777\"",
	"\"lowerdir=/a\\\\,b\"", "\"context=\\\"a,b\\\"\"", "\"shared\"",
	"\"rprivate\"", "\"RLIMIT_CORE\"", "\"RLIMIT_NOFILE\"", "\"CAP_KILL\"",
	"\"CAP_X\"", "\"LINUX32\"", "\"SCHED_DEADLINE\"", "\"SCHED_RR\"",
	"\"SCHED_FLAG_RECLAIM\"", "\"IOPRIO_CLASS_BE\"", "\"SCMP_ACT_ALLOW\"",
	"\"SCMP_ACT_ERRNO\"", "\"SCMP_ACT_NOTIFY\"", "\"SCMP_ACT_LOG\"",
	"\"SCMP_ACT_TRACE\"", "\"SCMP_CMP_EQ\"", "\"SCMP_CMP_MASKED_EQ\"",
	"\"SCMP_CMP_NE\"", "\"SCMP_ARCH_X86\"", "\"SCMP_ARCH_X86_64\"",
	"\"SCMP_ARCH_X32\"", "\"SCMP_ARCH_AARCH64\"",
	"\"SECCOMP_FILTER_FLAG_LOG\"", "\"read\"", "\"ioctl\"", "\"clone\"",
};

static const char *const likely_keys[] = {
	"", "a", "net.ipv4.ip_forward", "net/ipv4/conf/a.b/x", "kernel.sem",
	"kernel.hostname", "user.max", "..", "memory.max", "x/y", "monotonic",
};

static uint32_t mutate_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

struct pick {
	json_t *parent, *node;
	const char *key;		/* NULL: the parent is an array */
	size_t index, seen;
	uint32_t *x;
};

/* Each node with the same chance, in one walk. */
static void pick_walk(struct pick *p, json_t *parent)
{
	const char *key = NULL;
	size_t index;
	json_t *v;

	if (json_is_array(parent)) {
		json_array_foreach(parent, index, v) {
			if (mutate_random(p->x) % ++p->seen == 0) {
				p->parent = parent;
				p->node = v;
				p->key = NULL;
				p->index = index;
			}
			pick_walk(p, v);
		}
		return;
	}
	json_object_foreach(parent, key, v) {
		if (mutate_random(p->x) % ++p->seen == 0) {
			p->parent = parent;
			p->node = v;
			p->key = key;
		}
		pick_walk(p, v);
	}
}

static struct pick pick_node(json_t *root, uint32_t *x)
{
	struct pick p = { .x = x };

	pick_walk(&p, root);
	return p;
}

static void pick_put(const struct pick *p, json_t *value)
{
	if (p->key)
		json_object_set_new(p->parent, p->key, value);
	else
		json_array_set_new(p->parent, p->index, value);
}

static void pick_remove(const struct pick *p)
{
	if (p->key)
		json_object_del(p->parent, p->key);
	else
		json_array_remove(p->parent, p->index);
}

static json_t *mutate_value(uint32_t *x)
{
	return json_loads(likely[mutate_random(x) % ARRAY_SIZE(likely)],
			  JSON_DECODE_ANY, NULL);
}

/* One more entry or member. */
static void mutate_add(json_t *node, uint32_t *x)
{
	if (json_is_array(node))
		json_array_append_new(node, mutate_value(x));
	else if (json_is_object(node))
		json_object_set_new(node, likely_keys[mutate_random(x) %
					  ARRAY_SIZE(likely_keys)], mutate_value(x));
}

static void mutate_once(json_t *root, uint32_t *x)
{
	struct pick p = pick_node(root, x), from;

	if (!p.node) {
		mutate_add(root, x);
		return;
	}
	switch (mutate_random(x) % 8) {
	case 0:
		pick_remove(&p);
		break;
	case 1:
		if (!p.key)
			json_array_append_new(p.parent, json_deep_copy(p.node));
		break;
	case 2:
		from = pick_node(root, x);
		pick_put(&p, json_deep_copy(from.node));
		break;
	case 3:
		mutate_add(p.node, x);
		break;
	case 4:
		if (json_is_integer(p.node))
			pick_put(&p, json_integer(json_integer_value(p.node) ^
						  (1LL << mutate_random(x) % 63)));
		break;
	default:
		pick_put(&p, mutate_value(x));
	}
}

static void mutate_exchange(char *text, const char *from, const char *to)
{
	assert(strlen(from) == strlen(to));
	for (char *p = text; (p = strstr(p, from)); )
		memcpy(p, to, strlen(to));
}

char *json_mutate(const char *text, size_t n, uint32_t seed)
{
	auto_free char *in = xstrndup(text, n);
	uint32_t x = seed | 1;
	json_t *root;
	char *out;

	mutate_exchange(in, LARGE_NUMBER, "\"" LARGE "\"");
	root = json_loads(in, 0, NULL);
	if (!root)
		return NULL;
	for (uint32_t i = mutate_random(&x) % CHANGES_MAX; ; i--) {
		mutate_once(root, &x);
		if (i == 0)
			break;
	}
	out = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (out)
		mutate_exchange(out, "\"" LARGE "\"", LARGE_NUMBER);
	return out;
}
