/*
 * vault.c - a few keys, named by what they are, and AES-256-GCM by GnuTLS.
 *
 * Behind the prefix: a nonce by chance, what is sealed, and the tag, in base64.
 * Keys are wiped when they go; plain texts are in the state of the process anyway.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "controller/access/vault.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>

#define PREFIX "vault1:"
#define KEY_BYTES 32
#define KEY_FILE_MAX 65536
#define KEYS_MAX 64
#define NAME_DIGITS 8
#define NONCE_BYTES 12
#define TAG_BYTES 16

struct vault_key {
	unsigned char bytes[KEY_BYTES];
	char name[NAME_DIGITS + 1];	/* the first digits of its SHA-256 */
};

struct vault {
	struct vault_key keys[KEYS_MAX];
	size_t n;			/* the last one seals */
};

/* ---- keys ---- */

static void vault_wipe(struct buf *text)
{
	if (text->data)
		explicit_bzero(text->data, text->cap);
	buf_deinit(text);
}

static int vault_add(struct vault *v, const char *line, const char *path,
		     struct error *e)
{
	struct vault_key *key = &v->keys[v->n];
	unsigned char digest[32];
	char hex[SHA256_HEX_MAX];
	size_t n = sizeof(key->bytes);

	if (v->n == KEYS_MAX)
		return error_set(e, E2BIG, "%s: more than %d keys", path, KEYS_MAX);
	if (!id_is_sha256(line) ||	/* 64 hex digits */
	    gnutls_hex_decode(&(gnutls_datum_t){
		(unsigned char *)(uintptr_t)line, (unsigned)strlen(line),
	    }, key->bytes, &n) < 0)
		return error_set(e, EINVAL, "%s: a key is a line of %d lower-case "
				 "hex digits", path, 2 * KEY_BYTES);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, key->bytes, sizeof(key->bytes), digest);
	id_hex(hex, digest, sizeof(digest));
	snprintf(key->name, sizeof(key->name), "%.*s", NAME_DIGITS, hex);
	v->n++;
	return 0;
}

static int vault_add_lines(struct vault *v, char *text, const char *path,
			   struct error *e)
{
	char *save = NULL, *line;
	int r = 0;

	for (line = strtok_r(text, "\r\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\r\n", &save)) {
		line[strcspn(line, " \t#")] = '\0';
		if (*line)
			r = vault_add(v, line, path, e);
	}
	return r;
}

/* No file = no keys. */
static int vault_read(struct vault *v, const char *path, struct error *e)
{
	auto_(vault_wipe) struct buf text = BUF_INIT;
	int r;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	/* At once, so that growing leaves no copy behind. */
	buf_reserve(&text, KEY_FILE_MAX);
	r = file_read(AT_FDCWD, path, KEY_FILE_MAX - 1, &text, e);
	if (r == 0 && text.len)
		r = vault_add_lines(v, text.data, path, e);
	return r;
}

static int vault_make(struct vault *v, const char *path, struct error *e)
{
	auto_(vault_wipe) struct buf text = BUF_INIT;
	auto_free char *hex = id_secret(KEY_BYTES);
	int r;

	buf_addf(&text, "%s\n", hex);
	r = file_write_atomic(AT_FDCWD, path, text.data, text.len, 0600, e);
	if (r == 0)
		r = vault_add(v, hex, path, e);
	explicit_bzero(hex, strlen(hex));
	return r;
}

int vault_new(struct vault **ret, const char *dir, struct error *e)
{
	auto_(vault_free_p) struct vault *v = xcalloc(1, sizeof(*v));
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	auto_free char *file = xasprintf("%s/state-key", dir);
	auto_free char *credential = xasprintf("%s/state-key",
					       credentials ? credentials : "");
	int r = vault_read(v, file, e);

	if (r == 0 && credentials)
		r = vault_read(v, credential, e);
	if (r == 0 && v->n == 0)
		r = vault_make(v, file, e);
	if (r < 0)
		return r;
	*ret = take_ptr(v);
	return 0;
}

struct vault *vault_free(struct vault *v)
{
	if (!v)
		return NULL;
	explicit_bzero(v, sizeof(*v));
	free(v);
	return NULL;
}

static const struct vault_key *vault_newest(const struct vault *v)
{
	return &v->keys[v->n - 1];
}

static const struct vault_key *vault_find(const struct vault *v,
					  const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (strncmp(v->keys[i].name, name, NAME_DIGITS) == 0)
			return &v->keys[i];
	return NULL;
}

/* ---- texts ---- */

