/*
 * passwords.c - PBKDF2 by GnuTLS. The rounds are kept with each password, so
 * that they can rise without making old ones worthless.
 */
#include "base/error.h"
#include "base/id.h"
#include "controller/access/passwords.h"
#include "controller/model/outcome.h"

#include <gnutls/crypto.h>

#define ROUNDS 600000
#define ROUNDS_MAX 10000000
#define SALT_BYTES 16
#define HASH_BYTES 32

static bool passwords_hash(const char *password, const char *salt,
			   unsigned rounds, char out[2 * HASH_BYTES + 1])
{
	gnutls_datum_t key = { (unsigned char *)(uintptr_t)password,
			       (unsigned)strlen(password) };
	gnutls_datum_t with = { (unsigned char *)(uintptr_t)salt,
				(unsigned)strlen(salt) };
	unsigned char hash[HASH_BYTES];

	if (gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &with, rounds, hash,
			  sizeof(hash)) != 0)
		return false;
	id_hex(out, hash, sizeof(hash));
	return true;
}

int passwords_make(const char *password, json_t **ret, struct error *e)
{
	auto_free char *salt = id_secret(SALT_BYTES);
	size_t n = strlen(password);
	char hash[2 * HASH_BYTES + 1];

	if (n < PASSWORDS_MIN || n > PASSWORDS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "A password has %d to %d "
				   "bytes.", PASSWORDS_MIN, PASSWORDS_MAX);
	if (!passwords_hash(password, salt, ROUNDS, hash))
		return error_set(e, EIO, "hash a password");
	*ret = json_pack("{s:s, s:s, s:i}", "salt", salt, "hash", hash,
			 "rounds", ROUNDS);
	return 0;
}

bool passwords_check(const json_t *kept, const char *password)
{
	const char *salt = json_str(kept, "salt"), *want = json_str(kept, "hash");
	int64_t rounds = json_int(kept, "rounds", 0);
	char hash[2 * HASH_BYTES + 1];

	if (!salt || !want || rounds < 1 || rounds > ROUNDS_MAX) {
		passwords_hash(password, "no salt", ROUNDS, hash);
		return false;
	}
	return strlen(password) <= PASSWORDS_MAX &&
	       passwords_hash(password, salt, (unsigned)rounds, hash) &&
	       id_secret_eq(hash, want);
}
