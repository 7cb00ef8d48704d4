/*
 * doctor_files.c - records, the supervisor's directories, and what is half done in
 * the slug store.
 */
#include "cli/host/doctor.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define DOCTOR_RECORD_MAX 4096
#define DOCTOR_PARTIAL_SEC 86400

/* ---- records ---- */

static void doctor_own(struct doctor *d, const char *uuid, const char *text)
{
	const char *line = strstr(text, "address=");
	struct in_addr address;
	char word[INET_ADDRSTRLEN];

	strv_add(&d->uuids, uuid);
	if (!line || sscanf(line, "address=%15[0-9.]", word) != 1 ||
	    inet_pton(AF_INET, word, &address) != 1)
		return;
	strv_add(&d->addresses, word);
	if (d->prefix) {
		auto_free char *link = doctor_link_name(d->prefix, uuid, address);

		strv_add(&d->links, link);
	}
}

int doctor_files_own(struct doctor *d, struct error *e)
{
	auto_free char *path = xasprintf("%s/dynos", d->run);
	DIR *dir = opendir(path);
	struct dirent *ent;

	if (!dir)
		return error_sys(e, "read %s", path);
	while ((ent = readdir(dir))) {
		auto_free char *file = xasprintf("%s/%s/record", path, ent->d_name);
		auto_buf text = BUF_INIT;

		if (!id_is_uuid(ent->d_name))
			continue;
		file_read(AT_FDCWD, file, DOCTOR_RECORD_MAX, &text, NULL);
		doctor_own(d, ent->d_name, buf_str(&text));
	}
	closedir(dir);
	return 0;
}

/* ---- look ---- */

static void doctor_look_known(const struct doctor *d, struct doctor_findings *f)
{
	for (size_t i = 0; i < d->uuids.n; i++)
		if (!strv_has(&d->instances, d->uuids.v[i]))
			doctor_add(f, DOCTOR_RECORD, d->uuids.v[i]);
	for (size_t i = 0; i < d->instances.n; i++)
		if (!strv_has(&d->uuids, d->instances.v[i]))
			doctor_add(f, DOCTOR_INSTANCE, d->instances.v[i]);
}

static void doctor_look_dynos(const struct doctor *d, struct doctor_findings *f)
{
	auto_free char *path = xasprintf("%s/supervisor/dynos", d->run);
	DIR *dir = opendir(path);
	struct dirent *ent;

	while (dir && (ent = readdir(dir))) {
		auto_free char *name = xasprintf("%s/%s", path, ent->d_name);

		if (id_is_uuid(ent->d_name) && !strv_has(&d->dynos, ent->d_name))
			doctor_add(f, DOCTOR_FILES, name);
	}
	if (dir)
		closedir(dir);
}

/* The lock of a writer dies with it: who gets it is alone. -1: somebody writes, or
 * it is gone. */
static int doctor_claim(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		fd = fd_close(fd);
	return fd;
}

static bool doctor_is_old(const char *path, time_t age_sec)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_mtime + age_sec < time(NULL);
}

static void doctor_look_store(const struct doctor *d, struct doctor_findings *f,
			      const char *sub, enum doctor_kind kind, time_t age_sec)
{
	auto_free char *path = xasprintf("%s/slugs/%s", d->lib, sub);
	DIR *dir = opendir(path);
	struct dirent *ent;

	while (dir && (ent = readdir(dir))) {
		auto_free char *name = xasprintf("%s/%s", path, ent->d_name);
		auto_close int fd = -1;

		if (ent->d_name[0] == '.' || !doctor_is_old(name, age_sec))
			continue;
		fd = doctor_claim(name);
		if (fd >= 0)
			doctor_add(f, kind, name);
	}
	if (dir)
		closedir(dir);
}

void doctor_files_look(const struct doctor *d, struct doctor_findings *f)
{
	if (d->answered) {
		doctor_look_known(d, f);
		doctor_look_dynos(d, f);
	}
	doctor_look_store(d, f, "incoming", DOCTOR_INCOMING, 0);
	doctor_look_store(d, f, "partial", DOCTOR_PARTIAL, DOCTOR_PARTIAL_SEC);
}

/* ---- repair ---- */

bool doctor_files_repair(const struct doctor *d, const struct doctor_finding *x)
{
	auto_close int fd = -1;

	if (x->kind != DOCTOR_FILES) {
		fd = doctor_claim(x->name);
		if (fd < 0)
			return access(x->name, F_OK) < 0;
	}
	return file_remove_tree(AT_FDCWD, x->name, NULL) >= 0;
}
