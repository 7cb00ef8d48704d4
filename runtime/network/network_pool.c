#include "runtime/network/network_pool.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/network/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define FIRST (1U + NETWORK_SERVERS)	/* 0 is the network, 1 the gateway */
#define LAST (NETWORK_POOL_SIZE - 2)	/* the one behind is the broadcast */
#define IN_USE UINT64_MAX

static uint32_t pool_base(unsigned instance)
{
	assert(instance < NETWORK_INSTANCES);
	return (172U << 24 | 16U << 16) + instance * NETWORK_POOL_SIZE;
}

static struct in_addr pool_address(uint32_t host_order)
{
	return (struct in_addr){ .s_addr = htonl(host_order) };
}

struct in_addr network_pool_network(unsigned instance)
{
	return pool_address(pool_base(instance));
}

struct in_addr network_pool_gateway(unsigned instance)
{
	return pool_address(pool_base(instance) + 1);
}

struct in_addr network_pool_server(unsigned instance, unsigned i)
{
	return pool_address(pool_base(instance) + 1 + i);
}

bool network_pool_overlaps(unsigned instance, struct in_addr address,
			   unsigned prefix)
{
	unsigned shorter = prefix < NETWORK_POOL_PREFIX ? prefix
							: NETWORK_POOL_PREFIX;
	uint32_t mask = shorter ? ~0U << (32 - shorter) : 0;

	return ((ntohl(address.s_addr) ^ pool_base(instance)) & mask) == 0;
}

/* ---- the file ---- */

#define POOL_MAGIC "dyno addresses 1"
#define POOL_BOOT_ID "/proc/sys/kernel/random/boot_id"

/* In the byte order of the machine: it does not outlive the boot. */
struct network_pool_file {
	char magic[24];
	char boot_id[40];
	uint64_t instance;
	uint64_t until_usec[NETWORK_POOL_SIZE];
};

/* A hole in the file could turn into a SIGBUS on a full disk. */
static int pool_map(const char *path, struct network_pool_file **ret,
		    struct error *e)
{
	const size_t size = sizeof(**ret);
	auto_close int fd = -1;
	struct stat st;
	void *m;
	int r;

	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "open %s", path);
	if (st.st_size != (off_t)size && ftruncate(fd, 0) < 0)
		return error_sys(e, "empty %s", path);
	r = posix_fallocate(fd, 0, (off_t)size);
	if (r)
		return error_ret(e, -r, "make room for %s", path);
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return error_sys(e, "map %s", path);
	*ret = m;
	return 0;
}

static void pool_check(struct network_pool_file *f, unsigned instance)
{
	struct network_pool_file want = { .instance = instance };
	auto_buf boot_id = BUF_INIT;
	const size_t head = offsetof(struct network_pool_file, until_usec);

	file_read(AT_FDCWD, POOL_BOOT_ID, sizeof(want.boot_id), &boot_id, NULL);
	snprintf(want.magic, sizeof(want.magic), POOL_MAGIC);
	snprintf(want.boot_id, sizeof(want.boot_id), "%s", buf_str(&boot_id));
	if (memcmp(f, &want, head) == 0)
		return;
	memset(f, 0, sizeof(*f));
	memcpy(f, &want, head);
}

int network_pool_open(struct network_pool *p, const char *path,
		      unsigned instance, uint32_t start, uint64_t now_usec,
		      struct error *e)
{
	const uint64_t rested = now_usec + NETWORK_QUARANTINE_SEC * USEC_PER_SEC;
	int r;

	p->base = pool_base(instance);
	p->cursor = FIRST + start % (LAST - FIRST + 1);
	if (!path) {
		p->until_usec = xcalloc(NETWORK_POOL_SIZE, sizeof(*p->until_usec));
		return 0;
	}
	r = pool_map(path, &p->file, e);
	if (r < 0)
		return r;
	pool_check(p->file, instance);
	p->until_usec = p->file->until_usec;
	for (uint32_t i = 0; i < NETWORK_POOL_SIZE; i++)
		if (p->until_usec[i] > rested)
			p->until_usec[i] = rested;
	return 0;
}

void network_pool_close(struct network_pool *p)
{
	if (p->file)
		munmap(p->file, sizeof(*p->file));
	else
		free(p->until_usec);
	p->file = NULL;
	p->until_usec = NULL;
}

/* ---- addresses ---- */

bool network_pool_take(struct network_pool *p, uint64_t now_usec,
		       struct in_addr *ret)
{
	for (uint32_t n = FIRST; n <= LAST; n++) {
		uint32_t i = p->cursor;

		p->cursor = i == LAST ? FIRST : i + 1;
		if (p->until_usec[i] > now_usec)
			continue;
		p->until_usec[i] = IN_USE;
		*ret = pool_address(p->base + i);
		return true;
	}
	return false;
}

uint32_t network_pool_slot(const struct network_pool *p, struct in_addr address)
{
	uint32_t i = ntohl(address.s_addr) - p->base;

	return i >= FIRST && i <= LAST ? i : NETWORK_POOL_SIZE;
}

void network_pool_occupy(struct network_pool *p, struct in_addr address)
{
	uint32_t i = network_pool_slot(p, address);

	if (i < NETWORK_POOL_SIZE)
		p->until_usec[i] = IN_USE;
}

void network_pool_release(struct network_pool *p, struct in_addr address,
			  uint64_t now_usec)
{
	uint32_t i = network_pool_slot(p, address);

	/* A second release must not end the rest nor prolong it. */
	if (i < NETWORK_POOL_SIZE && p->until_usec[i] == IN_USE)
		p->until_usec[i] = now_usec +
				   NETWORK_QUARANTINE_SEC * USEC_PER_SEC;
}
