/*
 * oci_mount.c - the table of mount option words, and reading by it.
 */
#include "base/buf.h"
#include "runtime/oci/oci_mount.h"

#include <linux/mount.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

enum word_kind {
	WORD_NOTHING,			/* a default, or mount(8)'s business */
	WORD_SET, WORD_CLR,		/* MOUNT_ATTR_* */
	WORD_TIME, WORD_NO_TIME,	/* one of MOUNT_ATTR__ATIME */
	WORD_SUPER, WORD_NO_SUPER,	/* MS_* */
	WORD_SPREAD,			/* MS_* */
	WORD_FLAG,			/* OCI_MOUNT_* */
};

struct word {
	const char *name;
	enum word_kind kind;
	bool all;			/* recursive */
	unsigned long value;
};

/* In alphabetical order: they are looked up by halving. */
static const struct word words[] = {
	{ "async", WORD_NO_SUPER, false, MS_SYNCHRONOUS },
	{ "atime", WORD_NO_TIME, false, MOUNT_ATTR_NOATIME },
	{ "bind", WORD_FLAG, false, OCI_MOUNT_BIND },
	{ "copy-symlink", WORD_FLAG, false, OCI_MOUNT_COPY_SYMLINK },
	{ "defaults", WORD_NOTHING, false, 0 },
	{ "dest-nofollow", WORD_FLAG, false, OCI_MOUNT_DEST_NOFOLLOW },
	{ "dev", WORD_CLR, false, MOUNT_ATTR_NODEV },
	{ "diratime", WORD_CLR, false, MOUNT_ATTR_NODIRATIME },
	{ "dirsync", WORD_SUPER, false, MS_DIRSYNC },
	{ "exec", WORD_CLR, false, MOUNT_ATTR_NOEXEC },
	{ "idmap", WORD_FLAG, false, OCI_MOUNT_IDMAP },
	{ "iversion", WORD_SUPER, false, MS_I_VERSION },
	{ "lazytime", WORD_SUPER, false, MS_LAZYTIME },
	{ "loud", WORD_NO_SUPER, false, MS_SILENT },
	{ "mand", WORD_SUPER, false, MS_MANDLOCK },
	{ "noatime", WORD_TIME, false, MOUNT_ATTR_NOATIME },
	{ "nodev", WORD_SET, false, MOUNT_ATTR_NODEV },
	{ "nodiratime", WORD_SET, false, MOUNT_ATTR_NODIRATIME },
	{ "noexec", WORD_SET, false, MOUNT_ATTR_NOEXEC },
	{ "noiversion", WORD_NO_SUPER, false, MS_I_VERSION },
	{ "nolazytime", WORD_NO_SUPER, false, MS_LAZYTIME },
	{ "nomand", WORD_NO_SUPER, false, MS_MANDLOCK },
	/* The kernel's default is relatime: without it means nothing. */
	{ "norelatime", WORD_NO_TIME, false, MOUNT_ATTR_RELATIME },
	{ "nostrictatime", WORD_NO_TIME, false, MOUNT_ATTR_STRICTATIME },
	{ "nosuid", WORD_SET, false, MOUNT_ATTR_NOSUID },
	{ "nosymfollow", WORD_SET, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "private", WORD_SPREAD, false, MS_PRIVATE },
	{ "ratime", WORD_NO_TIME, true, MOUNT_ATTR_NOATIME },
	{ "rbind", WORD_FLAG, false, OCI_MOUNT_BIND | OCI_MOUNT_RBIND },
	{ "rdev", WORD_CLR, true, MOUNT_ATTR_NODEV },
	{ "rdiratime", WORD_CLR, true, MOUNT_ATTR_NODIRATIME },
	{ "relatime", WORD_TIME, false, MOUNT_ATTR_RELATIME },
	{ "remount", WORD_FLAG, false, OCI_MOUNT_REMOUNT },
	{ "rexec", WORD_CLR, true, MOUNT_ATTR_NOEXEC },
	{ "ridmap", WORD_FLAG, false, OCI_MOUNT_IDMAP | OCI_MOUNT_RIDMAP },
	{ "rnoatime", WORD_TIME, true, MOUNT_ATTR_NOATIME },
	{ "rnodev", WORD_SET, true, MOUNT_ATTR_NODEV },
	{ "rnodiratime", WORD_SET, true, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", WORD_SET, true, MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", WORD_NO_TIME, true, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", WORD_NO_TIME, true, MOUNT_ATTR_STRICTATIME },
	{ "rnosuid", WORD_SET, true, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", WORD_SET, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", WORD_SET, false, MOUNT_ATTR_RDONLY },
	{ "rprivate", WORD_SPREAD, true, MS_PRIVATE },
	{ "rrelatime", WORD_TIME, true, MOUNT_ATTR_RELATIME },
	{ "rro", WORD_SET, true, MOUNT_ATTR_RDONLY },
	{ "rrw", WORD_CLR, true, MOUNT_ATTR_RDONLY },
	{ "rshared", WORD_SPREAD, true, MS_SHARED },
	{ "rslave", WORD_SPREAD, true, MS_SLAVE },
	{ "rstrictatime", WORD_TIME, true, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", WORD_CLR, true, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", WORD_CLR, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", WORD_SPREAD, true, MS_UNBINDABLE },
	{ "rw", WORD_CLR, false, MOUNT_ATTR_RDONLY },
	{ "shared", WORD_SPREAD, false, MS_SHARED },
	{ "silent", WORD_SUPER, false, MS_SILENT },
	{ "slave", WORD_SPREAD, false, MS_SLAVE },
	{ "src-nofollow", WORD_FLAG, false, OCI_MOUNT_SRC_NOFOLLOW },
	{ "strictatime", WORD_TIME, false, MOUNT_ATTR_STRICTATIME },
	{ "suid", WORD_CLR, false, MOUNT_ATTR_NOSUID },
	{ "symfollow", WORD_CLR, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync", WORD_SUPER, false, MS_SYNCHRONOUS },
	{ "tmpcopyup", WORD_FLAG, false, OCI_MOUNT_COPY_UP },
	{ "unbindable", WORD_SPREAD, false, MS_UNBINDABLE },
};

/* What fsconfig() calls them. */
static const struct {
	unsigned long flag;
	const char *word;
} super_words[OCI_MOUNT_SUPER_MAX] = {
	{ MS_SYNCHRONOUS, "sync" },
	{ MS_DIRSYNC, "dirsync" },
	{ MS_LAZYTIME, "lazytime" },
	{ MS_MANDLOCK, "mand" },
};

static int word_compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct word *)entry)->name);
}

