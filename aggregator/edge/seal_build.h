/*
 * One revision of a rollup from its inputs.json to its manifest.json: a pure function of what
 * inputs.json names, so that any number of processes do it and write the same bytes (R12).
 */
#ifndef AGGREGATOR_EDGE_SEAL_BUILD_H
#define AGGREGATOR_EDGE_SEAL_BUILD_H

#include "aggregator/edge/store.h"
#include "aggregator/rating/manifest.h"

/* An inputs.json that was read. */
struct seal_inputs {
    struct inputs inputs; /* points into `parts` */
    struct inputs_part *parts;
    struct sha256 sha256; /* of the file */
    uint64_t bytes;
};

/* ERR_NOT_FOUND: this revision was not proposed. ERR_INCIDENT: damaged, or about something else. */
enum err seal_inputs_read(struct store *store, int64_t hour, uint32_t revision,
                          struct seal_inputs *inputs, struct err_detail *detail) MUST_CHECK;
void seal_inputs_fini(struct seal_inputs *inputs);

/* SHA-256 of an object. ERR_NOT_FOUND. */
enum err seal_hash_object(struct store *store, const char *name, struct sha256 *hash,
                          struct err_detail *detail) MUST_CHECK;
struct sha256 seal_hash(struct bytes content);

/* Name of the manifest that revision `revision` of `hour` links to: rev 1 of the hour before, or
 * the revision before. */
void seal_previous_name(char name[ROLLUP_NAME_MAX], int64_t hour, uint32_t revision);

/* Writes every file of a proposed revision, manifest.json last. Writing what others have written
 * already changes nothing. ERR_INCIDENT: an object exists with other bytes, or something that
 * inputs.json names is missing or not what it names. */
enum err seal_build(struct store *store, int64_t hour, uint32_t revision,
                    struct err_detail *detail) MUST_CHECK;

#endif
