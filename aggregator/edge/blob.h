/*
 * The bytes of one object on their way to the store: written by a pure writer into memory that
 * grows until it fits.
 */
#ifndef AGGREGATOR_EDGE_BLOB_H
#define AGGREGATOR_EDGE_BLOB_H

#include "aggregator/edge/store.h"
#include "schemas/c/avro_buffer.h"

struct blob {
    uint8_t *ptr; /* malloc'ed; free with blob_fini */
    size_t len;
    size_t cap; /* kept between renderings */
};

typedef void blob_writer(struct avro_writer *w, const void *subject);

/* Calls `write`, again with more room while there is too little. ERR_NOMEM; ERR_LIMIT: more than
 * STORE_OBJECT_MAX bytes. */
enum err blob_render(struct blob *blob, blob_writer *write, const void *subject,
                     struct err_detail *detail) MUST_CHECK;
void blob_fini(struct blob *blob);

static inline struct bytes blob_bytes(const struct blob *blob)
{
    return bytes_of(blob->ptr, blob->len);
}

#endif
