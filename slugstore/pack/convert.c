/*
 * convert.c - unpack, tidy, have another program make an image.
 */
#include "slugstore/pack/convert.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "slugstore/pack/pack.h"
#include "slugstore/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define CONVERT_BLOCK (256 * 1024)
#define CONVERT_TEXT(x) #x
#define CONVERT_NUMBER(x) CONVERT_TEXT(x)
#define CONVERT_EPOCH CONVERT_NUMBER(PACK_EPOCH_SEC)
#define CONVERT_IMAGE "/proc/self/fd/3"

static const struct convert_program {
	const char *name, *package;
	const char *argv[16];		/* "<" is the directory */
} convert_programs[] = {
	[IMAGE_EROFS] = { "mkfs.erofs", "erofs-utils", {
		"mkfs.erofs", "--quiet", "-zlz4hc", "-x-1", "-T" CONVERT_EPOCH,
		"--preserve-mtime", "-U00000000-0000-0000-0000-000000000000",
		"--all-root", CONVERT_IMAGE, "<" } },
	[IMAGE_SQUASHFS] = { "mksquashfs", "squashfs-tools", {
		"mksquashfs", "<", CONVERT_IMAGE, "-noappend", "-all-root",
		"-no-xattrs", "-no-exports", "-comp", "zstd", "-mkfs-time",
		CONVERT_EPOCH, "-no-progress", "-quiet", "-no-recovery" } },
};

/* ---- a store of its own ---- */

static void convert_rmdir(char **dir)
{
	if (*dir)
		file_remove_tree(AT_FDCWD, *dir, NULL);
	free(*dir);
}

static int convert_mkdir(char **ret, struct error *e)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *dir = xasprintf("%s/dyno-slug-XXXXXX",
					tmp && *tmp ? tmp : "/tmp");

	if (!mkdtemp(dir))
		return error_sys(e, "make directory %s", dir);
	*ret = take_ptr(dir);
	return 0;
}

static int convert_import(const struct convert *c, struct store *s,
			  char ret[SHA256_HEX_MAX], struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	auto_free char *block = xmalloc(CONVERT_BLOCK);
	off_t at = 0;
	ssize_t n;
	int r = store_import_begin(s, 0, &imp, e);

	while (r == 0 && (n = pread(c->slug_fd, block, CONVERT_BLOCK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "read the slug");
		r = store_import_write(imp, block, (size_t)n, e);
		at += n;
	}
	return r < 0 ? r : store_import_finish(imp, NULL, ret, NULL, e);
}

/* What is not the slug's own in its tree goes; what says when does, too. */
static int convert_tidy(const char *tree, struct error *e)
{
	const struct timespec times[2] = {
		{ .tv_sec = PACK_EPOCH_SEC }, { .tv_sec = PACK_EPOCH_SEC },
	};
	auto_free char *ok = xasprintf("%s/.ok", tree);

	if (unlink(ok) < 0 || chmod(tree, 0755) < 0 ||
	    utimensat(AT_FDCWD, tree, times, 0) < 0)
		return error_sys(e, "tidy %s", tree);
	return 0;
}

static int convert_unpack(const struct convert *c, const char *dir,
			  char **ret_tree, struct error *e)
{
	auto_(store_free_p) struct store *s = NULL;
	char sha256[SHA256_HEX_MAX];
	int r = store_open(&s, dir, e);

	if (r < 0)
		return r;
	store_on_progress(s, c->on_progress, c->userdata);
	r = convert_import(c, s, sha256, e);
	if (r == 0)
		r = store_unpack(s, sha256, e);
	if (r < 0)
		return r;
	assert(r == 0);		/* it is there, nobody else knows the store */
	*ret_tree = xasprintf("%s/trees/%s", dir, sha256);
	return convert_tidy(*ret_tree, e);
}

/* ---- the program ---- */

static char *convert_find(const struct convert_program *p, struct error *e)
{
	static const char *const dirs[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
		"/sbin", "/bin",
	};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		auto_free char *path = xasprintf("%s/%s", dirs[i], p->name);

		if (access(path, X_OK) == 0)
			return take_ptr(path);
	}
	error_set(e, ENOENT, "%s is not installed: it is in the package %s",
		  p->name, p->package);
	return NULL;
}

static int convert_make(const struct convert *c, const char *path,
			const char *tree, struct error *e)
{
	const struct convert_program *p = &convert_programs[c->kind];
	auto_strv argv = STRV_INIT, envp = STRV_INIT;
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int pid_fd = -1;
	int r, status;
	pid_t pid;

	/* No SOURCE_DATE_EPOCH or the like. */
	strv_add(&envp, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&envp, "LC_ALL=C");
	for (size_t i = 0; p->argv[i]; i++)
		strv_add(&argv, str_eq(p->argv[i], "<") ? tree : p->argv[i]);
	spec.path = path;
	spec.argv = strv_argv(&argv);
	spec.envp = strv_argv(&envp);
	spec.fds = &c->image_fd;
	spec.n_fds = 1;
	spec.die_with_parent = true;
	r = process_spawn(&spec, &pid, &pid_fd, e);
	if (r == 0)
		r = process_wait(pid_fd, &status, e);
	if (r == 0 && status != 0)
		return error_set(e, EIO, "%s ended with status %d", p->name,
				 status);
	return r;
}

int convert_run(const struct convert *c, struct error *e)
{
	auto_free char *path = NULL, *tree = NULL;
	auto_(convert_rmdir) char *dir = NULL;
	enum image_kind is;
	int r = image_probe(c->slug_fd, &is, e);

	assert(c->kind != IMAGE_NONE);
	if (r < 0)
		return r;
	if (is != IMAGE_NONE)
		return error_set(e, EINVAL, "the slug is an image already (%s)",
				 image_kind_name(is));
	path = convert_find(&convert_programs[c->kind], e);
	if (!path)
		return -ENOENT;
	r = convert_mkdir(&dir, e);
	if (r == 0)
		r = convert_unpack(c, dir, &tree, e);
	return r < 0 ? r : convert_make(c, path, tree, e);
}