/* The library fails only if it is called wrongly or is out of memory. */
static gnutls_aead_cipher_hd_t vault_cipher(const struct vault_key *key)
{
	gnutls_aead_cipher_hd_t h;
	gnutls_datum_t k = {
		(unsigned char *)(uintptr_t)key->bytes, sizeof(key->bytes),
	};

	if (gnutls_aead_cipher_init(&h, GNUTLS_CIPHER_AES_256_GCM, &k) < 0)
		abort();
	return h;
}

char *vault_seal(const struct vault *v, const char *place, const char *plain)
{
	const struct vault_key *key = vault_newest(v);
	gnutls_aead_cipher_hd_t h = vault_cipher(key);
	size_t n = strlen(plain), sealed = n + TAG_BYTES;
	auto_free unsigned char *out = xmalloc(NONCE_BYTES + sealed);
	gnutls_datum_t in = { out, 0 }, text;
	char *ret;

	if (gnutls_rnd(GNUTLS_RND_RANDOM, out, NONCE_BYTES) < 0 ||
	    gnutls_aead_cipher_encrypt(h, out, NONCE_BYTES, place, strlen(place),
				       TAG_BYTES, plain, n, out + NONCE_BYTES,
				       &sealed) < 0)
		abort();
	gnutls_aead_cipher_deinit(h);
	in.size = (unsigned)(NONCE_BYTES + sealed);
	if (gnutls_base64_encode2(&in, &text) < 0)
		abort();
	ret = xasprintf(PREFIX "%s:%.*s", key->name, (int)text.size,
			(const char *)text.data);
	gnutls_free(text.data);
	return ret;
}

static int vault_decrypt(const struct vault_key *key, const char *place,
			 const gnutls_datum_t *in, char **ret, struct error *e)
{
	gnutls_aead_cipher_hd_t h;
	auto_free char *plain = NULL;
	size_t n;
	int r;

	if (in->size < NONCE_BYTES + TAG_BYTES)
		return error_set(e, EBADMSG, "open the secret of %s: it is cut",
				 place);
	n = in->size - NONCE_BYTES - TAG_BYTES;
	plain = xcalloc(1, n + 1);
	h = vault_cipher(key);
	r = gnutls_aead_cipher_decrypt(h, in->data, NONCE_BYTES, place,
				       strlen(place), TAG_BYTES,
				       in->data + NONCE_BYTES,
				       in->size - NONCE_BYTES, plain, &n);
	gnutls_aead_cipher_deinit(h);
	if (r < 0)
		return error_set(e, EBADMSG, "open the secret of %s: it is damaged "
				 "or was sealed for another place", place);
	*ret = take_ptr(plain);
	return 0;
}

int vault_open(const struct vault *v, const char *place, const char *text,
	       char **ret, struct error *e)
{
	const char *name = str_after(text, PREFIX), *base64;
	gnutls_datum_t in, raw = { NULL, 0 };
	const struct vault_key *key;
	int r;

	if (!name) {
		*ret = xstrdup(text);
		return 0;
	}
	key = vault_find(v, name);
	if (!key || name[NAME_DIGITS] != ':')
		return error_set(e, EBADMSG, "open the secret of %s: the key %.*s is "
				 "not among those of state-key", place, NAME_DIGITS,
				 name);
	base64 = name + NAME_DIGITS + 1;
	in = (gnutls_datum_t){ (unsigned char *)(uintptr_t)base64,
			       (unsigned)strlen(base64) };
	if (gnutls_base64_decode2(&in, &raw) < 0)
		return error_set(e, EBADMSG, "open the secret of %s: it is no base64",
				 place);
	r = vault_decrypt(key, place, &raw, ret, e);
	gnutls_free(raw.data);
	return r;
}

bool vault_is_sealed(const char *text)
{
	return str_after(text, PREFIX);
}

bool vault_is_current(const struct vault *v, const char *text)
{
	const char *name = str_after(text, PREFIX);

	return name && vault_find(v, name) == vault_newest(v);
}

/* ---- JSON ---- */

json_t *vault_seal_json(const struct vault *v, const char *place,
			const json_t *plain)
{
	auto_free char *text = json_text(plain);
	auto_free char *sealed = vault_seal(v, place, text);

	explicit_bzero(text, strlen(text));
	return json_string(sealed);
}

int vault_open_json(const struct vault *v, const char *place,
		    const json_t *sealed, json_t **ret, struct error *e)
{
	auto_free char *text = NULL;
	const char *s = json_string_value(sealed);
	int r;

	if (!s || !vault_is_sealed(s)) {
		*ret = json_incref((json_t *)(uintptr_t)sealed);
		return 0;
	}
	r = vault_open(v, place, s, &text, e);
	if (r < 0)
		return r;
	r = json_parse(text, strlen(text), ret, e);
	explicit_bzero(text, strlen(text));
	return r;
}
