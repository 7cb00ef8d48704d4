#include "runtime/network/network_sysctl.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>

static const struct {
	const char *file;		/* %s = the bridge */
	const char *value;
	bool ipv6;
} sysctls[] = {
	{ "/proc/sys/net/ipv6/conf/%s/disable_ipv6",     "1", .ipv6 = true },
	{ "/proc/sys/net/ipv4/conf/%s/forwarding",       "1" },
	{ "/proc/sys/net/ipv4/conf/%s/rp_filter",        "1" },
	{ "/proc/sys/net/ipv4/conf/%s/accept_redirects", "0" },
	{ "/proc/sys/net/ipv4/conf/%s/send_redirects",   "0" },
	{ "/proc/sys/net/ipv4/conf/%s/route_localnet",   "0" },
	{ "/proc/sys/net/ipv4/conf/%s/proxy_arp",        "0" },
	{ "/proc/sys/net/ipv4/conf/%s/arp_ignore",       "1" },
};

static int sysctl_write(const char *path, const char *value)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -1;
	return 0;
}

int network_sysctl_bridge(const char *bridge, bool ipv6, struct error *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		auto_free char *path = NULL;

		if (sysctls[i].ipv6 && !ipv6)
			continue;
		path = xasprintf(sysctls[i].file, bridge);
		if (sysctl_write(path, sysctls[i].value) < 0)
			r = error_sys(r < 0 ? NULL : e, "set %s", path);
	}
	return r;
}

bool network_sysctl_forward(bool may_set)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_forward";
	auto_buf text = BUF_INIT;

	if (file_read(AT_FDCWD, path, 64, &text, NULL) >= 0 &&
	    *buf_str(&text) == '1')
		return true;
	return may_set && sysctl_write(path, "1") == 0;
}
