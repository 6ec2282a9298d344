/*
 * Any bytes as a saved state: an error or a state that can be saved again; never a crash. (In
 * service a checkpoint's CRC stands before this.)
 */
#include <stdlib.h>

#include "aggregator/core/partition.h"

enum { BLOCK_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t saved[1 << 20];
    struct partition_capacity c;
    struct partition *p;
    struct err_detail detail;
    size_t n;

    if (partition_saved_capacity(bytes_of(data, size), &c) != ERR_OK ||
        partition_bytes(&c) > BLOCK_MAX)
        return 0;
    void *memory = aligned_alloc(16, partition_bytes(&c));
    if (partition_load(bytes_of(data, size), memory, &c, &p, &detail) == ERR_OK &&
        partition_save(p, saved, sizeof saved, &n) == ERR_CAPACITY && n < sizeof saved)
        abort();
    free(memory);
    return 0;
}
