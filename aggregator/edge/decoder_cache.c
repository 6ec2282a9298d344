/*
 * Decoders by writer schema: this build's own.
 */
#include "aggregator/edge/decoder_cache.h"

#include <inttypes.h>
#include <stdlib.h>

struct decoder_cache {
    struct event_decoder *own;
};

enum err decoder_cache_new(struct decoder_cache **cache, struct err_detail *detail)
{
    struct decoder_cache *made = calloc(1, sizeof *made);

    if (made == NULL)
        return err_set(detail, ERR_NOMEM, "decoders: out of memory");
    enum err e = event_decoder_new(event_schema_json(), &made->own, detail);
    if (e != ERR_OK) {
        free(made);
        return e;
    }
    *cache = made;
    return ERR_OK;
}

void decoder_cache_free(struct decoder_cache *cache)
{
    if (cache == NULL)
        return;
    event_decoder_free(cache->own);
    free(cache);
}

enum err decoder_cache_find(const struct decoder_cache *cache, const struct frame *frame,
                            const struct event_decoder **decoder, struct err_detail *detail)
{
    if (frame->kind == FRAME_CONFLUENT)
        return err_set(detail, ERR_NOT_FOUND,
                       "the record names schema id %" PRIu32
                       " of a registry, and none is configured",
                       frame->schema_id);
    if (frame->fingerprint != event_decoder_fingerprint(cache->own))
        return err_set(detail, ERR_NOT_FOUND,
                       "the record was written with schema %016" PRIx64
                       ", this program knows %016" PRIx64 ": run the aggregator that goes with the"
                       " newest producer",
                       frame->fingerprint, event_decoder_fingerprint(cache->own));
    *decoder = cache->own;
    return ERR_OK;
}
