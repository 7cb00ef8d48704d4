#pragma once

/*
 * sandbox_message.h - what comes out of a sandbox, through a pipe: one struct
 * of one size, each written at once.
 */
#include "base/error.h"
#include "slugstore/unpack/sandbox.h"

enum sandbox_kind {
	SANDBOX_PROGRESS = 1,
	SANDBOX_RESULT,
	SANDBOX_ERROR,
};

struct sandbox_message {
	uint32_t kind;
	int32_t code;			/* SANDBOX_ERROR: errno */
	uint64_t done, total;		/* SANDBOX_PROGRESS */
	char body[SANDBOX_RESULT_MAX];	/* result, or text with its NUL */
};

_Static_assert(SANDBOX_RESULT_MAX >= ERROR_MSG_MAX, "no room for an error");
_Static_assert(sizeof(struct sandbox_message) <= 4096, "pipe: not at once");

/* Is it one that the parent can use? Makes the text of an error fit for a
 * terminal: '?' for what is no character or none that shows. */
bool sandbox_message_check(struct sandbox_message *m);
