/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_scan.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>

/* libyaml clears its white-space buffers, as large as the longest run in a text, after every word of that text. The
 * product bounds that: 256 blank lines are fine in any file, 20,000 in one of 100,000 words. */
#define CLEAR_MAX (UINT64_C(1) << 31)

static int refuse(const struct config_scan *s, struct config_report *r, size_t off, const char *text, const char *help)
{
	struct config_finding f = { .at = config_place_of(r, s->file, off), .help = help };
	config_report_add(r, &f, "%s", text);
	return -1;
}

/* Errors of the file as a whole have no line. */
static int refuse_file(const struct config_scan *s, struct config_report *r, const char *text, const char *help)
{
	config_report_add(r, &(struct config_finding){ .at = { .file = s->file }, .help = help }, "%s", text);
	return -1;
}

void config_scan_init(struct config_scan *s, uint32_t file, const struct config_source *source)
{
	*s = (struct config_scan){ .text = source->text, .len = source->len, .file = file };
	s->off = config_bom_len(s->text, s->len);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The first byte at or after off that is neither white space nor in a comment. */
static size_t significant(const struct config_scan *s, size_t off)
{
	bool blank = true; /* a '#' after text on the same line is no comment, but text ends the search */
	while (off < s->len) {
		char c = s->text[off];
		if (blank && c == '#')
			while (off < s->len && s->text[off] != '\n' && s->text[off] != '\r')
				off++;
		else if (is_space(c))
			off++;
		else
			break;
	}
	return off;
}

static int directive(const struct config_scan *s, struct config_report *r, size_t off)
{
	return refuse(s, r, off, "a directive is not allowed", "take out the line that starts with '%'");
}

static int start(const struct config_scan *s, struct config_report *r)
{
	const char *t = s->text;
	if (s->len > CONFIG_FILE_MAX)
		return refuse_file(s, r, "the file is larger than 16 MiB", NULL);
	if (s->len >= 2 && (memcmp(t, "\xff\xfe", 2) == 0 || memcmp(t, "\xfe\xff", 2) == 0))
		return refuse(s, r, 0, "the file is UTF-16 or UTF-32", "save it as UTF-8");
	size_t first = significant(s, s->off);
	if (first == s->len)
		return refuse_file(s, r, "the file is empty", "a minimal file has `services:` with one service");
	if (t[first] == '%' && (first == s->off || t[first - 1] == '\n' || t[first - 1] == '\r'))
		return directive(s, r, first);
	return 0;
}

/* What is wrong with the character at p, which is neither printable ASCII nor white space; NULL when it is fine. */
static const char *foreign(const char *p, size_t n, size_t *len)
{
	const uint8_t *b = (const uint8_t *)p;
	*len = lb_utf8_len(p, n);
	if (b[0] == 0)
		return "a NUL byte is not allowed";
	if (*len == 0)
		return "this is not UTF-8";
	if (*len == 1 || (*len == 2 && b[0] == 0xc2 && b[1] < 0xa0 && b[1] != 0x85))
		return "a control character is not allowed";
	/* NEL, LS and PS end a line, and so a comment, for libyaml (YAML 1.1) but for nobody's editor */
	if ((*len == 2 && b[0] == 0xc2 && b[1] == 0x85) ||
		(*len == 3 && b[0] == 0xe2 && b[1] == 0x80 && (b[2] == 0xa8 || b[2] == 0xa9)))
		return "a Unicode line separator is not allowed";
	if (*len == 3 && b[0] == 0xef && ((b[1] == 0xbb && b[2] == 0xbf) || (b[1] == 0xbf && b[2] >= 0xbe)))
		return "a byte order mark or noncharacter is not allowed here";
	return NULL;
}

static void run(struct config_scan *s, size_t length, size_t at)
{
	if (length > s->run_max) {
		s->run_max = length;
		s->run_at = at;
	}
}

static int finish(const struct config_scan *s, struct config_report *r)
{
	if ((uint64_t)s->run_max * s->words <= CLEAR_MAX)
		return 0;
	char text[120];
	snprintf(text, sizeof(text), "%zu blanks or blank lines in a row are too many for a file of this size",
		s->run_max);
	return refuse(s, r, s->run_at, text, NULL);
}

int config_scan_step(struct config_scan *s, size_t bytes, struct config_report *r)
{
	if (s->off == config_bom_len(s->text, s->len) && start(s, r))
		return -1;
	size_t end = bytes < s->len - s->off ? s->off + bytes : s->len;
	while (s->off < end) {
		uint8_t c = (uint8_t)s->text[s->off];
		if (c == ' ' || c == '\t') {
			size_t from = s->off;
			while (s->off < end && (s->text[s->off] == ' ' || s->text[s->off] == '\t'))
				s->off++;
			s->blanks += s->off - from;
			run(s, s->blanks, s->off - 1);
		} else if (c == '\n' || c == '\r') {
			s->blanks = 0;
			run(s, ++s->breaks, s->off);
			s->off++;
		} else {
			size_t len = 1;
			const char *why =
				c > 0x20 && c < 0x7f ? NULL : foreign(s->text + s->off, s->len - s->off, &len);
			if (why)
				return refuse(
					s, r, s->off, why, strstr(why, "UTF-8") ? "save the file as UTF-8" : NULL);
			s->wide |= len > 1;
			s->words += s->blanks || s->breaks;
			s->blanks = s->breaks = 0;
			s->off += len;
			while (s->off < end && s->text[s->off] > 0x20 && s->text[s->off] < 0x7f)
				s->off++;
		}
	}
	return s->off < s->len ? 1 : finish(s, r);
}

static size_t byte_of(const struct config_scan *s, size_t offset)
{
	size_t i = config_bom_len(s->text, s->len);
	if (!s->wide)
		return i + offset < s->len ? i + offset : s->len;
	for (; i < s->len; i++)
		if (((uint8_t)s->text[i] & 0xc0) != 0x80 && offset-- == 0)
			break;
	return i;
}

char config_scan_byte(const struct config_scan *s, size_t offset)
{
	size_t i = byte_of(s, offset);
	return i < s->len ? s->text[i] : '\0';
}

int config_scan_rest(const struct config_scan *s, size_t offset, struct config_report *r)
{
	size_t off = significant(s, byte_of(s, offset));
	while (off + 3 <= s->len && memcmp(s->text + off, "...", 3) == 0 &&
		(off + 3 == s->len || is_space(s->text[off + 3])))
		off = significant(s, off + 3);
	if (off == s->len)
		return 0;
	if (s->text[off] == '%')
		return directive(s, r, off);
	if (off + 3 <= s->len && memcmp(s->text + off, "---", 3) == 0)
		return refuse(
			s, r, off, "a second document is not allowed", "one file is one document: take out the '---'");
	return refuse(
		s, r, off, "this does not belong to the document before it", "is it indented as the lines above?");
}
