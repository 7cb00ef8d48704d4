#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/fuzz/corpus.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

static int corpus_directory(const char *path, int (*file)(const char *path))
{
	DIR *d = opendir(path);
	int bad = 0, n = 0;

	if (!d)
		return file(path);
	for (struct dirent *de; (de = readdir(d)); ) {
		auto_free char *name = xasprintf("%s/%s", path, de->d_name);

		if (de->d_name[0] == '.')
			continue;
		bad |= file(name);
		n++;
	}
	closedir(d);
	printf("%s: %d files\n", path, n);
	return bad || n == 0;
}

int corpus_run(int argc, char **argv, const char *name, int (*file)(const char *path))
{
	const char *top = getenv("top_srcdir");
	auto_free char *corpus = xasprintf("%s/tests/fuzz/%s", top ? top : ".", name);
	int bad = 0;

	if (argc == 1)
		return corpus_directory(corpus, file);
	for (int i = 1; i < argc; i++)
		bad |= corpus_directory(argv[i], file);
	return bad;
}

uint32_t corpus_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

void corpus_overwrite(uint8_t *data, size_t n, const char *likely, size_t n_likely,
		      uint32_t odds, uint32_t most, uint32_t *x)
{
	for (uint32_t i = corpus_random(x) % most; ; i--) {
		data[corpus_random(x) % n] = corpus_random(x) % odds
			? (uint8_t)likely[corpus_random(x) % n_likely]
			: (uint8_t)corpus_random(x);
		if (i == 0)
			return;
	}
}

size_t corpus_shorten(size_t n, uint32_t *x)
{
	return corpus_random(x) % 8 ? n : corpus_random(x) % n + 1;
}

static const struct corpus *corpus_target;

static int corpus_file(const char *path)
{
	const struct corpus *c = corpus_target;
	auto_buf data = BUF_INIT;
	uint32_t x = 2463534242;
	struct error e;

	if (file_read(AT_FDCWD, path, c->input_max, &data, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	c->run((const uint8_t *)buf_str(&data), data.len);
	for (int i = 0; data.len > 0 && i < c->mutations; i++) {
		auto_free uint8_t *copy = xcalloc(1, c->room ? c->room : data.len);

		memcpy(copy, data.data, data.len);
		c->run(copy, c->mutate(copy, data.len, i, &x));
	}
	return 0;
}

int corpus_run_bytes(int argc, char **argv, const struct corpus *c)
{
	corpus_target = c;
	return corpus_run(argc, argv, c->name, corpus_file);
}
