/*
 * Framing of Kafka values: which schema wrote the body. The Avro specification's single-object
 * encoding and the Confluent wire format; nothing here looks into the body.
 */
#include "schemas/c/codec.h"
#include "schemas/c/schema_text.h"

enum { SINGLE_OBJECT_MARK_0 = 0xc3, SINGLE_OBJECT_MARK_1 = 0x01, CONFLUENT_MARK = 0x00 };

static enum err parse_single_object(struct bytes value, struct frame *frame)
{
    uint64_t fingerprint = 0;

    if (value.len >= 2 && value.ptr[1] != SINGLE_OBJECT_MARK_1)
        return ERR_MALFORMED;
    if (value.len < FRAME_SINGLE_OBJECT_BYTES)
        return ERR_TRUNCATED;
    for (unsigned int i = 0; i < 8; i++)
        fingerprint |= (uint64_t)value.ptr[2 + i] << (8 * i);
    *frame = (struct frame){.kind = FRAME_SINGLE_OBJECT,
                            .fingerprint = fingerprint,
                            .body = bytes_skip(value, FRAME_SINGLE_OBJECT_BYTES)};
    return ERR_OK;
}

enum err frame_parse(struct bytes value, struct frame *frame)
{
    uint32_t schema_id = 0;

    if (value.len == 0)
        return ERR_TRUNCATED;
    if (value.ptr[0] == SINGLE_OBJECT_MARK_0)
        return parse_single_object(value, frame);
    if (value.ptr[0] != CONFLUENT_MARK)
        return ERR_MALFORMED;
    if (value.len < FRAME_CONFLUENT_BYTES)
        return ERR_TRUNCATED;
    for (unsigned int i = 1; i < FRAME_CONFLUENT_BYTES; i++)
        schema_id = schema_id << 8 | value.ptr[i];
    *frame = (struct frame){.kind = FRAME_CONFLUENT,
                            .schema_id = schema_id,
                            .body = bytes_skip(value, FRAME_CONFLUENT_BYTES)};
    return ERR_OK;
}

size_t frame_put_single_object(uint8_t buffer[FRAME_SINGLE_OBJECT_BYTES])
{
    uint64_t fingerprint = schema_fingerprint_lifecycle_event();

    buffer[0] = SINGLE_OBJECT_MARK_0;
    buffer[1] = SINGLE_OBJECT_MARK_1;
    for (unsigned int i = 0; i < 8; i++)
        buffer[2 + i] = (uint8_t)(fingerprint >> (8 * i));
    return FRAME_SINGLE_OBJECT_BYTES;
}

size_t frame_put_confluent(uint8_t buffer[FRAME_CONFLUENT_BYTES], uint32_t schema_id)
{
    buffer[0] = CONFLUENT_MARK;
    for (unsigned int i = 0; i < 4; i++)
        buffer[1 + i] = (uint8_t)(schema_id >> (24 - 8 * i));
    return FRAME_CONFLUENT_BYTES;
}
