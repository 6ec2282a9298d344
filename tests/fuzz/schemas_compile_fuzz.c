/*
 * Any text as a writer's schema, and behind a NUL any bytes as a record of it: compiling ends and
 * stays within its limits, and no program that it makes reads outside the record.
 */
#include <stdlib.h>

#include "schemas/c/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_arena arena;
    const uint8_t *nul = size == 0 ? NULL : memchr(data, 0, size);
    size_t len = nul == NULL ? size : (size_t)(nul - data);
    struct event_decoder *decoder;
    struct err_detail detail;
    struct event event;
    uint64_t fingerprint;
    enum err parsed = avro_schema_fingerprint(bytes_of(data, len), &fingerprint, NULL);

    if (event_decoder_new(bytes_of(data, len), &decoder, &detail) != ERR_OK)
        return 0;
    if (parsed != ERR_OK || fingerprint != event_decoder_fingerprint(decoder))
        abort();
    if (nul != NULL)
        (void)!event_decode(decoder, bytes_of(nul + 1, size - len - 1), &arena, &event);
    event_decoder_free(decoder);
    return 0;
}
