/*
 * A store: named immutable objects, created if absent. `file:///dir` and `s3://bucket/prefix` give
 * the same names and the same bytes (DESIGN.md, "Where things are written").
 *
 * Names are relative, '/'-separated, without empty, "." or ".." segments, at most STORE_NAME_MAX
 * bytes. Objects are never overwritten.
 */
#ifndef AGGREGATOR_EDGE_STORE_H
#define AGGREGATOR_EDGE_STORE_H

#include "common/bytes.h"
#include "common/err.h"

enum {
    STORE_NAME_MAX = 512,
    STORE_OBJECT_MAX = 512 * 1024 * 1024, /* below the 5 GB of one S3 PUT: no multipart */
};

struct store;

/* Opens a sink URI. ERR_CONFIG: not a URI we know. The caller closes with store_close (NULL is
 * fine). */
enum err store_open(const char *uri, struct store **store, struct err_detail *detail) MUST_CHECK;
void store_close(struct store *store);

/* Creates an object durably and atomically. ERR_EXISTS: there is one already, whatever its bytes;
 * ERR_NO_SPACE, ERR_IO: nothing was created, or it is uncertain (read it back). */
enum err store_create(struct store *store, const char *name, struct bytes content,
                      struct err_detail *detail) MUST_CHECK;

/* store_create, but an existing object with equal bytes is ERR_OK, with other bytes ERR_CONFLICT.
 */
enum err store_create_same(struct store *store, const char *name, struct bytes content,
                           struct err_detail *detail) MUST_CHECK;

/* Reads a whole object into malloc'ed memory that the caller frees. ERR_NOT_FOUND. */
enum err store_read(struct store *store, const char *name, uint8_t **content, size_t *len,
                    struct err_detail *detail) MUST_CHECK;

/* ERR_OK also if there was none. Only for checkpoints (R16). */
enum err store_delete(struct store *store, const char *name, struct err_detail *detail) MUST_CHECK;

/* Names below `prefix` (a directory, ending in '/', or empty), recursively, sorted by byte,
 * malloc'ed; free with store_names_free. A prefix without objects gives 0 names. */
struct store_names {
    char **names;
    size_t n;
};
enum err store_list(struct store *store, const char *prefix, struct store_names *names,
                    struct err_detail *detail) MUST_CHECK;
void store_names_free(struct store_names *names);

#endif
