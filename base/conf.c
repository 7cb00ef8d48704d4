#include "base/conf.h"
#include "base/error.h"

#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>

static int conf_number(const struct conf_key *key, const char *value,
		       uint64_t *ret, struct error *e)
{
	static const struct { const char *suffix; unsigned shift; } units[] = {
		{ "K", 10 }, { "M", 20 }, { "G", 30 }, { "T", 40 },
	};
	unsigned long long x;
	unsigned shift = 0;
	char *end;

	errno = 0;
	x = strtoull(value, &end, 10);
	if (errno || value[0] < '0' || value[0] > '9')
		return error_set(e, EINVAL, "%s = %s: not a number", key->name,
				 value);
	for (size_t i = 0; key->type == CONF_BYTES && i < ARRAY_SIZE(units); i++)
		if (str_eq(end, units[i].suffix)) {
			shift = units[i].shift;
			end = strchr(end, '\0');
		}
	if (*end || (shift && x >> (64 - shift)))
		return error_set(e, EINVAL, "%s = %s: not a number", key->name,
				 value);
	x <<= shift;
	if ((key->min || key->max) && (x < key->min || x > key->max))
		return error_set(e, ERANGE, "%s = %s: allowed are %llu to %llu",
				 key->name, value, (unsigned long long)key->min,
				 (unsigned long long)key->max);
	*ret = x;
	return 0;
}

static int conf_bool(const struct conf_key *key, const char *value, bool *ret,
		     struct error *e)
{
	static const struct { const char *word; bool value; } words[] = {
		{ "yes", true }, { "true", true }, { "on", true }, { "1", true },
		{ "no", false }, { "false", false }, { "off", false },
		{ "0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(value, words[i].word)) {
			*ret = words[i].value;
			return 0;
		}
	return error_set(e, EINVAL, "%s = %s: allowed are yes and no", key->name,
			 value);
}

static int conf_assign(const struct conf_key *key, void *out,
		       const char *value, struct error *e)
{
	void *field = (char *)out + key->offset;
	char **string = field;

	switch (key->type) {
	case CONF_STRING:
		free(*string);
		*string = xstrdup(value);
		return 0;
	case CONF_BOOL:
		return conf_bool(key, value, field, e);
	case CONF_UINT:
	case CONF_SEC:
	case CONF_BYTES:
		return conf_number(key, value, field, e);
	}
	return error_set(e, EINVAL, "%s: unknown type", key->name);
}

void conf_defaults(const struct conf_key *keys, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++) {
		struct error e;
		int r = 0;

		if (keys[i].def)
			r = conf_assign(&keys[i], out, keys[i].def, &e);
		assert(r == 0);		/* the table's own fault */
	}
}

/* In a key, "_" is as good as "-". */
static bool conf_is_key(const char *key, const char *name)
{
	while (*key && (*key == *name || (*key == '-' && *name == '_')))
		key++, name++;
	return *key == *name;
}

int conf_set(const struct conf_key *keys, size_t n, void *out,
	     const char *name, const char *value, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (conf_is_key(keys[i].name, name))
			return conf_assign(&keys[i], out, value, e);
	return error_set(e, EINVAL, "unknown key \"%s\"", name);
}

void conf_free(const struct conf_key *keys, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].type == CONF_STRING) {
			char **s = (char **)((char *)out + keys[i].offset);

			free(*s);
			*s = NULL;
		}
}

struct conf_parse {
	const struct conf_key *keys;
	size_t n;
	void *out;
	struct error *e;
	int r;
	FILE *file;
	int line;
};

static int conf_on_line(void *userdata, const char *section, const char *name,
			const char *value)
{
	struct conf_parse *p = userdata;

	if (p->r < 0)
		return 0;
	if (section[0])
		p->r = error_set(p->e, EINVAL, "sections are not used: [%s]",
				 section);
	else
		p->r = conf_set(p->keys, p->n, p->out, name, value, p->e);
	return p->r >= 0;
}

/* inih takes an indented line for more of the value before it, and cuts long
 * lines into several. Neither is ours: blanks mean nothing, long is an error. */
static char *conf_read_line(char *line, int size, void *userdata)
{
	struct conf_parse *p = userdata;
	size_t n;

	if (p->r < 0 || !fgets(line, size, p->file))
		return NULL;
	p->line++;
	n = strlen(line);
	if (n && line[n - 1] != '\n' && !feof(p->file)) {
		p->r = error_set(p->e, EINVAL, "longer than %d bytes", size - 2);
		return NULL;
	}
	n = strspn(line, " \t");
	memmove(line, line + n, strlen(line + n) + 1);
	return line;
}

static int conf_file(struct conf_parse *p, const char *path)
{
	int line;

	p->line = 0;
	p->file = fopen(path, "re");
	if (!p->file)
		return errno == ENOENT ? 0 : error_sys(p->e, "open %s", path);
	line = ini_parse_stream(conf_read_line, p, conf_on_line, p);
	fclose(p->file);
	if (p->r < 0)
		return error_prefix(p->e, p->r, "%s, line %d", path, p->line);
	if (line)
		return error_set(p->e, EINVAL,
				 "%s, line %d: expected \"key = value\"", path,
				 line);
	return 0;
}

static int conf_is_conf(const struct dirent *de)
{
	const char *dot = strrchr(de->d_name, '.');

	return de->d_name[0] != '.' && dot && str_eq(dot, ".conf");
}

int conf_load(const struct conf_key *keys, size_t n, void *out,
	      const char *dir, const char *name, struct error *e)
{
	auto_free char *path = xasprintf("%s/%s.conf", dir, name);

	return conf_load_file(keys, n, out, path, e);
}

int conf_load_file(const struct conf_key *keys, size_t n, void *out,
		   const char *path, struct error *e)
{
	struct conf_parse p = { keys, n, out, e, 0, NULL, 0 };
	auto_free char *more = xasprintf("%s.d", path);
	struct dirent **found = NULL;
	int count, r;

	r = conf_file(&p, path);
	if (r < 0)
		return r;
	count = scandir(more, &found, conf_is_conf, alphasort);
	for (int i = 0; i < count; i++) {
		auto_free char *f = xasprintf("%s/%s", more, found[i]->d_name);

		free(found[i]);
		if (r >= 0)
			r = conf_file(&p, f);
	}
	free(found);
	return r;
}
