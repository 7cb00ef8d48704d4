/*
 * tree.c - the tree that a slug describes. A balanced tree, not a hash table:
 * the names are a stranger's, who could choose them to collide.
 */
#include "base/error.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/tree.h"

#include <inttypes.h>
#include <search.h>

struct tree_node {
	bool is_directory;
	unsigned climb;		/* of a symbolic link: see entry.h */
	mode_t mode;
	struct timespec mtime;
	const char *path;	/* of a search key: borrowed; else text[] */
	char text[];
};

static int tree_compare(const void *a, const void *b)
{
	return strcmp(((const struct tree_node *)a)->path,
		      ((const struct tree_node *)b)->path);
}

void tree_deinit(struct tree *t)
{
	if (t->root)
		tdestroy(t->root, free);
	*t = TREE_INIT(t->limits);
}

static struct tree_node *tree_find(const struct tree *t, const char *path)
{
	const struct tree_node key = { .path = path };
	struct tree_node **found = tfind(&key, &t->root, tree_compare);

	return found ? *found : NULL;
}

static int tree_insert(struct tree *t, const char *path, bool is_directory,
		       struct tree_node **ret, struct error *e)
{
	size_t n = strlen(path) + 1;
	struct tree_node *node;

	if (t->n >= t->limits->entries)
		return error_set(e, EFBIG, "more than %" PRIu64 " entries",
				 t->limits->entries);
	if (t->names_bytes + n > t->limits->names_bytes)
		return error_set(e, EFBIG, "names of more than %" PRIu64
				 " bytes together", t->limits->names_bytes);

	node = xcalloc(1, sizeof(*node) + n);
	memcpy(node->text, path, n);
	node->path = node->text;
	node->is_directory = is_directory;
	node->mode = 0755;
	node->mtime.tv_nsec = UTIME_OMIT;
	if (!tsearch(node, &t->root, tree_compare))
		abort();	/* out of memory, as in base/alloc.c */
	t->n++;
	t->n_directories += is_directory;
	t->names_bytes += n;
	*ret = node;
	return 0;
}

/* Every directory above path is there, or becomes implied. */
static int tree_add_parents(struct tree *t, const char *path, struct error *e)
{
	char parent[PATH_MAX], name[ENTRY_QUOTE_MAX], above[ENTRY_QUOTE_MAX];
	const char *slash = strrchr(path, '/');
	struct tree_node *node;
	int r;

	if (!slash)
		return 0;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	node = tree_find(t, parent);
	if (node && node->is_directory)
		return 0;
	if (node)
		return error_set(e, EINVAL, "entry \"%s\" is below \"%s\", which"
				 " is not a directory", entry_quote(name, path),
				 entry_quote(above, parent));
	r = tree_add_parents(t, parent, e);
	if (r < 0)
		return r;
	r = tree_insert(t, parent, true, &node, e);
	return error_prefix(e, r, "entry \"%s\"", entry_quote(name, parent));
}

/* 0 and *ret_climb, TREE_SAME, or < 0. */
static int tree_check_target(struct tree *t, const struct entry_verdict *en,
			     unsigned *ret_climb, struct error *e)
{
	char name[ENTRY_QUOTE_MAX], to[ENTRY_QUOTE_MAX];
	struct tree_node *target = tree_find(t, en->target);
	const char *fault = !target ? "is not there" :
		target->is_directory ? "is a directory" :
		!entry_link_stays(en->path, target->climb) ?
		"is a link that would leave ./app" : NULL;

	if (fault)
		return error_set(e, EINVAL, "entry \"%s\" is a hard link to"
				 " \"%s\", which %s",
				 entry_quote(name, en->path),
				 entry_quote(to, en->target), fault);
	*ret_climb = target->climb;
	return str_eq(en->target, en->path) ? TREE_SAME : 0;
}

/* A node for what is new, and for the directories above it. */
static int tree_grow(struct tree *t, const struct entry_verdict *en,
		     struct tree_node **ret, struct error *e)
{
	char name[ENTRY_QUOTE_MAX];
	int r = tree_add_parents(t, en->path, e);

	if (r < 0)
		return r;
	r = tree_insert(t, en->path, en->type == ENTRY_DIRECTORY, ret, e);
	return error_prefix(e, r, "entry \"%s\"", entry_quote(name, en->path));
}

int tree_add(struct tree *t, const struct entry_verdict *en, struct error *e)
{
	bool is_directory = en->type == ENTRY_DIRECTORY;
	struct tree_node *node = tree_find(t, en->path);
	char name[ENTRY_QUOTE_MAX];
	unsigned climb = en->climb;
	int r = 0, outcome = node ? TREE_REPLACES : 0;

	if (node && node->is_directory != is_directory)
		return error_set(e, EINVAL, "entry \"%s\" is there twice, as a"
				 " directory and as another thing",
				 entry_quote(name, en->path));
	if (en->type == ENTRY_HARDLINK)
		r = tree_check_target(t, en, &climb, e);
	if (r == 0 && !node)
		r = tree_grow(t, en, &node, e);
	if (r != 0)
		return r;
	node->climb = climb;
	if (!is_directory)
		return outcome;
	node->mode = en->mode;
	node->mtime = en->mtime;
	return outcome ? TREE_SAME : 0;
}

bool tree_is_empty(const struct tree *t)
{
	return t->n <= 1;	/* "app" itself */
}

struct tree_walk {
	struct tree_directory *v;
	size_t left;
};

static void tree_visit(const void *p, VISIT which, void *userdata)
{
	const struct tree_node *node = *(struct tree_node *const *)p;
	struct tree_walk *w = userdata;

	if (!node->is_directory || (which != postorder && which != leaf))
		return;
	/* Ascending order, filled from the end: children before parents. */
	w->v[--w->left] = (struct tree_directory){
		.path = node->path, .mode = node->mode, .mtime = node->mtime,
	};
}

struct tree_directory *tree_directories(const struct tree *t)
{
	struct tree_walk w = {
		.v = xcalloc(t->n_directories + 1, sizeof(*w.v)),
		.left = t->n_directories,
	};

	twalk_r(t->root, tree_visit, &w);
	assert(w.left == 0);
	return w.v;
}
