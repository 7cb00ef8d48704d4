/*
 * placement.c - fewest dynos win.
 */
#include "controller/model/placement.h"

#include <stdio.h>

void placement_add(struct placement *p, const char *host, size_t dynos)
{
	struct placement_host *h;

	p->hosts = xrealloc(p->hosts, (p->n + 1) * sizeof(*p->hosts));
	h = &p->hosts[p->n++];
	snprintf(h->name, sizeof(h->name), "%s", host);
	h->dynos = dynos;
}

const char *placement_pick(struct placement *p)
{
	struct placement_host *best = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (!best || p->hosts[i].dynos < best->dynos)
			best = &p->hosts[i];
	if (!best)
		return "";
	best->dynos++;
	return best->name;
}

void placement_deinit(struct placement *p)
{
	free(p->hosts);
	*p = (struct placement){ NULL, 0 };
}
