#include "base/id.h"

#include <sys/random.h>

static void id_bytes(void *out, size_t n)
{
	ssize_t r = getrandom(out, n, 0);

	assert(r == (ssize_t)n);	/* cannot fail for n <= 256 */
}

void id_hex(char *out, const void *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

char *id_uuid(char out[UUID_TEXT_MAX])
{
	unsigned char b[16];
	char hex[33];

	id_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	id_hex(hex, b, sizeof(b));

	memcpy(out, hex, 8);
	memcpy(out + 9, hex + 8, 4);
	memcpy(out + 14, hex + 12, 4);
	memcpy(out + 19, hex + 16, 4);
	memcpy(out + 24, hex + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[36] = '\0';
	return out;
}

char *id_secret(size_t n)
{
	unsigned char b[64];
	char *out = xmalloc(2 * n + 1);

	assert(n <= sizeof(b));
	id_bytes(b, n);
	id_hex(out, b, n);
	return out;
}

uint32_t id_random(uint32_t below)
{
	uint32_t x;

	assert(below > 0);
	id_bytes(&x, sizeof(x));
	return (uint32_t)(((uint64_t)x * below) >> 32);
}

static bool id_is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool id_is_uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !id_is_hex(s[i]))
			return false;
	}
	return s[36] == '\0';
}

bool id_is_sha256(const char *s)
{
	for (size_t i = 0; i < 64; i++)
		if (!id_is_hex(s[i]))
			return false;
	return s[64] == '\0';
}

bool id_secret_eq(const char *a, const char *b)
{
	size_t n = strlen(a);
	unsigned diff = 0;

	if (n != strlen(b))
		return false;
	for (size_t i = 0; i < n; i++)
		diff |= (unsigned)(a[i] ^ b[i]);
	return diff == 0;
}
