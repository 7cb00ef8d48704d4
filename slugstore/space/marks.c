/*
 * marks.c - above, below, and how far. Sums saturate: UINT64_MAX is no limit.
 */
#include "base/error.h"
#include "slugstore/space/marks.h"
#include "slugstore/store_dir.h"

#define MARKS_HUNDRED 100

static uint64_t marks_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t marks_less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t marks_low(uint64_t high, uint64_t low)
{
	return low ? low : high;
}

/* So much of a file system of this size is percent of it. */
static uint64_t marks_share(uint64_t size, uint64_t percent)
{
	return size / MARKS_HUNDRED * percent +
	       size % MARKS_HUNDRED * percent / MARKS_HUNDRED;
}

int store_set_marks(struct store *s, const struct collect_marks *m,
		    struct error *e)
{
	const struct { const char *name; uint64_t high, low; } pairs[] = {
		{ "bytes", m->high_bytes, m->low_bytes },
		{ "inodes", m->high_inodes, m->low_inodes },
		{ "percent", m->high_percent, m->low_percent },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (pairs[i].low > pairs[i].high)
			return error_set(e, EINVAL, "the low mark of %s is"
					 " above the high one", pairs[i].name);
	if (m->high_percent > MARKS_HUNDRED)
		return error_set(e, EINVAL, "the mark of percent is above 100");
	s->marks = *m;
	s->collects = true;
	return 0;
}

bool marks_measure(const struct collect_marks *m)
{
	return m->high_bytes || m->high_inodes;
}

bool marks_fit(const struct marks_level *at)
{
	return at->bytes <= at->fs.bytes_free &&
	       at->inodes <= at->fs.inodes_free;
}

bool marks_any(const struct marks_goal *goal)
{
	return goal->bytes || goal->inodes || goal->percent || goal->room;
}

static bool marks_above(uint64_t mark, uint64_t used, uint64_t more)
{
	return mark && marks_add(used, more) > mark;
}

static bool marks_above_percent(uint64_t percent, uint64_t size, uint64_t free,
				uint64_t more)
{
	return percent && size != UINT64_MAX &&
	       marks_add(marks_less(size, free), more) >
	       marks_share(size, percent);
}

static struct marks_goal marks_goal_at(const struct marks_level *at,
				       uint64_t bytes, uint64_t inodes,
				       uint64_t percent)
{
	return (struct marks_goal){
		.bytes = marks_above(bytes, at->used.bytes, at->bytes),
		.inodes = marks_above(inodes, at->used.inodes, at->inodes),
		.percent = marks_above_percent(percent, at->fs.bytes,
					       at->fs.bytes_free, at->bytes) ||
			   marks_above_percent(percent, at->fs.inodes,
					       at->fs.inodes_free, at->inodes),
		.room = !marks_fit(at),
	};
}

struct marks_goal marks_begin(const struct collect_marks *m,
			      const struct marks_level *at)
{
	return marks_goal_at(at, m->high_bytes, m->high_inodes,
			     m->high_percent);
}

bool marks_reached(const struct collect_marks *m, const struct marks_level *at,
		   const struct marks_goal *goal)
{
	const struct marks_goal above = marks_goal_at(at,
		marks_low(m->high_bytes, m->low_bytes),
		marks_low(m->high_inodes, m->low_inodes),
		marks_low(m->high_percent, m->low_percent));

	return !(goal->bytes && above.bytes) &&
	       !(goal->inodes && above.inodes) &&
	       !(goal->percent && above.percent) &&
	       !(goal->room && above.room);
}

void marks_free(struct marks_level *at, uint64_t bytes, uint64_t inodes)
{
	at->used.bytes = marks_less(at->used.bytes, bytes);
	at->used.inodes = marks_less(at->used.inodes, inodes);
	at->fs.bytes_free = marks_add(at->fs.bytes_free, bytes);
	at->fs.inodes_free = marks_add(at->fs.inodes_free, inodes);
}
