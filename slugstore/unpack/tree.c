/*
 * tree.c - the tree that a slug describes: a table by hashes of paths.
 *
 * The memory comes from mmap(2), because what malloc() once had it keeps: a
 * table that grew would count twice. Untouched pages cost nothing.
 */
#include "base/error.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/tree.h"

#include <inttypes.h>
#include <sys/mman.h>

#define TREE_SLOTS_MIN 1024
#define TREE_NUMBER_BITS 20
#define TREE_NUMBER_MAX ((1UL << TREE_NUMBER_BITS) - 1)

enum { TREE_FREE, TREE_DIRECTORY, TREE_OTHER };

struct tree_node {
	uint32_t hash[4];
	uint32_t kind : 2;
	uint32_t mode : 10;		/* of a directory */
	uint32_t number : TREE_NUMBER_BITS; /* directory: in times; link: climb */
};

struct tree_time {
	uint32_t sec[2];
	uint32_t nsec;
};

static void *tree_map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();	/* out of memory, as in base/alloc.c */
	return p;
}

static void tree_unmap(void *p, size_t n)
{
	if (p)
		munmap(p, n);
}

/* Slots for all entries that may be, an eighth of them free. */
static size_t tree_slots_max(const struct limits *l)
{
	return (size_t)(l->entries + l->entries / 8 + 8);
}

void tree_init(struct tree *t, const struct limits *limits)
{
	assert(limits->entries < TREE_NUMBER_MAX);
	*t = (struct tree){ .limits = limits, .key = siphash_new_key() };
	t->slots = tree_slots_max(limits);
	while (t->slots > TREE_SLOTS_MIN)
		t->slots /= 2;
	t->nodes = tree_map(t->slots * sizeof(*t->nodes));
	t->times = tree_map((limits->entries + 1) * sizeof(*t->times));
}

void tree_deinit(struct tree *t)
{
	tree_unmap(t->nodes, t->slots * sizeof(*t->nodes));
	if (t->times)
		tree_unmap(t->times,
			   (t->limits->entries + 1) * sizeof(*t->times));
	*t = (struct tree){ .limits = t->limits };
}

/* The node of this hash, or the free one where it belongs. */
static struct tree_node *tree_slot(const struct tree *t, const uint32_t hash[4])
{
	size_t i = (size_t)(((uint64_t)hash[0] << 32 | hash[1]) % t->slots);

	while (t->nodes[i].kind != TREE_FREE &&
	       memcmp(t->nodes[i].hash, hash, sizeof(t->nodes[i].hash)) != 0)
		i = i + 1 < t->slots ? i + 1 : 0;
	return &t->nodes[i];
}

static struct tree_node *tree_look(const struct tree *t, const char *path,
				   size_t n, uint32_t ret_hash[4])
{
	struct siphash h = siphash(&t->key, path, n);

	memcpy(ret_hash, &h, sizeof(h));
	return tree_slot(t, ret_hash);
}

/* NULL: nothing there. */
static struct tree_node *tree_find(const struct tree *t, const char *path,
				   size_t n)
{
	uint32_t hash[4];
	struct tree_node *node = tree_look(t, path, n, hash);

	return node->kind == TREE_FREE ? NULL : node;
}

static void tree_grow(struct tree *t)
{
	struct tree_node *old = t->nodes;
	size_t n = t->slots, most = tree_slots_max(t->limits);

	/* Doubled, in steps that end at the largest exactly. */
	t->slots = most;
	while (t->slots / 2 > n)
		t->slots /= 2;
	t->nodes = tree_map(t->slots * sizeof(*t->nodes));
	for (size_t i = 0; i < n; i++)
		if (old[i].kind != TREE_FREE)
			*tree_slot(t, old[i].hash) = old[i];
	tree_unmap(old, n * sizeof(*old));
}

static int tree_insert(struct tree *t, const char *path, size_t n,
		       bool is_directory, struct tree_node **ret,
		       struct error *e)
{
	struct tree_node *node;
	uint32_t hash[4];

	if (t->n >= t->limits->entries)
		return error_set(e, EFBIG, "more than %" PRIu64 " entries",
				 t->limits->entries);
	if (t->names_bytes + n + 1 > t->limits->names_bytes)
		return error_set(e, EFBIG, "names of more than %" PRIu64
				 " bytes together", t->limits->names_bytes);

	if (t->n >= t->slots - t->slots / 8 &&
	    t->slots < tree_slots_max(t->limits))
		tree_grow(t);
	node = tree_look(t, path, n, hash);
	assert(node->kind == TREE_FREE);
	memcpy(node->hash, hash, sizeof(hash));
	node->kind = is_directory ? TREE_DIRECTORY : TREE_OTHER;
	if (is_directory) {
		node->mode = 0755;
		node->number = (uint32_t)t->n_directories++ & TREE_NUMBER_MAX;
		t->times[node->number].nsec = UTIME_OMIT;
	}
	t->n++;
	t->names_bytes += n + 1;
	*ret = node;
	return 0;
}

