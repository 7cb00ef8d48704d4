#include "cli/show/table.h"

#include "base/buf.h"
#include "base/terminal.h"

#include <stdio.h>

#define TABLE_GAP 2

void table_deinit(struct table *t)
{
	strv_deinit(&t->cells);
}

void table_add(struct table *t, ...)
{
	va_list ap;

	va_start(ap, t);
	for (size_t i = 0; i < t->columns; i++) {
		const char *cell = va_arg(ap, const char *);

		strv_add(&t->cells, cell ? cell : "-");
	}
	va_end(ap);
}

static void table_shorten(struct buf *line, size_t n)
{
	line->len = n;
	line->data[n] = '\0';
}

/* Characters of UTF-8; each is taken for one column wide. */
static size_t table_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* To the edge of the terminal: what is too long ends with "...". */
static void table_cut(struct buf *line, unsigned width)
{
	size_t n = 0, keep = 0;

	for (size_t i = 0; i < line->len; i++) {
		unsigned char c = (unsigned char)line->data[i];

		if (c < 0x20 || c == 0x7f)
			line->data[i] = '?';
		if ((c & 0xc0) != 0x80 && n++ + 3 == width)
			keep = i;
	}
	if (n <= width)
		return;
	table_shorten(line, keep);
	buf_adds(line, "...");
}

static void table_row(struct buf *out, const struct table *t, char *const *cells,
		      const size_t *widths, unsigned width)
{
	auto_buf line = BUF_INIT;

	for (size_t i = 0; i < t->columns; i++) {
		size_t pad = widths[i] - table_width(cells[i]) + TABLE_GAP;

		buf_adds(&line, cells[i]);
		if (i + 1 < t->columns)
			buf_addf(&line, "%*s", (int)pad, "");
	}
	while (line.len > 0 && line.data[line.len - 1] == ' ')
		table_shorten(&line, line.len - 1);
	if (width > 3)
		table_cut(&line, width);
	buf_add(out, buf_str(&line), line.len);
	buf_adds(out, "\n");
}

void table_layout(struct buf *out, const struct table *t, unsigned width)
{
	auto_free size_t *widths = xcalloc(t->columns, sizeof(*widths));

	for (size_t i = 0; i < t->cells.n; i++) {
		size_t w = table_width(t->cells.v[i]);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->cells.n; i += t->columns)
		table_row(out, t, t->cells.v + i, widths, width);
}

void table_print(const struct table *t)
{
	uint16_t rows, columns = 0;
	auto_buf out = BUF_INIT;

	if (!isatty(STDOUT_FILENO) || !terminal_size(STDOUT_FILENO, &rows, &columns))
		columns = 0;
	table_layout(&out, t, columns);
	fputs(buf_str(&out), stdout);
}
