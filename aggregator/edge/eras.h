/*
 * eras.json: which topic the records of an era came from, and since when (R17).
 *
 * Written once, when a sink is used for the first time; afterwards every start compares. A topic
 * that was deleted and made again, or that has got more partitions, would bill every running
 * enclave twice, so anything but equality is refused.
 */
#ifndef AGGREGATOR_EDGE_ERAS_H
#define AGGREGATOR_EDGE_ERAS_H

#include "aggregator/edge/store.h"

enum { ERA_TEXT_MAX = 256 };

struct era {
    uint32_t era;                /* from 1 */
    char topic[ERA_TEXT_MAX];    /* name */
    char topic_id[ERA_TEXT_MAX]; /* what tells this topic from a later one of the same name */
    int32_t partitions_n;
    int64_t first_hour; /* Unix ms, a whole hour */
};

/*
 * Compares `wanted` (its `era` and `first_hour` count only if the sink is new) with what the sink
 * records, recording it if there is nothing yet; *recorded is what holds afterwards.
 * ERR_CONFIG: the topic, its id or its partition count differ: what, and what to do.
 */
enum err eras_ensure(struct store *store, const struct era *wanted, struct era *recorded,
                     struct err_detail *detail) MUST_CHECK;

/* The newest era of a sink. ERR_NOT_FOUND: the sink has none yet. */
enum err eras_read(struct store *store, struct era *recorded, struct err_detail *detail) MUST_CHECK;

#endif
