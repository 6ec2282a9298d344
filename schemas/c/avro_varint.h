/*
 * The short way through a base-128 number: one byte, or up to eight at once. Private to schemas/c;
 * what it declines (longer numbers, the last seven bytes of the input) goes byte by byte.
 */
#ifndef SCHEMAS_C_AVRO_VARINT_H
#define SCHEMAS_C_AVRO_VARINT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* A number and the byte after it: by value, so that it can stay in registers. */
struct avro_varint {
    const uint8_t *next;
    uint64_t raw;
};

/* next is NULL: declined. Reads nothing at or after `end`. */
static inline __attribute__((always_inline)) struct avro_varint avro_varint_fast(const uint8_t *p,
                                                                                 const uint8_t *end)
{
    uint64_t word, stop;

    if (__builtin_expect(p < end && *p < 0x80, 1))
        return (struct avro_varint){p + 1, *p};
    if (end - p < 8)
        return (struct avro_varint){NULL, 0};
    memcpy(&word, p, sizeof word);
    word = le64toh(word);
    stop = ~word & 0x8080808080808080u; /* bytes without a continuation bit */
    if (stop == 0)
        return (struct avro_varint){NULL, 0};
    /* Keep the bytes up to the first such, then close the gaps between the 7-bit groups. */
    word &= (stop ^ (stop - 1)) & 0x7f7f7f7f7f7f7f7fu;
    word = (word & 0x7f007f007f007f00u) >> 1 | (word & 0x007f007f007f007fu);
    word = (word & 0x3fff00003fff0000u) >> 2 | (word & 0x00003fff00003fffu);
    word = (word & 0x0fffffff00000000u) >> 4 | (word & 0x000000000fffffffu);
    return (struct avro_varint){p + __builtin_ctzll(stop) / 8 + 1, word};
}

static inline int64_t avro_unzigzag(uint64_t raw)
{
    return (int64_t)((raw >> 1) ^ (0 - (raw & 1)));
}

#endif
