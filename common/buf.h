/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded reading and writing of bytes with a sticky error: after the first read past the end every further read gives
 * zero and `bad` stays set, so a decoder is a straight column of reads with one test at its end; and so is an encoder.
 * And a growing text buffer whose error (out of memory) is sticky in the same way.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lb_reader {
	const uint8_t *p, *end;
	bool bad;
};

/* The next n bytes; NULL, and bad for good, when fewer are left or it was bad. */
const uint8_t *lb_take(struct lb_reader *r, size_t n);
uint8_t lb_read_u8(struct lb_reader *r);
uint16_t lb_read_u16(struct lb_reader *r); /* network order */
uint32_t lb_read_u32(struct lb_reader *r); /* network order */
uint64_t lb_read_u64(struct lb_reader *r); /* network order */

struct lb_writer {
	uint8_t *p, *end;
	bool bad;
};

/* Room for the next n bytes; NULL, and bad for good, when less is left or it was bad. */
uint8_t *lb_room(struct lb_writer *w, size_t n);
void lb_write(struct lb_writer *w, const void *bytes, size_t n);
void lb_write_zero(struct lb_writer *w, size_t n);
void lb_write_u8(struct lb_writer *w, uint8_t v);
void lb_write_u16(struct lb_writer *w, uint16_t v); /* network order */
void lb_write_u32(struct lb_writer *w, uint32_t v); /* network order */
void lb_write_u64(struct lb_writer *w, uint64_t v); /* network order */

/* Text that grows. s is always NUL-terminated once something was added; bad = memory was out, content is cut. */
struct lb_text {
	char *s;
	size_t n, cap;
	bool bad;
};

#define LB_TEXT_INIT ((struct lb_text){ 0 })

void lb_text_put(struct lb_text *t, const char *s, size_t n);
void lb_text_puts(struct lb_text *t, const char *s);
__attribute__((format(printf, 2, 3))) void lb_text_printf(struct lb_text *t, const char *fmt, ...);
void lb_text_clear(struct lb_text *t); /* keeps the memory */
void lb_text_done(struct lb_text *t);
