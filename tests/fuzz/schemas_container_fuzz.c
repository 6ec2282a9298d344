/*
 * Any bytes as an Avro container file: opening and walking it ends, and rows and metadata lie
 * within the file. A row is taken to be a string.
 */
#include <stdlib.h>

#include "schemas/c/avro_container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.len > 0 && (part.ptr < data || part.ptr + part.len > data + size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct avro_container_reader r;
    size_t rows = 0;

    if (avro_container_open(&r, bytes_of(data, size)) != ERR_OK)
        return 0;
    check_within(r.schema_json, data, size);
    check_within(avro_container_meta(&r, "hour"), data, size);
    while (avro_container_next(&r) == ERR_OK) {
        struct bytes row;

        if (++rows > size)
            abort();
        if (avro_get_bytes(&r.in, &row) != ERR_OK)
            break;
        check_within(row, data, size);
    }
    return 0;
}
