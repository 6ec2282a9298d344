/*
 * Sorting in place without allocation (the C library's qsort may call malloc). Heap sort: n log n
 * always, whatever the input. Not stable: compare until nothing is equal.
 */
#ifndef AGGREGATOR_RATING_SORT_H
#define AGGREGATOR_RATING_SORT_H

#include <stddef.h>

enum { SORT_ITEM_MAX = 256 }; /* bytes of one item */

typedef int sort_compare(const void *a, const void *b);

void sort_items(void *items, size_t n, size_t item_bytes, sort_compare *compare);

#endif
