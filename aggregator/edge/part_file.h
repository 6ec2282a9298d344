/*
 * A part object in memory: the bytes read from the store and the struct part decoded from them.
 */
#ifndef AGGREGATOR_EDGE_PART_FILE_H
#define AGGREGATOR_EDGE_PART_FILE_H

#include "aggregator/core/part.h"
#include "aggregator/edge/store.h"

struct part_file {
    struct part part;   /* points into `content` and `arena` */
    uint8_t sha256[32]; /* of the object's bytes */
    uint8_t *content;
    size_t len;
    void *arena;
};

/* Reads and decodes an object. The caller frees with part_file_free (NULL is fine). */
enum err part_file_read(struct store *store, const char *name, struct part_file **file,
                        struct err_detail *detail) MUST_CHECK;
/* Decodes a copy of `content`. */
enum err part_file_parse(struct bytes content, struct part_file **file,
                         struct err_detail *detail) MUST_CHECK;
void part_file_free(struct part_file *file);

#endif
