/*
 * Tenant map files: strict YAML → struct tenant_map, and the immutable copies of them in a store.
 *
 * A rollup names the map it was made with by SHA-256; books/<sha256>.yaml holds the exact bytes, so
 * that any process, and anybody later, can make the same rollup again.
 */
#ifndef AGGREGATOR_EDGE_BOOKS_H
#define AGGREGATOR_EDGE_BOOKS_H

#include "aggregator/edge/store.h"
#include "aggregator/rating/tenant_map.h"
#include "common/sha256.h"

enum {
    BOOK_BYTES_MAX = 16 * 1024 * 1024,
};

struct tenant_book {
    struct tenant_map map; /* points into memory of this struct */
    char sha256[SHA256_TEXT_SIZE];
    struct bytes content; /* the exact bytes it was read from */
};

/* ERR_CONFIG: unknown key, wrong type, bad value …: "FILE:LINE: what; did you mean …". The caller
 * frees with books_tenants_free (NULL is fine). `origin` is the name that errors give. */
enum err books_tenants_parse(struct bytes yaml, const char *origin, struct tenant_book **book,
                             struct err_detail *detail) MUST_CHECK;
enum err books_tenants_load(const char *path, struct tenant_book **book,
                            struct err_detail *detail) MUST_CHECK;
void books_tenants_free(struct tenant_book *book);

/* books/<sha256>.yaml: puts it there if absent; reads it back and checks that the hash is right
 * (ERR_INCIDENT otherwise). */
enum err books_tenants_publish(struct store *store, const struct tenant_book *book,
                               struct err_detail *detail) MUST_CHECK;
enum err books_tenants_fetch(struct store *store, const char *sha256, struct tenant_book **book,
                             struct err_detail *detail) MUST_CHECK;

#endif
