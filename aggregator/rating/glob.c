/*
 * Patterns for names and paths; see the header.
 */
#include "aggregator/rating/glob.h"

/* The set at the start of `pattern` (its '[' included): its length with the ']', 0 if malformed.
 * A ']' that comes first in the set stands for itself, as in a shell. */
static size_t set_length(struct bytes pattern)
{
    size_t i = 1;

    if (i < pattern.len && pattern.ptr[i] == '!')
        i++;
    if (i < pattern.len && pattern.ptr[i] == ']')
        i++;
    while (i < pattern.len && pattern.ptr[i] != ']')
        i++;
    return i < pattern.len ? i + 1 : 0;
}

/* Bytes of the UTF-8 character at the start of `text`; 1 for what is none. */
static size_t character_length(struct bytes text)
{
    size_t n = 1;

    if (text.ptr[0] >= 0xc0) {
        while (n < 4 && n < text.len && (text.ptr[n] & 0xc0) == 0x80)
            n++;
    }
    return n;
}

/* `set` is what stands between '[' and ']', behind a '!' if there was one. Sets are of bytes. */
static bool set_contains(struct bytes set, uint8_t c)
{
    for (size_t i = 0; i < set.len; i++) {
        if (i + 2 < set.len && set.ptr[i + 1] == '-') {
            if (c >= set.ptr[i] && c <= set.ptr[i + 2])
                return true;
            i += 2;
        } else if (set.ptr[i] == c) {
            return true;
        }
    }
    return false;
}

/* Matches one element of the pattern that is not a star. *taken: bytes of text; 0: no match. */
static size_t match_one(struct bytes pattern, struct bytes text, size_t *taken)
{
    *taken = 0;
    if (pattern.ptr[0] == '?') {
        *taken = character_length(text);
        return 1;
    }
    if (pattern.ptr[0] != '[') {
        *taken = pattern.ptr[0] == text.ptr[0];
        return 1;
    }
    size_t n = set_length(pattern);
    bool negated = pattern.ptr[1] == '!';
    struct bytes set = bytes_of(pattern.ptr + 1 + negated, n - 2 - negated);

    if (negated) /* a whole character that is not in the set */
        *taken = set_contains(set, text.ptr[0]) ? 0 : character_length(text);
    else
        *taken = set_contains(set, text.ptr[0]);
    return n;
}

bool glob_match(struct bytes pattern, struct bytes text)
{
    bool starred = false;
    struct bytes star_pattern = pattern, star_text = text;

    while (text.len > 0) {
        size_t taken = 0, n = 0;

        if (pattern.len > 0 && pattern.ptr[0] == '*') {
            pattern = bytes_skip(pattern, 1);
            starred = true;
            star_pattern = pattern;
            star_text = text;
            continue;
        }
        if (pattern.len > 0)
            n = match_one(pattern, text, &taken);
        if (taken > 0) {
            pattern = bytes_skip(pattern, n);
            text = bytes_skip(text, taken);
            continue;
        }
        if (!starred)
            return false;
        star_text = bytes_skip(star_text, 1); /* the last star takes one byte more */
        pattern = star_pattern;
        text = star_text;
    }
    while (pattern.len > 0 && pattern.ptr[0] == '*')
        pattern = bytes_skip(pattern, 1);
    return pattern.len == 0;
}

static enum err check_set(struct bytes pattern, size_t n, struct err_detail *detail)
{
    bool negated = pattern.ptr[1] == '!';
    struct bytes set = bytes_of(pattern.ptr + 1 + negated, n - 2 - negated);

    for (size_t i = 0; i + 2 < set.len; i++) {
        if (set.ptr[i + 1] != '-')
            continue;
        if (set.ptr[i] > set.ptr[i + 2])
            return err_set(detail, ERR_MALFORMED,
                           "a pattern has the range %c-%c, which is backwards", set.ptr[i],
                           set.ptr[i + 2]);
        i += 2;
    }
    return ERR_OK;
}

enum err glob_check(struct bytes pattern, struct err_detail *detail)
{
    if (pattern.len > GLOB_PATTERN_MAX)
        return err_set(detail, ERR_LIMIT, "a pattern has %zu bytes; at most %d are allowed",
                       pattern.len, GLOB_PATTERN_MAX);
    while (pattern.len > 0) {
        size_t n = 1;

        if (pattern.ptr[0] == '[') {
            enum err e;

            n = set_length(pattern);
            if (n == 0)
                return err_set(detail, ERR_MALFORMED, "a pattern has a '[' without its ']'");
            e = check_set(pattern, n, detail);
            if (e != ERR_OK)
                return e;
        }
        pattern = bytes_skip(pattern, n);
    }
    return ERR_OK;
}
