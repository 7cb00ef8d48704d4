/* port.c - parses the kernel's socket tables. */
#include "base/error.h"
#include "base/id.h"
#include "manager/life/port.h"

#include <fcntl.h>
#include <stdio.h>

#define STATE_LISTEN 0x0a

/* "00000000" or 32 digits; each group of 8 is a word in host byte order. */
static bool port_address_serves(const char *hex, size_t n,
				struct in_addr address)
{
	uint32_t words[4] = { 0 };
	char group[9] = "";

	if (n != 8 && n != 32)
		return false;
	for (size_t i = 0; i < n / 8; i++) {
		memcpy(group, hex + 8 * i, 8);
		words[i] = (uint32_t)strtoul(group, NULL, 16);
	}
	if (n == 8)
		return words[0] == 0 || words[0] == address.s_addr;
	if (words[0] || words[1])
		return false;
	/* "::", or an IPv4 address inside IPv6 */
	return (words[2] == 0 && words[3] == 0) ||
	       (words[2] == htonl(0xffff) &&
		(words[3] == 0 || words[3] == address.s_addr));
}

static bool port_line_serves(const char *line, uint16_t port,
			     struct in_addr address)
{
	char local[33];
	unsigned p, state;

	if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%4x %*32[0-9A-Fa-f]:%*4x %2x",
		   local, &p, &state) != 3)
		return false;
	return state == STATE_LISTEN && p == port &&
	       port_address_serves(local, strlen(local), address);
}

bool port_in_table(const char *text, uint16_t port, struct in_addr address)
{
	for (const char *line = text; line; ) {
		if (port_line_serves(line, port, address))
			return true;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

static ssize_t port_read_table(int proc_fd, const char *path, char *text,
			       size_t max, struct error *e)
{
	auto_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return error_sys(e, "open %s of a dyno", path);
	do {
		n = read(fd, text + len, max - 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0 && len < max - 1);
	if (n < 0)
		return error_sys(e, "read %s of a dyno", path);
	text[len] = '\0';
	return (ssize_t)len;
}

int port_is_bound(int proc_fd, uint16_t port, struct in_addr address,
		  struct error *e)
{
	static const char *const tables[] = { "net/tcp", "net/tcp6" };
	auto_free char *text = xmalloc(PORT_TABLE_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		ssize_t n = port_read_table(proc_fd, tables[i], text,
					    PORT_TABLE_MAX, e);

		/* A kernel without IPv6 has no second table. */
		if (n < 0 && i == 0)
			return (int)n;
		if (n > 0 && port_in_table(text, port, address))
			return 1;
	}
	return 0;
}

uint16_t port_choose(uint16_t min, uint16_t max)
{
	assert(min <= max);
	return (uint16_t)(min + id_random((uint32_t)(max - min) + 1));
}
