/*
 * conf.c - one table: names, bounds, defaults, sentences.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/conf.h"

#include <fcntl.h>

#define KEY(member) offsetof(struct slugs_conf, member)
#define CONF_SECRET_MAX 4096
#define CONF_MAX_BYTES (64ULL << 30)
#define CONF_MARK_MAX (1ULL << 60)

static const struct conf_key keys[] = {
	{ "max-bytes", CONF_BYTES, KEY(max_bytes), 1, CONF_MAX_BYTES, "500M",
	  "bytes of a slug as it comes, at most" },
	{ "connect-timeout", CONF_SEC, KEY(connect_sec), 1, 600, "10",
	  "seconds until a connection is there" },
	{ "stall-timeout", CONF_SEC, KEY(stall_sec), 1, 3600, "30",
	  "seconds of less than 1 KiB/s that end a transfer" },
	{ "total-timeout", CONF_SEC, KEY(total_sec), 1, 86400, "1200",
	  "seconds that a download or upload may take with all retries" },
	{ "retries", CONF_UINT, KEY(retries), 0, 20, "4",
	  "tries after the first, in a row without progress" },
	{ "proxy", CONF_STRING, KEY(proxy), 0, 0, NULL,
	  "URL of a proxy; not set: what http_proxy and the like say" },
	{ "no-proxy", CONF_STRING, KEY(no_proxy), 0, 0, NULL,
	  "names, with all below them, and addresses that are reached without it" },
	{ "ca-file", CONF_STRING, KEY(ca_file), 0, 0, NULL,
	  "certificates of the authorities to trust; not set: the system's" },
	{ "s3-endpoint", CONF_STRING, KEY(s3_endpoint), 0, 0, NULL,
	  "http:// or https:// address of the object store" },
	{ "s3-region", CONF_STRING, KEY(s3_region), 0, 0, "us-east-1",
	  "region that signatures name" },
	{ "s3-access-key", CONF_STRING, KEY(s3_access_key), 0, 0, NULL,
	  "name of the access key" },
	{ "s3-secret-key-file", CONF_STRING, KEY(s3_secret_key_file), 0, 0,
	  "s3-secret-key",
	  "file of the secret key, 0600; without a /: a credential of systemd" },
	{ "s3-path-style", CONF_BOOL, KEY(s3_path_style), 0, 0, "yes",
	  "the bucket stands in the path, not in the host name" },
	{ "high-bytes", CONF_BYTES, KEY(marks.high_bytes), 0, CONF_MARK_MAX, "0",
	  "collect when the store has more bytes, 0: never" },
	{ "low-bytes", CONF_BYTES, KEY(marks.low_bytes), 0, CONF_MARK_MAX, "0",
	  "collect down to this, 0: nine tenths of high-bytes" },
	{ "high-inodes", CONF_UINT, KEY(marks.high_inodes), 0, CONF_MARK_MAX, "0",
	  "collect when the store has more files, 0: never" },
	{ "low-inodes", CONF_UINT, KEY(marks.low_inodes), 0, CONF_MARK_MAX, "0",
	  "collect down to this, 0: nine tenths of high-inodes" },
	{ "high-percent", CONF_UINT, KEY(marks.high_percent), 0, 100, "90",
	  "collect when the file system is fuller, 0: never" },
	{ "low-percent", CONF_UINT, KEY(marks.low_percent), 0, 100, "0",
	  "collect down to this, 0: nine tenths of high-percent" },
};

static int conf_mark(const char *name, uint64_t high, uint64_t *low,
		     struct error *e)
{
	if (*low == 0)
		*low = high - high / 10;
	else if (*low > high)
		return error_set(e, EINVAL, "low-%s is above high-%s", name,
				 name);
	return 0;
}

static int conf_check(struct slugs_conf *c, struct error *e)
{
	const char *host = NULL;
	int r;

	if (c->s3_endpoint) {
		host = str_after(c->s3_endpoint, "https://");
		if (!host)
			host = str_after(c->s3_endpoint, "http://");
		if (!host || !*host || strcspn(host, "/?#@ ") != strlen(host))
			return error_set(e, EINVAL, "s3-endpoint: expected"
					 " http[s]://HOST[:PORT]");
	}
	r = conf_mark("bytes", c->marks.high_bytes, &c->marks.low_bytes, e);
	if (r == 0)
		r = conf_mark("inodes", c->marks.high_inodes, &c->marks.low_inodes, e);
	if (r == 0)
		r = conf_mark("percent", c->marks.high_percent, &c->marks.low_percent, e);
	return r;
}

int slugs_conf_load(struct slugs_conf *conf, const char *path, struct error *e)
{
	int r = 0;

	*conf = SLUGS_CONF_INIT;
	conf_defaults(keys, ARRAY_SIZE(keys), conf);
	if (path)
		r = conf_load_file(keys, ARRAY_SIZE(keys), conf, path, e);
	if (r == 0)
		r = error_prefix(e, conf_check(conf, e), "%s",
				 path ? path : "slugs.conf");
	if (r < 0)
		slugs_conf_deinit(conf);
	return r;
}

void slugs_conf_deinit(struct slugs_conf *conf)
{
	conf_free(keys, ARRAY_SIZE(keys), conf);
}

static int conf_override(struct slugs_conf *conf, const char *setting,
			 struct error *e)
{
	const char *value = strchr(setting, '=');
	auto_free char *key = NULL;

	assert(value);
	key = xstrndup(setting, (size_t)(value - setting));
	return conf_set(keys, ARRAY_SIZE(keys), conf, key, value + 1, e);
}

int slugs_conf_override(struct slugs_conf *conf, const struct strv *settings,
			struct error *e)
{
	int r = 0;

	if (settings->n == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < settings->n; i++) {
		const char *mark = str_after(settings->v[i], "high-");
		auto_free char *low = mark ? xasprintf("low-%.*s=0",
						       (int)strcspn(mark, "="),
						       mark) : NULL;

		if (low)
			r = conf_override(conf, low, e);
	}
	for (size_t i = 0; r == 0 && i < settings->n; i++)
		r = conf_override(conf, settings->v[i], e);
	return r == 0 ? conf_check(conf, e) : r;
}

/* systemd sees to the mode of its own: there an ACL is shown as group bits. */
static char *conf_secret_path(const char *file, bool *ret_ours, struct error *e)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	*ret_ours = strchr(file, '/') != NULL;
	if (*ret_ours)
		return xstrdup(file);
	if (dir && *dir == '/')
		return xasprintf("%s/%s", dir, file);
	error_set(e, EINVAL, "s3-secret-key-file: there is no credential \"%s\""
		  " (write the path of a file, or start under systemd with"
		  " LoadCredential=)", file);
	return NULL;
}

int slugs_conf_secret(const struct slugs_conf *conf, struct buf *ret,
		      struct error *e)
{
	auto_free char *path = NULL;
	auto_close int fd = -1;
	char secret[CONF_SECRET_MAX];
	struct stat st;
	bool ours;
	ssize_t n;

	path = conf_secret_path(conf->s3_secret_key_file, &ours, e);
	if (!path)
		return -EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "%s is not a file", path);
	if (ours && (st.st_mode & 077))
		return error_set(e, EPERM, "%s: others may read this secret;"
				 " its mode must be 0600", path);
	n = read(fd, secret, sizeof(secret));
	if (n < 0)
		return error_sys(e, "read %s", path);
	for (char *end = secret; end < secret + n; end++)
		if (*end == '\n' || *end == '\r' || *end == '\0')
			n = end - secret;
	if (n == 0 || n == sizeof(secret))
		return error_set(e, EINVAL, "%s: expected a secret key alone in"
				 " its first line", path);
	buf_add(ret, secret, (size_t)n);
	explicit_bzero(secret, sizeof(secret));
	return 0;
}