/* The access times are one choice of three, not bits. */
static void attr_time(struct oci_mount_attr *a, const struct word *w)
{
	uint64_t now = a->set & MOUNT_ATTR__ATIME;

	if (w->kind == WORD_TIME)
		now = w->value;
	else if (now == w->value)
		now = MOUNT_ATTR_RELATIME;
	a->set = (a->set & ~(uint64_t)MOUNT_ATTR__ATIME) | now;
	a->clr |= MOUNT_ATTR__ATIME;
}

/* The last mention of a kind counts, at its place in the order. */
static void options_spread(struct oci_mount_options *o, const struct word *w)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_spread; i++)
		if (o->spread[i].type != w->value || o->spread[i].recursive != w->all)
			o->spread[n++] = o->spread[i];
	o->spread[n++] = (struct oci_mount_spread){ w->value, w->all };
	o->n_spread = n;
}

static void options_apply(struct oci_mount_options *o, const struct word *w)
{
	struct oci_mount_attr *a = w->all ? &o->all : &o->one;

	switch (w->kind) {
	case WORD_NOTHING:
		break;
	case WORD_SET:
		a->set |= w->value;
		a->clr &= ~(uint64_t)w->value;
		break;
	case WORD_CLR:
		a->clr |= w->value;
		a->set &= ~(uint64_t)w->value;
		break;
	case WORD_TIME:
	case WORD_NO_TIME:
		attr_time(a, w);
		break;
	case WORD_SUPER:
		o->super |= w->value;
		break;
	case WORD_NO_SUPER:
		o->super &= ~w->value;
		break;
	case WORD_SPREAD:
		options_spread(o, w);
		break;
	case WORD_FLAG:
		o->flags |= (unsigned)w->value;
		break;
	}
}

