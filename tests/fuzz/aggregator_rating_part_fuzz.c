/*
 * Any bytes as a part object: an error, or a part that survives being written and read again.
 */
#include <stdlib.h>

#include "aggregator/edge/part_file.h"
#include "aggregator/rating/part_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *encode(const struct part *part, size_t *len)
{
    size_t cap = part_encoded_bound(part);
    uint8_t *buffer = malloc(cap);

    if (buffer == NULL || part_encode(part, buffer, cap, len) != ERR_OK)
        abort();
    return buffer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct part_file *first, *second;
    size_t first_len, second_len;

    if (part_file_parse(bytes_of(data, size), &first, NULL) != ERR_OK)
        return 0;
    uint8_t *once = encode(&first->part, &first_len);

    if (part_file_parse(bytes_of(once, first_len), &second, NULL) != ERR_OK)
        abort();
    uint8_t *twice = encode(&second->part, &second_len);

    if (!bytes_equal(bytes_of(once, first_len), bytes_of(twice, second_len)))
        abort();
    free(once);
    free(twice);
    part_file_free(first);
    part_file_free(second);
    return 0;
}
