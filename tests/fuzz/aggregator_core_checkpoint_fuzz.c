/*
 * Any bytes as a checkpoint: an error or a checkpoint that encodes to the same bytes again. The
 * checksums are mended first, else nothing behind them would ever be reached.
 */
#include <assert.h>
#include <stdlib.h>

#include "aggregator/core/checkpoint.h"
#include "common/crc32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAGIC_BYTES = 8, CRC_AT = 12, HEADER_BYTES = 16 };

static void mend_checksums(uint8_t *file, size_t size)
{
    size_t at = MAGIC_BYTES;

    while (at + HEADER_BYTES <= size) {
        uint64_t len = 0;

        for (unsigned i = 0; i < 8; i++)
            len |= (uint64_t)file[at + 4 + i] << (8 * i);
        if (len > size - at - HEADER_BYTES)
            return;
        uint32_t crc = crc32c(crc32c(0, bytes_of(file + at, CRC_AT)),
                              bytes_of(file + at + HEADER_BYTES, (size_t)len));
        for (unsigned i = 0; i < 4; i++)
            file[at + CRC_AT + i] = (uint8_t)(crc >> (8 * i));
        at += HEADER_BYTES + (size_t)len;
    }
}

static void try_file(struct bytes file)
{
    static struct checkpoint_effect outbox[CHECKPOINT_OUTBOX_MAX];
    struct checkpoint c;
    struct err_detail detail;
    size_t len;

    if (checkpoint_decode(file, &c, outbox, CHECKPOINT_OUTBOX_MAX, &detail) != ERR_OK)
        return;
    assert(checkpoint_encoded_bytes(&c) == file.len);
    uint8_t *again = malloc(file.len);
    assert(again != NULL);
    enum err e = checkpoint_encode(&c, again, file.len, &len);
    assert(e == ERR_OK && bytes_equal(file, bytes_of(again, len)));
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    try_file(bytes_of(copy, size));
    mend_checksums(copy, size);
    try_file(bytes_of(copy, size));
    free(copy);
    return 0;
}
