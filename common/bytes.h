/*
 * Slices: pointer and length, for everything that comes from outside. Nothing here owns memory.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `len` bytes at `ptr`; `ptr` may be NULL only when `len` is 0. Not NUL-terminated. */
struct bytes {
    const uint8_t *ptr;
    size_t len;
};

/* For printf("%.*s", BYTES_ARGS(b)). */
#define BYTES_ARGS(b) (int)(b).len, (const char *)(b).ptr

/* A slice of a string literal, without its NUL. */
#define BYTES_LITERAL(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct bytes bytes_of(const void *ptr, size_t len)
{
    return (struct bytes){(const uint8_t *)ptr, len};
}

static inline struct bytes bytes_of_string(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Lexicographic by unsigned byte, shorter first: <0, 0, >0. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);

    if (c != 0)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool bytes_starts_with(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && (prefix.len == 0 || memcmp(b.ptr, prefix.ptr, prefix.len) == 0);
}

/* `b` without its first `n` bytes; `n` must be ≤ b.len. */
static inline struct bytes bytes_skip(struct bytes b, size_t n)
{
    return (struct bytes){b.ptr + n, b.len - n};
}

#endif
