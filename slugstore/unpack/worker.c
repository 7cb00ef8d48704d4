#include "slugstore/unpack/worker.h"
#include "base/error.h"

#include <signal.h>

#define WORKER_STACK_BYTES (256 * 1024)

int worker_start(struct worker *w, void *(*fn)(void *userdata), void *userdata,
		 struct error *e)
{
	pthread_attr_t attr;
	sigset_t all;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	r = pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
	if (r == 0)
		r = pthread_attr_setsigmask_np(&attr, &all);
	if (r == 0)
		r = pthread_create(&w->thread, &attr, fn, userdata);
	pthread_attr_destroy(&attr);
	w->runs = r == 0;
	return r == 0 ? 0 : error_ret(e, -r, "start a thread");
}

void worker_join(struct worker *w)
{
	if (w->runs)
		pthread_join(w->thread, NULL);
	w->runs = false;
}
