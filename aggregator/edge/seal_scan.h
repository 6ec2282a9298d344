/*
 * One hour under the eyes of the sealer: what parts and revisions there are, what to propose, what
 * to finish. Which hours to look at, and when, is in sealer.c.
 */
#ifndef AGGREGATOR_EDGE_SEAL_SCAN_H
#define AGGREGATOR_EDGE_SEAL_SCAN_H

#include "aggregator/edge/seal_build.h"
#include "aggregator/edge/sealer.h"

/* Where to seal, and with what. */
struct seal_scope {
    struct store *store;
    struct sealer_options options;
};

/* The parts of an hour that exist: how many dense revisions each partition has. */
struct seal_available {
    uint32_t *revisions; /* by partition */
    uint32_t parts_n;    /* their sum */
    bool all;            /* every partition has at least one */
    struct sha256 listing;
};

enum err seal_list_parts(const struct seal_scope *s, int64_t hour, struct seal_available *available,
                         struct err_detail *detail) MUST_CHECK;
void seal_available_fini(struct seal_available *available);

/* Does the hour have a committed revision? */
enum err seal_is_committed(const struct seal_scope *s, int64_t hour, bool *committed,
                           struct err_detail *detail) MUST_CHECK;

/* Brings one hour as far as its parts allow; *listing: the parts that there were at the last look.
 * Errors as sealer_scan_hour. */
enum err seal_scan(const struct seal_scope *s, int64_t hour, struct sealer_result *result,
                   struct sha256 *listing, struct err_detail *detail) MUST_CHECK;

#endif
