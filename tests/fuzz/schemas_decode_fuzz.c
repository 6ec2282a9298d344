/*
 * Any bytes as the body of an event, by our schema and by an evolved writer's (first byte odd).
 * What decodes must encode and then decode to the same; a decoder must never read outside the body.
 */
#include <stdlib.h>

#include "schemas/c/codec.h"
#include "tests/fuzz/schemas_evolved.h"
#include "tests/unit/schemas_random_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_decoder *ours;
static struct event_decoder *evolved;

static void make_decoders(void)
{
    char *text = evolved_schema_make();

    if (event_decoder_new(event_schema_json(), &ours, NULL) != ERR_OK ||
        event_decoder_new(bytes_of_string(text), &evolved, NULL) != ERR_OK)
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_arena arena, arena_again;
    static uint8_t buffer[EVENT_RECORD_MAX];
    struct event event, again;
    size_t len;
    enum err err;

    if (ours == NULL)
        make_decoders();
    if (size == 0)
        return 0;
    err = event_decode(data[0] % 2 == 0 ? ours : evolved, bytes_of(data + 1, size - 1), &arena,
                       &event);
    if (err != ERR_OK)
        return 0;
    err = event_encode(&event, buffer, sizeof buffer, &len);
    if (err == ERR_LIMIT && size > EVENT_RECORD_MAX / 2)
        return 0; /* a field that the writer's schema lacks or never leaves null takes a byte in
                     ours */
    if (err != ERR_OK ||
        event_decode(ours, bytes_of(buffer, len), &arena_again, &again) != ERR_OK ||
        event_difference(&event, &again) != NULL)
        abort();
    return 0;
}
