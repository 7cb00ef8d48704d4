/*
 * stack.c - the lowest layer of every dyno.
 *
 * A skeleton that dynos may be standing on is never changed nor removed: its
 * name says of which boot and of what content it is, <boot>-<fingerprint>, and
 * it gets that name by a rename when it is complete. A restart of the daemon
 * finds it again; if the host's /etc has changed meanwhile, a second one comes
 * beside it. Those of earlier boots carry nobody and are removed.
 */
#include "runtime/stack.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/stack_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define BOOT_DIGITS 8
#define FORMAT "1"		/* change it with the tables below */

static const struct {
	const char *path;
	mode_t mode;
} stack_dirs[] = {
	{ "app", 0755 }, { "dev", 0755 }, { "etc", 0755 },
	{ "etc/heroku", 0755 }, { "etc/profile.d", 0755 }, { "home", 0755 },
	{ "mnt", 0755 }, { "opt", 0755 }, { "proc", 0555 }, { "root", 0700 },
	{ "run", 0755 }, { "run/lock", 01777 }, { "srv", 0755 },
	{ "sys", 0555 }, { "tmp", 01777 }, { "usr", 0755 }, { "var", 0755 },
	{ "var/cache", 0755 }, { "var/lib", 0755 }, { "var/log", 0755 },
	{ "var/spool", 0755 }, { "var/tmp", 01777 },
};

static const struct {
	const char *path, *target;
} stack_links[] = {
	{ "var/run", "../run" },
	{ "var/lock", "../run/lock" },
	{ "etc/mtab", "../proc/self/mounts" },
};

/* Of these the host has what its architecture needs. */
static const char *const stack_usr_links[] = {
	"bin", "sbin", "lib", "lib32", "lib64", "libx32",
};

#define PROMPT "PS1='\\w \\$ '\n"

static const struct {
	const char *path, *text;
} stack_files[] = {
	{ "etc/profile",
	  "PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}\n"
	  "export PATH\n"
	  "if [ -n \"${PS1-}\" ]; then\n\t" PROMPT "fi\n"
	  "for i in /etc/profile.d/*.sh; do\n"
	  "\tif [ -r \"$i\" ]; then . \"$i\"; fi\n"
	  "done\n"
	  "unset i\n" },
	{ "etc/bash.bashrc",
	  "[ -z \"${PS1-}\" ] && return\n"
	  "shopt -s checkwinsize\n" PROMPT },
	{ "etc/nsswitch.conf",
	  "passwd: files\ngroup: files\nshadow: files\n"
	  "hosts: files dns\nnetworks: files\nprotocols: files\n"
	  "services: files\nethers: files\nrpc: files\n" },
	{ "etc/shells", "/bin/sh\n/bin/bash\n/usr/bin/sh\n/usr/bin/bash\n" },
};

/* ---- names ---- */

static int stack_boot(char ret[BOOT_DIGITS + 1], struct error *e)
{
	auto_buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128,
			  &text, e);

	if (r < 0)
		return r;
	snprintf(ret, BOOT_DIGITS + 1, "%s", buf_str(&text));
	return 0;
}

/* The host's /lib and so on have to be links: there is only /usr to share. */
static int stack_usr_link(const char *name, char *target, size_t size,
			  struct error *e)
{
	auto_free char *path = xasprintf("/%s", name);
	ssize_t n = readlink(path, target, size - 1);

	target[n < 0 ? 0 : n] = '\0';
	if (n < 0 && errno != ENOENT)
		return error_set(e, ENOTSUP, "stack \"host\": /%s is not a link "
				 "into /usr", name);
	if (n > 0 && !str_after(target, "usr/") && !str_after(target, "/usr/"))
		return error_set(e, ENOTSUP, "stack \"host\": /%s leads to %s",
				 name, target);
	return 0;
}

/* ---- building ---- */

static int stack_make_dirs(int fd, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack_dirs); i++) {
		const char *path = stack_dirs[i].path;

		/* fchmodat: whatever the umask is. */
		if (mkdirat(fd, path, 0700) < 0 ||
		    fchmodat(fd, path, stack_dirs[i].mode, 0) < 0)
			return error_sys(e, "create %s in the stack", path);
	}
	return 0;
}

static int stack_make_links(int fd, struct error *e)
{
	char target[256];

	for (size_t i = 0; i < ARRAY_SIZE(stack_links); i++)
		if (symlinkat(stack_links[i].target, fd,
			      stack_links[i].path) < 0)
			return error_sys(e, "create %s in the stack",
					 stack_links[i].path);
	for (size_t i = 0; i < ARRAY_SIZE(stack_usr_links); i++) {
		int r = stack_usr_link(stack_usr_links[i], target,
				       sizeof(target), e);

		if (r < 0)
			return r;
		if (*target && symlinkat(target, fd, stack_usr_links[i]) < 0)
			return error_sys(e, "create %s in the stack",
					 stack_usr_links[i]);
	}
	return 0;
}

