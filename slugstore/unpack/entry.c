/*
 * entry.c - the policy for one entry of a slug. See entry.h for the rules.
 */
#include "base/error.h"
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/limits.h"

#include <inttypes.h>

#define ENTRY_NSEC_PER_SEC 1000000000L

/* "entry "app/x" WHAT" */
__attribute__((format(printf, 3, 4)))
static int entry_refuse(struct error *e, const char *path, const char *fmt, ...)
{
	char name[ENTRY_QUOTE_MAX];
	auto_free char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	return error_set(e, EINVAL, "entry \"%s\" %s", entry_quote(name, path),
			 what);
}

/* The next component of *p, or length 0 at the end; "" and "." are skipped. */
static size_t entry_component(const char **p, const char **ret)
{
	size_t n;

	do {
		*p += strspn(*p, "/");
		*ret = *p;
		n = strcspn(*p, "/");
		*p += n;
	} while (n == 1 && **ret == '.');
	return n;
}

static bool entry_is_up(const char *c, size_t n)
{
	return n == 2 && c[0] == '.' && c[1] == '.';
}

/* NULL if path is relative and goes down only, else what is wrong with it. */
static const char *entry_path_fault(const char *path)
{
	const char *c;
	bool up = false;
	int depth = 0;
	size_t n;

	if (*path == '/')
		return "has an absolute path";
	while ((n = entry_component(&path, &c)) > 0) {
		if (!entry_is_up(c, n)) {
			depth++;
			continue;
		}
		up = true;
		if (--depth < 1)
			return "leaves ./app";
	}
	return up ? "has \"..\" in its path" : NULL;
}

static bool entry_in_app(const char *path)
{
	const char *c;
	size_t n = entry_component(&path, &c);

	return n == 3 && memcmp(c, "app", 3) == 0;
}

/* Copy path without empty and "." components; name = the entry, for errors. */
static int entry_normalise(char out[PATH_MAX], const char *path,
			   const char *name, const struct limits *lim,
			   struct error *e)
{
	const char *c;
	size_t n, len = 0;
	uint64_t depth = 0;

	while ((n = entry_component(&path, &c)) > 0) {
		if (n > lim->name_bytes)
			return entry_refuse(e, name, "has a name of more than"
					    " %" PRIu64 " bytes",
					    lim->name_bytes);
		if (++depth > lim->depth)
			return entry_refuse(e, name, "is more than %" PRIu64
					    " directories deep", lim->depth);
		if (len + n + 1 > lim->path_bytes || len + n + 2 > PATH_MAX)
			return entry_refuse(e, name, "has a path of more than"
					    " %" PRIu64 " bytes",
					    lim->path_bytes);
		if (len > 0)
			out[len++] = '/';
		memcpy(out + len, c, n);
		len += n;
	}
	out[len] = '\0';
	return 0;
}

/* How far above its own directory a link's target ever gets. */
static unsigned entry_climb(const char *target)
{
	const char *c;
	int depth = 0, lowest = 0;
	size_t n;

	if (*target == '/')
		return 0;
	while ((n = entry_component(&target, &c)) > 0) {
		depth += entry_is_up(c, n) ? -1 : 1;
		lowest = depth < lowest ? depth : lowest;
	}
	return (unsigned)-lowest;
}

bool entry_link_stays(const char *path, unsigned climb)
{
	unsigned depth = 0;	/* of the link's directory; "app" is 1 */

	for (; *path; path++)
		depth += *path == '/';
	return climb == 0 || depth > climb;
}

static int entry_symlink(struct entry_verdict *en, const char *name,
			 const char *target, const struct limits *lim,
			 struct error *e)
{
	char quoted[ENTRY_QUOTE_MAX];
	size_t n = target ? strlen(target) : 0;

