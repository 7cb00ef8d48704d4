#include "base/base.h"
#include "manager/upstream/webhook.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void signs(const char *secret, const char *body, const char *base64)
{
	char got[WEBHOOK_SIGNATURE_MAX];

	webhook_sign(got, secret, body, strlen(body));
	assert_string_equal(got, base64);
}

/* The first is case 2 of RFC 4231. */
static void bodies_are_signed_with_hmac_sha256(void **state)
{
	signs("Jefe", "what do ya want for nothing?",
	      "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
	signs("", "", "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_signed_with_hmac_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
