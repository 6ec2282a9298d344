/*
 * Any pattern and any text (a NUL between them): a pattern that is accepted matches exactly what a
 * plain table of all prefixes says.
 */
#include <stdlib.h>

#include "aggregator/rating/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE_MAX = 200 };

static size_t character(struct bytes t)
{
    size_t n = 1;

    while (t.ptr[0] >= 0xc0 && n < 4 && n < t.len && (t.ptr[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Length of the element at the start of `p`; *fits: it matches the character `c`. */
static size_t element(struct bytes p, struct bytes c, bool *fits)
{
    size_t n = character(p);

    if (p.ptr[0] != '[') {
        *fits = p.ptr[0] == '?' || bytes_equal(bytes_of(p.ptr, n), c);
        return n;
    }
    bool negated = p.ptr[1] == '!', in = false;
    size_t first = negated ? 2 : 1;

    for (n = first + 1; p.ptr[n] != ']'; n++)
        ;
    for (size_t i = first; i < n;) {
        struct bytes from = bytes_of(p.ptr + i, character(bytes_of(p.ptr + i, n - i))), to = from;

        i += from.len;
        if (i + 1 < n && p.ptr[i] == '-') {
            to = bytes_of(p.ptr + i + 1, character(bytes_of(p.ptr + i + 1, n - i - 1)));
            i += 1 + to.len;
        }
        in = in || (bytes_compare(from, c) <= 0 && bytes_compare(c, to) <= 0);
    }
    *fits = in != negated;
    return n + 1;
}

/* reach[i]: the pattern so far can end before byte i of the text. */
static bool table_match(struct bytes pattern, struct bytes text)
{
    bool reach[SIDE_MAX + 1] = {true};

    while (pattern.len > 0) {
        bool next[SIDE_MAX + 1] = {false};
        bool star = pattern.ptr[0] == '*';
        size_t n = 1;

        for (size_t i = 0, len; i <= text.len; i += len) {
            len = i < text.len ? character(bytes_skip(text, i)) : 1;
            bool fits = false;

            n = star ? 1 : element(pattern, bytes_of(text.ptr + i, i < text.len ? len : 0), &fits);
            next[i] = next[i] || (star && reach[i]);
            if (i < text.len && ((star && next[i]) || (!star && reach[i] && fits)))
                next[i + len] = true;
        }
        memcpy(reach, next, sizeof reach);
        pattern = bytes_skip(pattern, n);
    }
    return reach[text.len];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;

    if (nul == NULL)
        return 0;
    struct bytes pattern = bytes_of(data, (size_t)(nul - data));
    struct bytes text = bytes_of(nul + 1, size - pattern.len - 1);

    if (pattern.len > SIDE_MAX || text.len > SIDE_MAX || glob_check(pattern, NULL) != ERR_OK)
        return 0;
    if (glob_match(pattern, text) != table_match(pattern, text))
        abort();
    return 0;
}
