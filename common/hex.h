/*
 * Bytes as lower-case hexadecimal text and back. Pure.
 */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include "common/bytes.h"
#include "common/err.h"

/* Writes 2 × bytes.len digits and a NUL; `out` must have room for them. Returns `out`. */
const char *hex_format(struct bytes bytes, char *out);

/* Exactly 2 × `len` digits of either case into `out`; ERR_MALFORMED otherwise. */
MUST_CHECK enum err hex_parse(struct bytes text, uint8_t *out, size_t len);

#endif
