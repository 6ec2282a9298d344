/*
 * CRC-32C by the processor's instruction where there is one, else by a table. Both give the same.
 */
#include "aggregator/core/crc32c.h"

#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

/* The CRC of each half byte, polynomial 0x82F63B78 (bit-reversed). */
static const uint32_t nibble_table[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

static uint32_t update_by_table(uint32_t crc, const uint8_t *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= ptr[i];
        crc = nibble_table[crc & 15] ^ (crc >> 4);
        crc = nibble_table[crc & 15] ^ (crc >> 4);
    }
    return crc;
}

#if defined(__x86_64__)

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) static uint32_t
update_by_instruction(uint32_t crc, const uint8_t *ptr, size_t len)
{
    uint64_t wide = crc;

    for (; len >= sizeof(uint64_t); ptr += sizeof(uint64_t), len -= sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, ptr, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; ptr++, len--)
        crc = __builtin_ia32_crc32qi(crc, *ptr);
    return crc;
}

#elif defined(__ARM_FEATURE_CRC32)

static bool has_instruction(void)
{
    return true;
}

static uint32_t update_by_instruction(uint32_t crc, const uint8_t *ptr, size_t len)
{
    for (; len >= sizeof(uint64_t); ptr += sizeof(uint64_t), len -= sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, ptr, sizeof word);
        crc = __crc32cd(crc, word);
    }
    for (; len > 0; ptr++, len--)
        crc = __crc32cb(crc, *ptr);
    return crc;
}

#else

static bool has_instruction(void)
{
    return false;
}

static uint32_t update_by_instruction(uint32_t crc, const uint8_t *ptr, size_t len)
{
    return update_by_table(crc, ptr, len);
}

#endif

uint32_t crc32c_extend(uint32_t crc, struct bytes content)
{
    crc = ~crc;
    crc = has_instruction() ? update_by_instruction(crc, content.ptr, content.len)
                            : update_by_table(crc, content.ptr, content.len);
    return ~crc;
}

uint32_t crc32c(struct bytes content)
{
    return crc32c_extend(0, content);
}
