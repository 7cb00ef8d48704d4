/*
 * writeback.c - one syncfs() at a time, for as much as came while the last one
 * ran. An fsync() or sync_file_range() for each file costs the processor more.
 */
#include "slugstore/unpack/writeback.h"
#include "base/error.h"

#define WRITEBACK_BYTES (48ULL << 20)
#define WRITEBACK_FILE 8192		/* what a file costs beside its bytes */

void writeback_init(struct writeback *b, int fd)
{
	*b = (struct writeback){ .fd = fd };
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->wake, NULL);
}

static void *writeback_run(void *userdata)
{
	struct writeback *b = userdata;

	pthread_mutex_lock(&b->lock);
	while (!b->stop && !b->failed) {
		int r;

		if (b->gathered < WRITEBACK_BYTES) {
			pthread_cond_wait(&b->wake, &b->lock);
			continue;
		}
		b->gathered = 0;
		pthread_mutex_unlock(&b->lock);
		r = syncfs(b->fd) < 0 ? errno : 0;
		pthread_mutex_lock(&b->lock);
		b->failed = r;
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static int writeback_result(int failed, struct error *e)
{
	return failed ? error_ret(e, -failed, "sync the tree") : 0;
}

int writeback_add(struct writeback *b, uint64_t n, struct error *e)
{
	bool enough;
	int failed, r = 0;

	pthread_mutex_lock(&b->lock);
	b->gathered += n + WRITEBACK_FILE;
	enough = b->gathered >= WRITEBACK_BYTES;
	if (enough)
		pthread_cond_signal(&b->wake);
	failed = b->failed;
	pthread_mutex_unlock(&b->lock);
	if (enough && !b->worker.runs)
		r = worker_start(&b->worker, writeback_run, b, e);
	return r < 0 ? r : writeback_result(failed, e);
}

int writeback_finish(struct writeback *b, struct error *e)
{
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
	worker_join(&b->worker);
	return writeback_result(b->failed, e);
}

void writeback_deinit(struct writeback *b)
{
	writeback_finish(b, NULL);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->wake);
}
