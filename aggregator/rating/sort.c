/*
 * Heap sort; see the header.
 */
#include "aggregator/rating/sort.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct heap {
    uint8_t *items;
    size_t item_bytes;
    sort_compare *compare;
};

static uint8_t *item(const struct heap *h, size_t i)
{
    return h->items + i * h->item_bytes;
}

static void swap(const struct heap *h, size_t i, size_t j)
{
    uint8_t held[SORT_ITEM_MAX];

    memcpy(held, item(h, i), h->item_bytes);
    memcpy(item(h, i), item(h, j), h->item_bytes);
    memcpy(item(h, j), held, h->item_bytes);
}

/* Lets item `i` sink until both its children in [0, n) are smaller. */
static void sink(const struct heap *h, size_t i, size_t n)
{
    for (size_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && h->compare(item(h, child), item(h, child + 1)) < 0)
            child++;
        if (h->compare(item(h, i), item(h, child)) >= 0)
            return;
        swap(h, i, child);
        i = child;
    }
}

void sort_items(void *items, size_t n, size_t item_bytes, sort_compare *compare)
{
    struct heap h = {items, item_bytes, compare};

    assert(item_bytes <= SORT_ITEM_MAX);
    for (size_t i = n / 2; i-- > 0;)
        sink(&h, i, n);
    for (size_t last = n; last-- > 1;) {
        swap(&h, 0, last);
        sink(&h, 0, last);
    }
}
