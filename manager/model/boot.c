/*
 * boot.c - the script between PID 1 and the app.
 *
 * The second bash has nothing of the scripts but their environment, and
 * executes a simple last command in its own place. bash since 5.1 would say
 * "bash: line 1: npm: command not found"; people know it without the line, so
 * the command has a line before it that words this one error.
 */
#include "base/buf.h"
#include "manager/limits.h"
#include "manager/model/assignment.h"
#include "manager/model/boot.h"

#include <ctype.h>

/* $1 is saved first: a profile script may change the arguments. The glob is
 * sorted in C order whatever LC_COLLATE the config vars say, and the scripts
 * run with the app's own locale. */
static const char boot_script[] =
	"__dyno_command=$1\n"
	"__dyno_profiles() { local LC_ALL=C f; __dyno_list=()\n"
	"  for f in /app/.profile.d/*.sh; do\n"
	"    [ -f \"$f\" ] && __dyno_list+=(\"$f\")\n"
	"  done; }\n"
	"__dyno_profiles\n"
	"[ -f /app/.profile ] && __dyno_list+=(/app/.profile)\n"
	"set --\n"
	"for __dyno_file in \"${__dyno_list[@]}\"; do . \"$__dyno_file\"; done\n"
	"exec /bin/bash -c 'command_not_found_handle() {"
	" printf \"bash: %s: command not found\\n\" \"$1\" >&2; return 127; }\n'"
	"\"$__dyno_command\" bash\n";

void boot_argv(struct strv *ret, const char *command)
{
	strv_add(ret, "/bin/bash");
	strv_add(ret, "-c");
	strv_add(ret, boot_script);
	strv_add(ret, "bash");
	strv_add(ret, command);
}

void boot_env(struct strv *ret, const struct assignment *a, uint16_t port)
{
	auto_free char *text = xasprintf("%u", (unsigned)port);

	strv_setenv(ret, "PATH", "/usr/local/bin:/usr/bin:/bin");
	for (size_t i = 0; i < a->env.n; i++) {
		auto_free char *key = xstrdup(a->env.v[i]);
		char *eq = strchr(key, '=');

		*eq = '\0';
		strv_setenv(ret, key, eq + 1);
	}
	strv_setenv(ret, "DYNO", a->name);
	strv_setenv(ret, "PORT", text);
	strv_setenv(ret, "HOME", "/app");
}

/* ---- the command as it is shown ---- */

static size_t boot_name_len(const char *s)
{
	size_t n = 0;

	if (isalpha((unsigned char)s[0]) || s[0] == '_')
		while (isalnum((unsigned char)s[n]) || s[n] == '_')
			n++;
	return n;
}

/* s is behind "${NAME": "}" or ":-word}". Returns what the word is and how
 * much was read, 0 = another form. */
static size_t boot_braced(const char *s, const char **ret_word, size_t *ret_n)
{
	const char *end;

	*ret_word = "";
	*ret_n = 0;
	if (*s == '}')
		return 1;
	if (strncmp(s, ":-", 2) != 0)
		return 0;
	end = s + 2 + strcspn(s + 2, "}$\"'`\\");
	if (*end != '}')
		return 0;
	*ret_word = s + 2;
	*ret_n = (size_t)(end - s - 2);
	return (size_t)(end - s) + 1;
}

/* s stands on "$". Returns how many bytes were replaced, 0 = none. */
static size_t boot_expand(struct buf *out, const char *s,
			  const struct strv *env)
{
	bool braced = s[1] == '{';
	const char *name = s + 1 + braced, *value, *word = "";
	size_t n = boot_name_len(name), rest = 0, word_n = 0;
	auto_free char *key = xstrndup(name, n);

	if (n == 0)
		return 0;
	value = strv_getenv(env, key);
	if (braced) {
		rest = boot_braced(name + n, &word, &word_n);
		if (rest == 0)
			return 0;
	}
	if (value && (*value || word_n == 0))
		buf_adds(out, value);
	else if (word_n)
		buf_add(out, word, word_n);
	else
		return 0;
	return 1 + braced + n + rest;
}

char *boot_command_shown(const char *command, const struct strv *env)
{
	auto_buf out = BUF_INIT;
	bool single = false;

	for (const char *s = command; *s && out.len < LOG_LINE_MAX; ) {
		size_t n = 0;

		if (*s == '\'')
			single = !single;
		if (*s == '\\' && s[1] && !single)
			buf_add(&out, s++, 1);
		else if (*s == '$' && !single)
			n = boot_expand(&out, s, env);
		if (n == 0)
			buf_add(&out, s, n = 1);
		s += n;
	}
	for (size_t i = 0; i < out.len; i++)
		if (out.data[i] == '\n' || out.data[i] == '\r' || !out.data[i])
			out.data[i] = ' ';
	return xstrdup(buf_str(&out));
}