/* mount(8) keeps words of its own, which no file system is told. */
static bool word_of_mount(const char *s)
{
	return str_after(s, "x-") || str_after(s, "X-") || str_eq(s, "_netdev") ||
		str_eq(s, "nofail") || str_eq(s, "");
}

/* "idmap=uids=...": the parser has put the mapping into the mount. */
static bool word_idmap(struct oci_mount_options *o, const char *s)
{
	bool recursive = str_after(s, "ridmap=");

	if (!recursive && !str_after(s, "idmap="))
		return false;
	o->flags |= OCI_MOUNT_IDMAP | (recursive ? OCI_MOUNT_RIDMAP : 0U);
	return true;
}

static void options_word(struct oci_mount_options *o, const char *s,
			 struct buf *data)
{
	const struct word *w = bsearch(s, words, ARRAY_SIZE(words), sizeof(words[0]),
				       word_compare);

	if (w)
		options_apply(o, w);
	else if (!word_of_mount(s) && !word_idmap(o, s))
		buf_addf(data, "%s%s", data->len > 0 ? "," : "", s);
}

/* The end of the item at s: a comma, but not an escaped or a quoted one. Quotes
 * are those of context="...:c1,c2"; an overlay's paths have escapes. */
static char *item_end(char *s)
{
	bool quoted = false;

	for (; *s && (*s != ',' || quoted); s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (*s == '"')
			quoted = !quoted;
	}
	return s;
}

static void item_unquote(char *value)
{
	size_t n = strlen(value);

	if (n < 2 || value[0] != '"' || value[n - 1] != '"')
		return;
	memmove(value, value + 1, n - 2);
	value[n - 2] = 0;
}

static void options_split(struct oci_mount_options *o)
{
	size_t n = 1;

	for (const char *s = o->memory; *s; s++)
		n += *s == ',';
	o->data = xcalloc(n, sizeof(*o->data));
	for (char *s = o->memory, *end; *s; s = end) {
		char *value;

		end = item_end(s);
		if (*end)
			*end++ = 0;
		value = strchr(s, '=');
		if (value) {
			*value++ = 0;
			item_unquote(value);
		}
		if (*s)
			o->data[o->n_data++] = (struct oci_mount_data){ s, value };
	}
}

void oci_mount_options(struct oci_mount_options *ret,
		       const struct oci_strings *options)
{
	auto_buf data = BUF_INIT;

	*ret = (struct oci_mount_options){ .flags = 0 };
	for (size_t i = 0; i < options->n; i++)
		options_word(ret, options->v[i], &data);
	ret->text = xstrdup(buf_str(&data));
	ret->memory = xstrdup(ret->text);
	options_split(ret);
}

void oci_mount_options_deinit(struct oci_mount_options *o)
{
	free(o->data);
	free(o->text);
	free(o->memory);
	*o = (struct oci_mount_options){ .flags = 0 };
}

size_t oci_mount_super_words(unsigned long super,
			     const char *ret[OCI_MOUNT_SUPER_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(super_words); i++)
		if (super & super_words[i].flag)
			ret[n++] = super_words[i].word;
	return n;
}

const char *oci_mount_word(size_t i)
{
	return i < ARRAY_SIZE(words) ? words[i].name : NULL;
}
