/*
 * Version 4 UUIDs (RFC 9562) from getrandom(2).
 */
#include "common/uuid.h"

#include <errno.h>
#include <sys/random.h>

#include "common/hex.h"

enum err uuid_random(uint8_t out[UUID_BYTES], struct err_detail *detail)
{
    ssize_t n;

    /* 16 bytes are never given in part; only waiting for the pool after boot can be interrupted. */
    do
        n = getrandom(out, UUID_BYTES, 0);
    while (n < 0 && errno == EINTR);
    if (n != UUID_BYTES)
        return err_set(detail, ERR_IO, "getrandom: %s; the kernel gives no random numbers",
                       n < 0 ? strerrordesc_np(errno) : "short read");
    out[6] = (uint8_t)((out[6] & 0x0F) | 0x40);
    out[8] = (uint8_t)((out[8] & 0x3F) | 0x80);
    return ERR_OK;
}

/* Bytes of each dash-separated group. */
static const uint8_t group_bytes[] = {4, 2, 2, 2, 6};

const char *uuid_format(const uint8_t uuid[UUID_BYTES], char out[UUID_TEXT_SIZE])
{
    char *at = out;

    for (size_t i = 0; i < sizeof group_bytes; i++) {
        if (i > 0)
            *at++ = '-';
        hex_format(bytes_of(uuid, group_bytes[i]), at);
        at += 2 * group_bytes[i];
        uuid += group_bytes[i];
    }
    return out;
}

enum err uuid_parse_text(struct bytes text, uint8_t out[UUID_BYTES])
{
    if (text.len != UUID_TEXT_SIZE - 1)
        return ERR_MALFORMED;
    for (size_t i = 0; i < sizeof group_bytes; i++) {
        size_t digits = 2u * group_bytes[i];

        if (i > 0) {
            if (text.ptr[0] != '-')
                return ERR_MALFORMED;
            text = bytes_skip(text, 1);
        }
        if (hex_parse(bytes_of(text.ptr, digits), out, group_bytes[i]) != ERR_OK)
            return ERR_MALFORMED;
        text = bytes_skip(text, digits);
        out += group_bytes[i];
    }
    return ERR_OK;
}
