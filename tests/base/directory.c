#include "tests/base/directory.h"
#include "base/file.h"

#include <fcntl.h>

int directory_setup(void **state)
{
	char *dir = xstrdup("/tmp/dyno-base-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

int directory_teardown(void **state)
{
	int r = file_remove_tree(AT_FDCWD, *state, NULL);

	free(*state);
	return r;
}
