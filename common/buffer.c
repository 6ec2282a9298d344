/*
 * The growable buffer: capacity doubles, failures leave it as it was.
 */
#include "common/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUFFER_CAP_LEAST = 256 };

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->ptr);
    *buffer = (struct buffer){0};
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->ptr != NULL)
        explicit_bzero(buffer->ptr, buffer->cap);
    buffer_fini(buffer);
}

enum err buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t needed;
    size_t cap;

    if (__builtin_add_overflow(buffer->len, more, &needed) || needed > BUFFER_BYTES_MAX)
        return ERR_NOMEM;
    if (needed <= buffer->cap)
        return ERR_OK;
    cap = 2 * buffer->cap > needed ? 2 * buffer->cap : needed;
    if (cap < BUFFER_CAP_LEAST)
        cap = BUFFER_CAP_LEAST;
    uint8_t *ptr = realloc(buffer->ptr, cap);
    if (ptr == NULL)
        return ERR_NOMEM;
    buffer->ptr = ptr;
    buffer->cap = cap;
    return ERR_OK;
}

enum err buffer_append(struct buffer *buffer, struct bytes bytes)
{
    enum err err = buffer_reserve(buffer, bytes.len);

    if (err != ERR_OK || bytes.len == 0)
        return err;
    memcpy(buffer->ptr + buffer->len, bytes.ptr, bytes.len);
    buffer->len += bytes.len;
    return ERR_OK;
}

enum err buffer_append_string(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, bytes_of_string(text));
}

enum err buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return ERR_MALFORMED;
    enum err err = buffer_reserve(buffer, (size_t)n + 1);
    if (err != ERR_OK)
        return err;
    va_start(args, format);
    vsnprintf((char *)buffer->ptr + buffer->len, (size_t)n + 1, format, args);
    va_end(args);
    buffer->len += (size_t)n;
    return ERR_OK;
}

enum err buffer_terminate(struct buffer *buffer)
{
    enum err err = buffer_reserve(buffer, 1);

    if (err == ERR_OK)
        buffer->ptr[buffer->len] = '\0';
    return err;
}
