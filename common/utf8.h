/*
 * One step of UTF-8 decoding and the question whether a code point is safe to show. Pure.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

#define UTF8_INVALID     UINT32_MAX
#define UTF8_REPLACEMENT "\xEF\xBF\xBD"

/* The code point at the start of `text` (which must not be empty) and its length in `*len`. On
 * overlong forms, surrogates, values over U+10FFFF and truncation: UTF8_INVALID and `*len` 1. */
uint32_t utf8_next(struct bytes text, size_t *len);

bool utf8_is_valid(struct bytes text);

/* False for what could break a line or turn its direction where text is shown: C0, DEL, C1, line
 * and paragraph separators, bidirectional controls, byte order mark, noncharacters U+FFFE/U+FFFF.
 */
bool utf8_is_printable(uint32_t code_point);

/* The longest prefix of `text`, at most `max` bytes, that does not cut a character. */
struct bytes utf8_prefix(struct bytes text, size_t max);

#endif
