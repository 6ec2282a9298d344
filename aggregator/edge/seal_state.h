/*
 * Everything of one revision of a rollup while it is made: between seal_load.c, which fills it in,
 * and seal_build.c, which writes it out. Nobody else includes this.
 */
#ifndef AGGREGATOR_EDGE_SEAL_STATE_H
#define AGGREGATOR_EDGE_SEAL_STATE_H

#include "aggregator/edge/blob.h"
#include "aggregator/edge/books.h"
#include "aggregator/edge/part_file.h"
#include "aggregator/edge/seal_build.h"
#include "aggregator/rating/fold.h"

enum { SEAL_FILES_N = 5 }; /* of an hour, besides manifest.json */

/* One tenant of the revision: it has lines, or it had a file in the revision before. */
struct seal_tenant {
    struct bytes tenant;
    const struct rollup_tenant *row; /* NULL: no lines any more */
    struct sha256 previous;          /* its manifest that this one links to */
    struct manifest_file csv;
    struct blob statement;
};

/* Everything of one revision while it is made. */
struct seal {
    struct store *store;
    struct seal_inputs inputs;
    struct tenant_book *book;  /* NULL: no tenant map */
    uint8_t *previous_content; /* the manifest linked to; NULL: none */
    struct manifest previous;
    struct manifest_tenant *previous_tenants;
    struct part_file **files; /* as inputs.parts */
    const struct part **revisions;
    const struct part **newest; /* of each partition */
    size_t newest_n;
    struct fold_line *folded;
    struct rated_line *rated;
    size_t lines_n;
    struct rollup_tenant *rows;
    struct rollup rollup;
    struct seal_tenant *tenants; /* sorted */
    struct manifest_tenant *manifest_tenants;
    size_t tenants_n;
    struct merkle_hash *tree;
    struct manifest_file outputs[SEAL_FILES_N];
    struct blob blob; /* scratch */
};

/* Loads what s->inputs names, folds and rates it, and finds the tenants. Errors as seal_build. */
enum err seal_load(struct seal *s, struct err_detail *detail) MUST_CHECK;
void seal_fini(struct seal *s);

/* An array of `n` zeroed elements, never NULL; `array` is the address of the pointer. ERR_NOMEM. */
enum err seal_make_array(void *array, size_t n, size_t item_bytes,
                         struct err_detail *detail) MUST_CHECK;

#endif
