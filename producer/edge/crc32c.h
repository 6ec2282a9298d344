/*
 * CRC-32C (Castagnoli), for the journal and for recognising log files. Not for secrets.
 */
#ifndef PRODUCER_EDGE_CRC32C_H
#define PRODUCER_EDGE_CRC32C_H

#include "common/bytes.h"

/* Continues `crc` over `data`; start with 0. crc32c(crc32c(0, a), b) is the CRC of a then b. */
uint32_t crc32c(uint32_t crc, struct bytes data);

#endif
