/*
 * Does a sink still say what was sealed? Recomputes every SHA-256 that a manifest or inputs.json
 * states, every link of the chain and every tenant's Merkle proof (R13). A copy that has only one
 * tenant's prefix is verified alone.
 */
#ifndef AGGREGATOR_EDGE_VERIFY_SINK_H
#define AGGREGATOR_EDGE_VERIFY_SINK_H

#include "aggregator/edge/store.h"

struct verify_counts {
    uint64_t revisions;  /* committed revisions of rollups */
    uint64_t unfinished; /* proposed, not committed: not wrong */
    uint64_t tenants;    /* tenant manifests */
    uint64_t objects;    /* whose hash was recomputed */
    uint64_t faults;
};

/* Called for everything that is wrong: which object, and what about it. */
typedef void verify_fault(void *context, const char *object, const char *what);

/* ERR_OK also with faults. Errors are of the store itself. */
enum err verify_sink(struct store *store, verify_fault *fault, void *context,
                     struct verify_counts *counts, struct err_detail *detail) MUST_CHECK;

#endif
