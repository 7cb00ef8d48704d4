#include "base/base.h"
#include "tests/fuzz/corpus.h"

#include <dirent.h>
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
