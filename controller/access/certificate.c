/*
 * certificate.c - which names, and when to renew.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "controller/access/authority.h"
#include "controller/access/certificate.h"

#include <fcntl.h>

#define DAY_SEC (24 * 3600LL)
#define VALID_SEC (397 * DAY_SEC)	/* some clients want no more */
#define RENEW_SEC (30 * DAY_SEC)
#define FILE_MAX_BYTES 65536
#define HOST_MAX_BYTES 256
#define SEPARATORS ", \t"

/* An address that means "all" is none to be reached by. */
static void certificate_add_name(struct strv *ret, const char *name)
{
	if (*name && !str_eq(name, "0.0.0.0") && !strv_has(ret, name))
		strv_add(ret, name);
}

static void certificate_names(struct strv *ret, const char *names)
{
	char host[HOST_MAX_BYTES] = "";

	strv_add(ret, "localhost");
	strv_add(ret, "127.0.0.1");
	strv_add(ret, "::1");
	if (gethostname(host, sizeof(host) - 1) == 0)
		certificate_add_name(ret, host);
	while (names && *names) {
		size_t n = strcspn(names, SEPARATORS);
		auto_free char *name = xstrndup(names, n);

		certificate_add_name(ret, name);
		names += n + strspn(names + n, SEPARATORS);
	}
}

int certificate_ensure(struct authority *a, const char *path, const char *names,
		       struct error *e)
{
	auto_buf text = BUF_INIT;
	auto_strv want = STRV_INIT;
	const char *const *v;
	int r = 0;

	certificate_names(&want, names);
	v = (const char *const *)want.v;
	if (access(path, F_OK) == 0)
		r = file_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, e);
	if (r < 0 || authority_is_good(a, &text, v, want.n, RENEW_SEC))
		return r;
	buf_clear(&text);
	r = authority_sign_server(a, v, want.n, VALID_SEC, &text, e);
	return r < 0 ? r : file_write_atomic(AT_FDCWD, path, text.data, text.len,
					     0600, e);
}
