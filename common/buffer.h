/*
 * A growable byte buffer on the heap, for edges that read files and build requests. Not for cores:
 * they write into memory that their caller gave them.
 */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

/* No buffer grows beyond this; asking for more is ERR_NOMEM. */
#define BUFFER_BYTES_MAX ((size_t)1 << 32)

/* `len` bytes in use of `cap` at `ptr`. All zeros is a valid empty buffer. */
struct buffer {
    uint8_t *ptr;
    size_t len;
    size_t cap;
};

void buffer_init(struct buffer *buffer);
/* Frees the memory; the buffer is empty and may be used again. */
void buffer_fini(struct buffer *buffer);
/* Overwrites what was in use before freeing it: for secrets. */
void buffer_wipe(struct buffer *buffer);

/* Makes room for `more` bytes after `len`. ERR_NOMEM leaves the buffer as it was. */
MUST_CHECK enum err buffer_reserve(struct buffer *buffer, size_t more);
MUST_CHECK enum err buffer_append(struct buffer *buffer, struct bytes bytes);
MUST_CHECK enum err buffer_append_string(struct buffer *buffer, const char *text);
MUST_CHECK enum err buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes a NUL after the content without counting it, so that `ptr` can be used as a string. */
MUST_CHECK enum err buffer_terminate(struct buffer *buffer);

/* Forgets the content, keeps the memory. */
static inline void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
}

/* The content; valid until the buffer changes. */
static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_of(buffer->ptr, buffer->len);
}

#endif
