/*
 * Decoders by the schema that wrote a record. Compiled before the first record is read; immutable
 * afterwards, so that workers share it without locks.
 */
#ifndef AGGREGATOR_EDGE_DECODER_CACHE_H
#define AGGREGATOR_EDGE_DECODER_CACHE_H

#include "common/err.h"
#include "schemas/c/codec.h"

struct decoder_cache;

/* Knows this build's own schema. The caller frees (NULL is fine). */
enum err decoder_cache_new(struct decoder_cache **cache, struct err_detail *detail) MUST_CHECK;
void decoder_cache_free(struct decoder_cache *cache);

/* ERR_NOT_FOUND: nobody here knows the writer's schema; the detail names it and says what to do.
 * The partition must wait, not skip (R15). */
enum err decoder_cache_find(const struct decoder_cache *cache, const struct frame *frame,
                            const struct event_decoder **decoder,
                            struct err_detail *detail) MUST_CHECK;

#endif
