/* fdstore.c - by sd_listen_fds() and sd_notify(). */
#include "base/fdstore.h"
#include "base/sock.h"

#include <systemd/sd-daemon.h>

int fdstore_take(const char *name)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names);
	int fd = -1;

	for (int i = 0; i < n; i++) {
		if (fd < 0 && str_eq(names[i], name))
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return fd;
}

int fdstore_take_tcp(const char *name, const char *address, uint16_t port,
		     uint16_t *ret_port)
{
	int fd = fdstore_take(name);

	if (fd < 0 || sock_listens_tcp(fd, address, port, ret_port))
		return fd;
	fd_close(fd);
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return -1;
}

void fdstore_keep(const char *name, int fd)
{
	auto_free char *text = xasprintf("FDSTORE=1\nFDNAME=%s", name);

	sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}
