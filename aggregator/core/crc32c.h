/*
 * CRC-32C (Castagnoli), the checksum of checkpoint sections and of the record at which a checkpoint
 * was taken (R16). Not a defence against an adversary. Pure.
 */
#ifndef AGGREGATOR_CORE_CRC32C_H
#define AGGREGATOR_CORE_CRC32C_H

#include "common/bytes.h"

/* Of one slice: 0xE3069283 for "123456789". */
uint32_t crc32c(struct bytes content);

/* Continues `crc` (0 at the start), so that crc32c_extend(crc32c(a), b) is the CRC of a then b. */
uint32_t crc32c_extend(uint32_t crc, struct bytes content);

#endif
