/*
 * UTF-8, one character at a time.
 */
#include "common/utf8.h"

/* The length that a lead byte announces and the least code point allowed for it; 0: not a lead. */
static size_t lead_length(uint8_t lead, uint32_t *least)
{
    if (lead < 0x80) {
        *least = 0;
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        *least = 0x80;
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *least = 0x800;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *least = 0x10000;
        return 4;
    }
    return 0;
}

uint32_t utf8_next(struct bytes text, size_t *len)
{
    static const uint8_t lead_mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t least = 0;
    size_t n = lead_length(text.ptr[0], &least);

    *len = 1;
    if (n == 0 || n > text.len)
        return UTF8_INVALID;
    uint32_t c = text.ptr[0] & lead_mask[n];
    for (size_t i = 1; i < n; i++) {
        if ((text.ptr[i] & 0xC0) != 0x80)
            return UTF8_INVALID;
        c = c << 6 | (text.ptr[i] & 0x3F);
    }
    if (c < least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return UTF8_INVALID;
    *len = n;
    return c;
}

bool utf8_is_valid(struct bytes text)
{
    for (size_t len; text.len > 0; text = bytes_skip(text, len))
        if (utf8_next(text, &len) == UTF8_INVALID)
            return false;
    return true;
}

bool utf8_is_printable(uint32_t c)
{
    bool control = c < 0x20 || (c >= 0x7F && c <= 0x9F);
    bool line_break = c == 0x2028 || c == 0x2029;
    bool direction = c == 0x200E || c == 0x200F || c == 0x061C || (c >= 0x202A && c <= 0x202E) ||
                     (c >= 0x2066 && c <= 0x2069);
    bool special = c == 0xFEFF || (c & 0xFFFE) == 0xFFFE;

    return !control && !line_break && !direction && !special && c <= 0x10FFFF;
}

struct bytes utf8_prefix(struct bytes text, size_t max)
{
    if (text.len <= max)
        return text;
    /* Go back over continuation bytes, at most three: longer rows of them are not UTF-8 anyway. */
    size_t cut = max;
    for (int i = 0; i < 3 && cut > 0 && (text.ptr[cut] & 0xC0) == 0x80; i++)
        cut--;
    if ((text.ptr[cut] & 0xC0) == 0x80)
        cut = max;
    return bytes_of(text.ptr, cut);
}
