#pragma once

/*
 * desired.h - what an operator wants on a host without a control plane. Pure.
 *
 * One of these, in JSON:
 *
 *   [A...] or {"assignments": [A...]}	assignments as in PROTOCOL.upstream, 2; "path" of
 *					a slug may be an address, or be left out
 *   {"App": "app", "Version": 1, "Env": {"KEY": "value"},
 *    "Slug": "SHA-256", "SlugURL": "http...",
 *    "Processes": [{"Type": "web", "Args": ["prog", "arg"], "Quantity": 1}...]}
 *					the description of one app, as hsup has it; but
 *					the slug is named by its SHA-256, and comes from
 *					the local store or from the address
 *
 * In the second form ids come from the content: the same process in the same place
 * keeps its dyno, whatever else changes. Sizes are those of Basic.
 */
#include "http/json.h"

struct assignment_list;
struct error;

/* All of it can be used, or none of it: EINVAL says what is wrong. */
int desired_parse(struct assignment_list *ret, const char *text, size_t n,
		  int64_t revision, struct error *e);