static int stack_make_files(int fd, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack_files); i++) {
		int r = file_write_fast(fd, stack_files[i].path,
					stack_files[i].text,
					strlen(stack_files[i].text), 0644, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int stack_build(const char *path, const struct stack_copy *copy,
		       int etc_fd, struct error *e)
{
	auto_close int fd = -1, to_fd = -1;
	int r = file_make_dir_owned(path, 0755, (uid_t)-1, (gid_t)-1, e);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "open %s", path);
	r = stack_make_dirs(fd, e);
	if (r >= 0)
		r = stack_make_links(fd, e);
	if (r >= 0)
		r = stack_make_files(fd, e);
	if (r < 0)
		return r;
	to_fd = openat(fd, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to_fd < 0)
		return error_sys(e, "open %s/etc", path);
	return stack_copy_write(copy, etc_fd, to_fd, e);
}

/* ---- opening ---- */

static void stack_sweep(const char *dir, const char *boot)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, "..") &&
		    strncmp(de->d_name, boot, BOOT_DIGITS) != 0)
			file_remove_tree(dirfd(d), de->d_name, NULL);
	if (d)
		closedir(d);
}

static int stack_finish(const char *dir, const char *path,
			const struct stack_copy *copy, int etc_fd,
			struct error *e)
{
	auto_free char *secret = id_secret(6);
	auto_free char *incoming = xasprintf("%s/new.%s", dir, secret);
	int r = stack_build(incoming, copy, etc_fd, e);

	if (r >= 0 && rename(incoming, path) < 0 && errno != EEXIST &&
	    errno != ENOTEMPTY)
		r = error_sys(e, "rename %s to %s", incoming, path);
	file_remove_tree(AT_FDCWD, incoming, NULL);
	return r;
}

static int stack_host(struct stack *s, const char *run_dir, struct error *e)
{
	auto_close int etc_fd = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_(stack_copy_deinit) struct stack_copy copy = STACK_COPY_INIT;
	auto_free char *dir = xasprintf("%s/stack", run_dir);
	auto_free char *path = NULL;
	char boot[BOOT_DIGITS + 1];
	uint64_t hash;
	int r;

	if (etc_fd < 0)
		return error_sys(e, "open /etc");
	r = stack_boot(boot, e);
	if (r >= 0)
		r = file_make_dir_owned(dir, 0755, (uid_t)-1, (gid_t)-1, e);
	if (r >= 0)
		r = stack_copy_collect(&copy, etc_fd, e);
	if (r < 0)
		return r;
	stack_sweep(dir, boot);
	hash = stack_copy_fold(copy.fingerprint, DYNO_VERSION "/" FORMAT,
			       sizeof(DYNO_VERSION "/" FORMAT));
	path = xasprintf("%s/%s-%016llx", dir, boot, (unsigned long long)hash);
	if (access(path, F_OK) < 0)
		r = stack_finish(dir, path, &copy, etc_fd, e);
	if (r < 0)
		return r;
	s->lower = take_ptr(path);
	s->usr = xstrdup("/usr");
	return 0;
}

static int stack_image(struct stack *s, const char *name,
		       const char *stacks_dir, struct error *e)
{
	auto_free char *path = xasprintf("%s/%s", stacks_dir, name);
	auto_free char *shell = xasprintf("%s/usr/bin/bash", path);
	struct stat st;

	if (!*name || *name == '.' || strchr(name, '/'))
		return error_set(e, EINVAL, "\"%s\" is no name of a stack", name);
	if (lstat(path, &st) < 0)
		return error_sys(e, "open stack %s", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(e, ENOTDIR, "stack %s is not a directory",
				 path);
	if (lstat(shell, &st) < 0)
		return error_sys(e, "stack %s: look for %s", name, shell);
	s->lower = take_ptr(path);
	s->usr = NULL;
	return 0;
}

int stack_open(struct stack *ret, const char *name, const char *run_dir,
	       const char *stacks_dir, struct error *e)
{
	struct stack s = { NULL, NULL };
	int r = str_eq(name, "host") ? stack_host(&s, run_dir, e)
				     : stack_image(&s, name, stacks_dir, e);

	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

void stack_deinit(struct stack *s)
{
	free(s->lower);
	free(s->usr);
	s->lower = s->usr = NULL;
}
