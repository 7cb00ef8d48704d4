/*
 * names.c - the patterns of the Platform API, without a pattern engine.
 */
#include "base/id.h"
#include "controller/model/names.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"
#define WORD LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGIT "_"

static bool names_all(const char *s, const char *set, size_t min, size_t max)
{
	size_t n = strlen(s);

	return n >= min && n <= max && strspn(s, set) == n;
}

static bool names_in(char c, const char *set)
{
	return c && strchr(set, c);
}

bool names_app_ok(const char *s)
{
	return names_all(s, LOWER DIGIT "-", 3, NAMES_APP_MAX) &&
	       names_in(s[0], LOWER) && s[strlen(s) - 1] != '-';
}

bool names_type_ok(const char *s)
{
	return names_all(s, WORD "-", 1, NAMES_TYPE_MAX);
}

bool names_dyno_ok(const char *s)
{
	const char *dot = strrchr(s, '.');
	auto_free char *type = dot ? xstrndup(s, (size_t)(dot - s)) : NULL;

	return type && names_type_ok(type) && dot[1] &&
	       strspn(dot + 1, "0123456789") == strlen(dot + 1) &&
	       strlen(dot + 1) <= 9;
}

bool names_host_ok(const char *s)
{
	return names_all(s, LOWER DIGIT ".-", 1, NAMES_HOST_MAX) &&
	       names_in(s[0], LOWER DIGIT);
}

bool names_env_ok(const char *s)
{
	return names_all(s, WORD, 1, SIZE_MAX) && !names_in(s[0], DIGIT);
}

char *names_app_random(void)
{
	static const char *const first[] = {
		"gentle", "quiet", "brave", "misty", "sunny", "frozen", "hidden",
		"proud", "young", "calm", "vast", "still", "bold", "warm",
	};
	static const char *const second[] = {
		"meadow", "river", "forest", "harbor", "ridge", "island", "brook",
		"valley", "dawn", "cliff", "lagoon", "prairie", "summit", "cove",
	};

	return xasprintf("%s-%s-%05u", first[id_random(ARRAY_SIZE(first))],
			 second[id_random(ARRAY_SIZE(second))],
			 id_random(100000));
}