	if (n == 0)
		return entry_refuse(e, name, "is a link without a target");
	if (n > lim->path_bytes || n >= sizeof(en->target))
		return entry_refuse(e, name, "has a target of more than %" PRIu64
				    " bytes", lim->path_bytes);
	en->climb = entry_climb(target);
	if (!entry_link_stays(en->path, en->climb))
		return entry_refuse(e, name, "is a link to \"%s\", which leaves"
				    " ./app", entry_quote(quoted, target));
	en->type = ENTRY_SYMLINK;
	memcpy(en->target, target, n + 1);
	return 0;
}

static int entry_hardlink(struct entry_verdict *en, const char *name,
			  const char *target, const struct limits *lim,
			  struct error *e)
{
	char quoted[ENTRY_QUOTE_MAX];

	if (entry_path_fault(target) || !entry_in_app(target))
		return entry_refuse(e, name, "is a hard link to \"%s\", which"
				    " leaves ./app", entry_quote(quoted, target));
	en->type = ENTRY_HARDLINK;
	return entry_normalise(en->target, target, name, lim, e);
}

static int entry_plain(struct entry_verdict *en, const char *name,
		       const struct entry_claim *claim, struct error *e)
{
	static const struct { mode_t type; const char *what; } refused[] = {
		{ S_IFCHR, "is a device" },
		{ S_IFBLK, "is a device" },
		{ S_IFIFO, "is a fifo" },
		{ S_IFSOCK, "is a socket" },
	};

	if (S_ISDIR(claim->mode)) {
		en->type = ENTRY_DIRECTORY;
		return 0;
	}
	if (S_ISREG(claim->mode)) {
		en->type = ENTRY_FILE;
		en->size = (uint64_t)claim->size;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if ((claim->mode & S_IFMT) == refused[i].type)
			return entry_refuse(e, name, "%s", refused[i].what);
	return entry_refuse(e, name, "is of an unknown type");
}

static int entry_classify(struct entry_verdict *en,
			  const struct entry_claim *claim,
			  const struct limits *lim, struct error *e)
{
	if (claim->hardlink)
		return entry_hardlink(en, claim->path, claim->hardlink, lim, e);
	if (S_ISLNK(claim->mode))
		return entry_symlink(en, claim->path, claim->symlink, lim, e);
	return entry_plain(en, claim->path, claim, e);
}

int entry_decide(const struct entry_claim *claim, const struct limits *lim,
		 struct entry_verdict *ret, struct error *e)
{
	const char *fault;
	int r;

	if (!claim->path || !*claim->path)
		return error_set(e, EINVAL, "an entry has no name");
	fault = entry_path_fault(claim->path);
	if (fault)
		return entry_refuse(e, claim->path, "%s", fault);
	/* Also what is ignored has to be read past. */
	if (claim->size < 0 || (uint64_t)claim->size > lim->file_bytes)
		return entry_refuse(e, claim->path, "has more than %" PRIu64
				    " bytes", lim->file_bytes);
	if (!entry_in_app(claim->path))
		return ENTRY_IGNORED;

	ret->target[0] = '\0';
	ret->size = 0;
	ret->climb = 0;
	r = entry_normalise(ret->path, claim->path, claim->path, lim, e);
	if (r >= 0)
		r = entry_classify(ret, claim, lim, e);
	if (r < 0)
		return r;
	if (ret->type <= ENTRY_FILE && (claim->mode & (S_ISUID | S_ISGID)))
		return entry_refuse(e, claim->path, "has a set%cid bit",
				    claim->mode & S_ISUID ? 'u' : 'g');
	if (str_eq(ret->path, "app") && ret->type != ENTRY_DIRECTORY)
		return entry_refuse(e, claim->path, "is not a directory");
	ret->mode = claim->mode & 01777;
	ret->mtime = claim->mtime;
	if (ret->mtime.tv_nsec < 0 || ret->mtime.tv_nsec >= ENTRY_NSEC_PER_SEC)
		ret->mtime.tv_nsec = 0;
	return 0;
}
