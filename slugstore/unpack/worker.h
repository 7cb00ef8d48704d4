#pragma once

/*
 * worker.h - a thread of ours, for as long as one unpacking takes.
 *
 * It starts with all signals blocked, so that the program's own handlers never
 * run in it. Needed of the kernel, also under a filter: clone3 (or clone), futex,
 * mmap, munmap, mprotect, madvise, set_robust_list, rseq, rt_sigprocmask, exit.
 * Its memory: a stack of 256 KiB; malloc() reserves 128 MiB of addresses for it,
 * of which it uses next to nothing (matters for RLIMIT_AS alone).
 */
#include "base/base.h"

#include <pthread.h>

struct error;

struct worker {
	pthread_t thread;
	bool runs;
};

/* What it says to do and with what must live until worker_join(). */
int worker_start(struct worker *w, void *(*fn)(void *userdata), void *userdata,
		 struct error *e);

/* Wait for its end. Nothing if it does not run. */
void worker_join(struct worker *w);