/* Every directory above the n bytes of path is there, or becomes implied. */
static int tree_add_parents(struct tree *t, const char *path, size_t n,
			    struct error *e)
{
	char name[ENTRY_QUOTE_MAX], above[ENTRY_QUOTE_MAX];
	auto_free char *parent = NULL;
	struct tree_node *node;
	int r;

	while (n > 0 && path[--n] != '/')
		;
	if (n == 0)
		return 0;
	node = tree_find(t, path, n);
	if (node && node->kind == TREE_DIRECTORY)
		return 0;
	parent = xstrndup(path, n);
	if (node)
		return error_set(e, EINVAL, "entry \"%s\" is below \"%s\", which"
				 " is not a directory", entry_quote(name, path),
				 entry_quote(above, parent));
	r = tree_add_parents(t, parent, n, e);
	if (r < 0)
		return r;
	r = tree_insert(t, parent, n, true, &node, e);
	return error_prefix(e, r, "entry \"%s\"", entry_quote(name, parent));
}

/* 0 and *ret_climb, TREE_SAME, or < 0. */
static int tree_check_target(struct tree *t, const struct entry_verdict *en,
			     unsigned *ret_climb, struct error *e)
{
	char name[ENTRY_QUOTE_MAX], to[ENTRY_QUOTE_MAX];
	struct tree_node *target = tree_find(t, en->target, strlen(en->target));
	const char *fault = !target ? "is not there" :
		target->kind == TREE_DIRECTORY ? "is a directory" :
		!entry_link_stays(en->path, target->number) ?
		"is a link that would leave ./app" : NULL;

	if (fault)
		return error_set(e, EINVAL, "entry \"%s\" is a hard link to"
				 " \"%s\", which %s",
				 entry_quote(name, en->path),
				 entry_quote(to, en->target), fault);
	*ret_climb = target->number;
	return str_eq(en->target, en->path) ? TREE_SAME : 0;
}

/* A node for what is new, and for the directories above it. */
static int tree_add_new(struct tree *t, const struct entry_verdict *en,
			struct tree_node **ret, struct error *e)
{
	char name[ENTRY_QUOTE_MAX];
	size_t n = strlen(en->path);
	int r = tree_add_parents(t, en->path, n, e);

	if (r < 0)
		return r;
	r = tree_insert(t, en->path, n, en->type == ENTRY_DIRECTORY, ret, e);
	return error_prefix(e, r, "entry \"%s\"", entry_quote(name, en->path));
}

static void tree_say(struct tree *t, struct tree_node *node,
		     const struct entry_verdict *en)
{
	struct tree_time *time = &t->times[node->number];
	uint64_t sec = (uint64_t)en->mtime.tv_sec;

	node->mode = en->mode & 01777;
	time->sec[0] = (uint32_t)sec;
	time->sec[1] = (uint32_t)(sec >> 32);
	time->nsec = (uint32_t)en->mtime.tv_nsec;
}

int tree_add(struct tree *t, const struct entry_verdict *en, struct error *e)
{
	bool is_directory = en->type == ENTRY_DIRECTORY;
	struct tree_node *node = tree_find(t, en->path, strlen(en->path));
	char name[ENTRY_QUOTE_MAX];
	unsigned climb = en->climb;
	int r = 0, outcome = node ? TREE_REPLACES : 0;

	if (node && (node->kind == TREE_DIRECTORY) != is_directory)
		return error_set(e, EINVAL, "entry \"%s\" is there twice, as a"
				 " directory and as another thing",
				 entry_quote(name, en->path));
	if (en->type == ENTRY_HARDLINK)
		r = tree_check_target(t, en, &climb, e);
	if (r == 0 && !node)
		r = tree_add_new(t, en, &node, e);
	if (r != 0)
		return r;
	if (!is_directory) {
		node->number = climb & TREE_NUMBER_MAX;
		return outcome;
	}
	tree_say(t, node, en);
	return outcome ? TREE_SAME : 0;
}

bool tree_is_empty(const struct tree *t)
{
	return t->n <= 1;	/* "app" itself */
}

bool tree_directory(const struct tree *t, const char *path,
		    struct tree_directory *ret)
{
	const struct tree_node *node = tree_find(t, path, strlen(path));
	const struct tree_time *time;

	if (!node || node->kind != TREE_DIRECTORY)
		return false;
	time = &t->times[node->number];
	ret->mode = node->mode;
	ret->mtime.tv_sec = (time_t)((uint64_t)time->sec[1] << 32 |
				     time->sec[0]);
	ret->mtime.tv_nsec = time->nsec;
	return true;
}
