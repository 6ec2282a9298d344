/*
 * An arena of chunks: everything is freed, and wiped, at once.
 */
#include <stdalign.h>
#include <stdlib.h>

#include "common/option_internal.h"

enum { CHUNK_BYTES = 4096 };

struct option_memory {
    struct option_memory *next;
    size_t cap;
    size_t used;
    alignas(max_align_t) char data[];
};

void *option_memory_take(struct option_memory **memory, size_t size)
{
    struct option_memory *chunk = *memory;
    size_t aligned = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

    if (aligned < size)
        return NULL;
    if (chunk == NULL || chunk->cap - chunk->used < aligned) {
        size_t cap = aligned > CHUNK_BYTES ? aligned : CHUNK_BYTES;

        chunk = calloc(1, sizeof *chunk + cap);
        if (chunk == NULL)
            return NULL;
        chunk->cap = cap;
        chunk->next = *memory;
        *memory = chunk;
    }
    void *taken = chunk->data + chunk->used;
    chunk->used += aligned;
    return taken;
}

const char *option_memory_copy(struct option_memory **memory, struct bytes text)
{
    char *copy = option_memory_take(memory, text.len + 1);

    if (copy != NULL && text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return copy;
}

void option_memory_free(struct option_memory *memory)
{
    while (memory != NULL) {
        struct option_memory *next = memory->next;

        explicit_bzero(memory->data, memory->cap);
        free(memory);
        memory = next;
    }
}
