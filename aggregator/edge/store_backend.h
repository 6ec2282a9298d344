/*
 * What a kind of store implements. Only store.c and the backends include this; names reach a
 * backend validated, objects within STORE_OBJECT_MAX.
 */
#ifndef AGGREGATOR_EDGE_STORE_BACKEND_H
#define AGGREGATOR_EDGE_STORE_BACKEND_H

#include "aggregator/edge/store.h"

/* Contracts as in store.h. `list` may leave the names in any order. */
struct store_backend {
    enum err (*create)(struct store *store, const char *name, struct bytes content,
                       struct err_detail *detail);
    enum err (*read)(struct store *store, const char *name, uint8_t **content, size_t *len,
                     struct err_detail *detail);
    enum err (*remove)(struct store *store, const char *name, struct err_detail *detail);
    enum err (*list)(struct store *store, const char *prefix, struct store_names *names,
                     struct err_detail *detail);
    void (*close)(struct store *store);
};

/* The first member of every backend's own struct. */
struct store {
    const struct store_backend *backend;
};

/* A directory, absolute. Made when the first object is created. */
enum err store_file_open(const char *directory, struct store **store,
                         struct err_detail *detail) MUST_CHECK;

/* Appends a copy of `name`. ERR_NOMEM. */
enum err store_names_add(struct store_names *names, const char *name) MUST_CHECK;

#endif
