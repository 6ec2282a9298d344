/*
 * Lifecycle events ↔ bytes. The only code that knows the wire format.
 *
 * Writing uses this build's schema (event_schema_json). Reading uses an operation table compiled
 * once per writer schema: fields may be missing (reader's default), added (skipped), reordered, and
 * enums may have symbols that we lack (UNKNOWN). Decoding allocates nothing and bounds everything.
 */
#ifndef SCHEMAS_C_CODEC_H
#define SCHEMAS_C_CODEC_H

#include "common/bytes.h"
#include "common/err.h"
#include "schemas/c/event.h"

/* Text of schemas/lifecycle_event.avsc, compiled in. */
struct bytes event_schema_json(void);

/* CRC-64-AVRO of the Parsing Canonical Form of any schema text. Allocates while it runs. */
enum err avro_schema_fingerprint(struct bytes schema_json, uint64_t *fingerprint,
                                 struct err_detail *detail) MUST_CHECK;

/* An operation table for one writer schema. Immutable once compiled: threads may share it. */
struct event_decoder;

/*
 * Compiles `writer_schema_json`. ERR_MALFORMED: not an Avro schema; ERR_UNSUPPORTED: a schema that
 * cannot be resolved to ours (a field of another kind, nesting over 16, recursion). The caller owns
 * *decoder and frees it with event_decoder_free (NULL is fine).
 */
enum err event_decoder_new(struct bytes writer_schema_json, struct event_decoder **decoder,
                           struct err_detail *detail) MUST_CHECK;
void event_decoder_free(struct event_decoder *decoder);
uint64_t event_decoder_fingerprint(const struct event_decoder *decoder);

/*
 * Decodes one body (no framing). `event` points into `body` and `arena` until either changes.
 * ERR_TRUNCATED, ERR_MALFORMED (also: bytes left over), ERR_LIMIT. On error *event is undefined.
 */
enum err event_decode(const struct event_decoder *decoder, struct bytes body,
                      struct event_arena *arena, struct event *event) MUST_CHECK;

/* Encodes by this build's schema. ERR_LIMIT: an event beyond the limits, of which EVENT_RECORD_MAX
 * for the whole is one. ERR_CAPACITY: `cap` is too small; EVENT_RECORD_MAX never is. */
enum err event_encode(const struct event *event, uint8_t *buffer, size_t cap,
                      size_t *len) MUST_CHECK;

/* How a Kafka value says which schema wrote it. */
enum frame_kind {
    FRAME_SINGLE_OBJECT, /* C3 01, fingerprint little-endian, body */
    FRAME_CONFLUENT,     /* 00, schema id big-endian, body */
};

enum { FRAME_SINGLE_OBJECT_BYTES = 10, FRAME_CONFLUENT_BYTES = 5 };

struct frame {
    enum frame_kind kind;
    uint64_t fingerprint; /* FRAME_SINGLE_OBJECT */
    uint32_t schema_id;   /* FRAME_CONFLUENT */
    struct bytes body;
};

/* ERR_TRUNCATED or ERR_MALFORMED (neither marker). */
enum err frame_parse(struct bytes value, struct frame *frame) MUST_CHECK;

/* Writes the header that precedes a body of this build's schema; returns its length. */
size_t frame_put_single_object(uint8_t buffer[FRAME_SINGLE_OBJECT_BYTES]);
size_t frame_put_confluent(uint8_t buffer[FRAME_CONFLUENT_BYTES], uint32_t schema_id);

#endif
