/*
 * Random version 4 UUIDs, and UUIDs as text. Reads the kernel's random numbers: only for edges.
 */
#ifndef COMMON_UUID_H
#define COMMON_UUID_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

enum {
    UUID_BYTES = 16,
    UUID_TEXT_SIZE = 37, /* "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx" and NUL */
};

/* ERR_IO if the kernel gives no random numbers. */
MUST_CHECK enum err uuid_random(uint8_t out[UUID_BYTES], struct err_detail *detail);

/* Lower case with dashes. Returns `out`. */
const char *uuid_format(const uint8_t uuid[UUID_BYTES], char out[UUID_TEXT_SIZE]);
/* 36 characters with dashes in their places, either case; ERR_MALFORMED otherwise. */
MUST_CHECK enum err uuid_parse_text(struct bytes text, uint8_t out[UUID_BYTES]);

#endif
