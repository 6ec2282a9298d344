/*
 * SHA-256 of bytes in memory, as bytes and as hexadecimal text. Pure: one call of OpenSSL's
 * one-shot function.
 */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include "common/bytes.h"

enum {
    SHA256_RAW_BYTES = 32,
    SHA256_TEXT_SIZE = 65, /* 64 digits and NUL */
};

void sha256_of(struct bytes content, uint8_t out[SHA256_RAW_BYTES]);
/* Returns `out`. */
const char *sha256_text_of(struct bytes content, char out[SHA256_TEXT_SIZE]);

#endif
