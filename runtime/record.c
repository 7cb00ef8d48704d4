#include "base/buf.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/init.h"
#include "runtime/record.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define RECORD_SIZE_MAX 1024

static const char *const stdio_names[] = {
	[DYNO_STDIO_LOG] = "log",
	[DYNO_STDIO_PIPES] = "pipes",
	[DYNO_STDIO_PTY] = "pty",
};

void record_text(const struct record *r, char *ret, size_t max)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &r->address, address, sizeof(address));
	snprintf(ret, max, "uuid=%s\nslot=%u\naddress=%s\nstdio=%s\n"
		 "started_usec=%" PRIu64 "\npid=%d\nstart_ticks=%" PRIu64 "\n",
		 r->uuid, r->slot, address, stdio_names[r->stdio],
		 r->started_usec, (int)r->pid, r->start_ticks);
}

/* ---- one parser per key: false = not in its form ---- */

static bool record_number(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)*text - '0';

		if (digit > 9 || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return true;
}

static bool record_set_uuid(struct record *r, const char *v)
{
	if (!id_is_uuid(v))
		return false;
	memcpy(r->uuid, v, sizeof(r->uuid));
	return true;
}

static bool record_set_slot(struct record *r, const char *v)
{
	uint64_t n;

	if (!record_number(v, 65535, &n))
		return false;
	r->slot = (unsigned)n;
	return true;
}

static bool record_set_address(struct record *r, const char *v)
{
	return inet_pton(AF_INET, v, &r->address) == 1;
}

static bool record_set_stdio(struct record *r, const char *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(stdio_names); i++)
		if (str_eq(v, stdio_names[i])) {
			r->stdio = (enum dyno_stdio)i;
			return true;
		}
	return false;
}

static bool record_set_started(struct record *r, const char *v)
{
	return record_number(v, UINT64_MAX, &r->started_usec);
}

static bool record_set_pid(struct record *r, const char *v)
{
	uint64_t n;

	if (!record_number(v, INT32_MAX, &n))
		return false;
	r->pid = (pid_t)n;
	return true;
}

static bool record_set_ticks(struct record *r, const char *v)
{
	return record_number(v, UINT64_MAX, &r->start_ticks);
}

static const struct {
	const char *key;
	bool (*set)(struct record *r, const char *value);
} record_keys[] = {
	{ "uuid",		record_set_uuid },
	{ "slot",		record_set_slot },
	{ "address",		record_set_address },
	{ "stdio",		record_set_stdio },
	{ "started_usec",	record_set_started },
	{ "pid",		record_set_pid },
	{ "start_ticks",	record_set_ticks },
};

static int record_line(struct record *r, char *line, unsigned *seen,
		       struct error *e)
{
	char *eq = strchr(line, '=');

	if (!eq)
		return error_set(e, EBADMSG, "record: a line without \"=\"");
	*eq = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(record_keys); i++) {
		if (!str_eq(line, record_keys[i].key))
			continue;
		if (*seen & (1U << i))
			return error_set(e, EBADMSG, "record: %s twice", line);
		*seen |= 1U << i;
		if (!record_keys[i].set(r, eq + 1))
			return error_set(e, EBADMSG, "record: bad value of %s",
					 line);
		return 0;
	}
	return error_set(e, EBADMSG, "record: unknown key");
}

int record_parse(struct record *ret, const char *text, struct error *e)
{
	auto_free char *copy = xstrdup(text);
	struct record r = { .slot = 0 };
	unsigned seen = 0;
	char *line = copy;

	while (*line) {
		char *end = strchr(line, '\n');
		int rc;

		if (!end)
			return error_set(e, EBADMSG, "record: cut off");
		*end = '\0';
		rc = record_line(&r, line, &seen, e);
		if (rc < 0)
			return rc;
		line = end + 1;
	}
	if (seen != (1U << ARRAY_SIZE(record_keys)) - 1)
		return error_set(e, EBADMSG, "record: not complete");
	*ret = r;
	return 0;
}

/* ---- on disk ---- */

static char *record_path(const char *uuid, const char *name)
{
	assert(id_is_uuid(uuid));
	return xasprintf("%s/%s", uuid, name);
}

int record_update(int dynos_fd, const struct record *r, struct error *e)
{
	auto_free char *path = record_path(r->uuid, "record");
	char text[RECORD_SIZE_MAX];

	record_text(r, text, sizeof(text));
	return file_write_fast(dynos_fd, path, text, strlen(text), 0600, e);
}

int record_create(int dynos_fd, const struct record *r, int *ret_exit_fd,
		  struct error *e)
{
	auto_free char *path = record_path(r->uuid, "exit");
	auto_close int fd = -1;
	int rc;

	if (fault_call("record mkdir") || mkdirat(dynos_fd, r->uuid, 0711) < 0)
		return error_sys(e, "make the record of dyno %s", r->uuid);
	fault_point("record made");
	fd = openat(dynos_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
		    O_NOFOLLOW, 0600);
	rc = fd < 0 ? error_sys(e, "create %s", path)
		    : record_update(dynos_fd, r, e);
	if (rc < 0) {
		record_remove(dynos_fd, r->uuid, NULL);
		return rc;
	}
	*ret_exit_fd = take_fd(fd);
	return 0;
}

int record_load(int dynos_fd, const char *uuid, struct record *ret,
		struct error *e)
{
	auto_free char *path = record_path(uuid, "record");
	auto_buf text = BUF_INIT;
	struct record r = { .slot = 0 };
	int rc = file_read(dynos_fd, path, RECORD_SIZE_MAX, &text, e);

	if (rc < 0)
		return rc;
	rc = record_parse(&r, buf_str(&text), e);
	if (rc < 0)
		return error_prefix(e, rc, "dyno %s", uuid);
	if (!str_eq(r.uuid, uuid))
		return error_set(e, EBADMSG, "dyno %s: its record is of %s",
				 uuid, r.uuid);
	*ret = r;
	return 0;
}

int record_exit(int dynos_fd, const char *uuid, struct init_exit *ret,
		struct error *e)
{
	auto_free char *path = record_path(uuid, "exit");
	auto_close int fd = openat(dynos_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct init_exit x;

	if (fd < 0 && errno == ENOENT)
		return RECORD_NO_EXIT;
	if (fd < 0)
		return error_sys(e, "open %s", path);
	if (pread(fd, &x, sizeof(x), 0) != sizeof(x) ||
	    x.magic != INIT_EXIT_MAGIC || x.status < 0 || x.status > 255)
		return RECORD_NO_EXIT;
	*ret = x;
	return 0;
}

int record_list(int dynos_fd, struct strv *ret, struct error *e)
{
	int fd = openat(dynos_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return error_sys(e, "open the records");
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(fd);
		return error_sys(e, "list the records");
	}
	while ((d = readdir(dir)))
		if (id_is_uuid(d->d_name))
			strv_add(ret, d->d_name);
	closedir(dir);
	return 0;
}

int record_remove(int dynos_fd, const char *uuid, struct error *e)
{
	assert(id_is_uuid(uuid));
	return file_remove_tree(dynos_fd, uuid, e);
}
