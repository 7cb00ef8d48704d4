#pragma once

/*
 * strays.h - instances that are to go: ended ones whose record dynod still
 * has, and living ones that no file of ours knows. Killed if need be, removed,
 * asked again until dynod says that nothing is left.
 */
#include "base/base.h"

struct supervisor;

void strays_add(struct supervisor *s, const char *uuid, bool alive);

/* It has ended. Returns false if it is none of ours. */
bool strays_exited(struct supervisor *s, const char *uuid);

size_t strays_count(const struct supervisor *s);
void strays_free(struct supervisor *s);
