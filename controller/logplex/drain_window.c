/*
 * drain_window.c - nothing here reads a clock or a line.
 */
#include "controller/logplex/drain_window.h"

uint64_t drain_window_frame(const struct drain_window *w)
{
	return w->last ? w->last - w->first + 1 : 0;
}

uint64_t drain_window_waiting(const struct drain_window *w, uint64_t newest)
{
	return drain_window_frame(w) + (newest > w->next ? newest - w->next : 0);
}

static void drain_window_lose(struct drain_window *w, uint64_t n, uint64_t since)
{
	if (!n)
		return;
	if (!w->loss.n || since < w->loss.since)
		w->loss.since = since;
	w->loss.n += n;
}

static void drain_window_skip(struct drain_window *w, uint64_t to, uint64_t now)
{
	uint64_t n = to - w->next;

	w->next = to;
	w->dropped += n;
	drain_window_lose(w, n, now);
}

uint64_t drain_window_limit(struct drain_window *w, uint64_t newest, uint64_t limit,
			    uint64_t now)
{
	uint64_t before = w->dropped;

	if (newest > w->next && newest - w->next > limit)
		drain_window_skip(w, newest - limit, now);
	return w->dropped - before;
}

void drain_window_gap(struct drain_window *w, uint64_t number, uint64_t now)
{
	if (number > w->next + 1)
		drain_window_skip(w, number - 1, now);
}

void drain_window_begin(struct drain_window *w, uint64_t last, uint64_t now)
{
	assert(!w->last && last > w->next);
	w->first = w->next + 1;
	w->last = w->next = last;
	w->made = now;
	w->told = w->loss;
	w->loss = (struct drain_loss){ 0, 0 };
}

static void drain_window_end(struct drain_window *w)
{
	w->first = w->last = w->made = 0;
	w->told = (struct drain_loss){ 0, 0 };
}

void drain_window_done(struct drain_window *w)
{
	w->delivered += drain_window_frame(w);
	drain_window_end(w);
}

void drain_window_part(struct drain_window *w, uint64_t messages)
{
	if (messages && w->told.n) {
		w->told = (struct drain_loss){ 0, 0 };
		messages--;
	}
	assert(messages < drain_window_frame(w));
	w->delivered += messages;
	w->first += messages;
}

void drain_window_lost(struct drain_window *w, uint64_t now)
{
	uint64_t n = drain_window_frame(w);
	struct drain_loss told = w->told;

	drain_window_end(w);
	w->dropped += n;
	drain_window_lose(w, n, now);
	drain_window_lose(w, told.n, told.since);
}

bool drain_window_reset(struct drain_window *w, uint64_t newest)
{
	if (newest >= w->next)
		return false;
	*w = (struct drain_window){ .start = newest, .next = newest };
	return true;
}
