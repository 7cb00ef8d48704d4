/*
 * container_config.c - the configuration as it was at "create".
 */
#include "runtime/oci/container.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#define CONTAINER_CONFIG "config.json"

int container_save_config(struct container *c, const char *config, size_t len,
			  struct error *e)
{
	return error_prefix(e, file_write_fast(c->dir_fd, CONTAINER_CONFIG, config,
					       len, 0600, e),
			    "container %s", c->id);
}

int container_config(const struct container *c, struct oci **ret, struct error *e)
{
	auto_buf text = BUF_INIT;
	int r = file_read(c->dir_fd, CONTAINER_CONFIG, OCI_CONFIG_MAX, &text, e);

	if (r == 0)
		r = oci_parse(ret, buf_str(&text), text.len, e);
	return error_prefix(e, r, "container %s", c->id);
}
