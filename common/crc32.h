/*
 * CRC-32C (Castagnoli, reflected, as in iSCSI and ext4) for journals and checkpoints. Pure.
 */
#ifndef COMMON_CRC32_H
#define COMMON_CRC32_H

#include <stdint.h>

#include "common/bytes.h"

/* Continues `crc` (0 at the start) over `bytes`: crc32c(crc32c(0, a), b) is that of a and b joined.
 * "123456789" gives 0xE3069283. */
uint32_t crc32c(uint32_t crc, struct bytes bytes);

#endif
