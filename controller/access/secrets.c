/*
 * secrets.c - a random key in a file each; HMAC-SHA256 for URLs.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "controller/access/secrets.h"

#include <fcntl.h>
#include <gnutls/crypto.h>

#define KEY_BYTES 32
#define KEY_FILE_MAX 1024

struct secrets {
	char *token;
	char *key;
};

static int secrets_file(const char *dir, const char *name, char **ret,
			struct error *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_buf text = BUF_INIT;
	char *fresh;
	int r;

	if (access(path, F_OK) < 0) {
		fresh = id_secret(KEY_BYTES);
		buf_addf(&text, "%s\n", fresh);
		free(fresh);
		r = file_write_atomic(AT_FDCWD, path, text.data, text.len, 0600,
				      e);
		if (r < 0)
			return r;
		buf_clear(&text);
	}
	r = file_read(AT_FDCWD, path, KEY_FILE_MAX, &text, e);
	if (r < 0)
		return r;
	while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	if (!text.len)
		return error_set(e, EINVAL, "%s is empty", path);
	*ret = buf_take(&text);
	return 0;
}

int secrets_open(struct secrets **ret, const char *dir, struct error *e)
{
	auto_(secrets_free_p) struct secrets *s = xcalloc(1, sizeof(*s));
	int r = secrets_file(dir, "token", &s->token, e);

	if (r == 0)
		r = secrets_file(dir, "signing-key", &s->key, e);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

struct secrets *secrets_free(struct secrets *s)
{
	if (!s)
		return NULL;
	free(s->token);
	free(s->key);
	free(s);
	return NULL;
}

bool secrets_is_token(const struct secrets *s, const char *token)
{
	return id_secret_eq(token, s->token);
}

static void secrets_hmac(const struct secrets *s, const char *path,
			 const char *params, const char *expires,
			 char out[SHA256_HEX_MAX])
{
	auto_free char *text = xasprintf("%s\n%s\n%s", path, params, expires);
	unsigned char mac[32];

	gnutls_hmac_fast(GNUTLS_MAC_SHA256, s->key, strlen(s->key), text,
			 strlen(text), mac);
	id_hex(out, mac, sizeof(mac));
}

char *secrets_sign(const struct secrets *s, const char *path,
		   const char *params, uint64_t expires)
{
	auto_free char *when = xasprintf("%llu", (unsigned long long)expires);
	char hex[SHA256_HEX_MAX];

	secrets_hmac(s, path, params, when, hex);
	return xasprintf("%s?%s%sexpires=%s&signature=%s", path, params,
			 *params ? "&" : "", when, hex);
}

bool secrets_check(const struct secrets *s, const char *path,
		   const char *params, const char *expires,
		   const char *signature, uint64_t now)
{
	char hex[SHA256_HEX_MAX];

	if (!expires || !signature)
		return false;
	secrets_hmac(s, path, params, expires, hex);
	return id_secret_eq(hex, signature) &&
	       strtoull(expires, NULL, 10) > now;
}
