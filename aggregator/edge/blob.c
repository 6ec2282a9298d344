/*
 * The bytes of one object on their way to the store; see the header.
 */
#include "aggregator/edge/blob.h"

#include <stdlib.h>

enum { FIRST_BYTES = 4096 };

enum err blob_render(struct blob *blob, blob_writer *write, const void *subject,
                     struct err_detail *detail)
{
    for (size_t cap = blob->cap > 0 ? blob->cap : FIRST_BYTES; cap <= STORE_OBJECT_MAX; cap *= 2) {
        if (cap > blob->cap) {
            uint8_t *grown = realloc(blob->ptr, cap);

            if (grown == NULL)
                return err_set(detail, ERR_NOMEM, "no memory for an object of %zu bytes", cap);
            blob->ptr = grown;
            blob->cap = cap;
        }
        struct avro_writer w = avro_writer_over(blob->ptr, blob->cap);

        write(&w, subject);
        if (avro_writer_finish(&w, &blob->len) == ERR_OK)
            return ERR_OK;
    }
    return err_set(detail, ERR_LIMIT, "an object would have more than %d bytes", STORE_OBJECT_MAX);
}

void blob_fini(struct blob *blob)
{
    free(blob->ptr);
    *blob = (struct blob){0};
}
