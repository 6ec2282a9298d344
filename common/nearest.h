/*
 * "Did you mean …?": the nearest of some names by Damerau-Levenshtein distance. Pure.
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include <stddef.h>

/* Longer names are not compared. */
enum { NEAREST_NAME_MAX = 64 };

/* Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, or a large
 * number if either is longer than NEAREST_NAME_MAX. */
size_t nearest_distance(const char *a, const char *b);

/* A search in steps: init, offer each name, then ask for the best. */
struct nearest {
    const char *wanted;
    char best[NEAREST_NAME_MAX + 1]; /* a copy; empty while nothing is close enough */
    size_t distance;
};

void nearest_init(struct nearest *nearest, const char *wanted);
void nearest_offer(struct nearest *nearest, const char *name);
/* NULL if no name was within a third of the longer of the two. */
const char *nearest_best(const struct nearest *nearest);

#endif
