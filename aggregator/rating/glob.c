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

/* The character at the start of `text`: a UTF-8 sequence, or one byte of what is none. Everything
 * but a star takes exactly one character, which is what makes retrying the last star enough. */
static struct bytes first_character(struct bytes text)
{
    size_t n = 1;

    if (text.ptr[0] >= 0xc0) {
        while (n < 4 && n < text.len && (text.ptr[n] & 0xc0) == 0x80)
            n++;
    }
    return bytes_of(text.ptr, n);
}

/* Takes the next item of a set, a character or a range: from ≤ to, unless the range is backwards.
 */
static void next_item(struct bytes *set, struct bytes *from, struct bytes *to)
{
    *from = *to = first_character(*set);
    *set = bytes_skip(*set, from->len);
    if (set->len > 1 && set->ptr[0] == '-') {
        *to = first_character(bytes_skip(*set, 1));
        *set = bytes_skip(*set, 1 + to->len);
    }
}

/* `set` is what stands between '[' and ']', behind a '!' if there was one. UTF-8 sorts by bytes as
 * its code points do. */
static bool set_contains(struct bytes set, struct bytes character)
{
    while (set.len > 0) {
        struct bytes from, to;

        next_item(&set, &from, &to);
        if (bytes_compare(from, character) <= 0 && bytes_compare(character, to) <= 0)
            return true;
    }
    return false;
}

/* The inside of the set of `n` bytes at the start of `pattern`. */
static struct bytes inside(struct bytes pattern, size_t n, bool *negated)
{
    *negated = pattern.ptr[1] == '!';
    return bytes_of(pattern.ptr + 1 + *negated, n - 2 - *negated);
}

/* Does the element at the start of the pattern, not a star, match the character? *n: its length. */
static bool match_one(struct bytes pattern, struct bytes character, size_t *n)
{
    bool negated;

    if (pattern.ptr[0] == '[') {
        *n = set_length(pattern);
        struct bytes set = inside(pattern, *n, &negated);

        return set_contains(set, character) != negated;
    }
    struct bytes literal = first_character(pattern);

    *n = literal.len;
    return literal.ptr[0] == '?' || bytes_equal(literal, character);
}

bool glob_match(struct bytes pattern, struct bytes text)
{
    bool starred = false;
    struct bytes star_pattern = pattern, star_text = text;

    while (text.len > 0) {
        size_t n = 0;

        if (pattern.len > 0 && pattern.ptr[0] == '*') {
            pattern = bytes_skip(pattern, 1);
            starred = true;
            star_pattern = pattern;
            star_text = text;
        } else if (pattern.len > 0 && match_one(pattern, first_character(text), &n)) {
            pattern = bytes_skip(pattern, n);
            text = bytes_skip(text, first_character(text).len);
        } else if (starred) { /* the last star takes one character more */
            star_text = bytes_skip(star_text, first_character(star_text).len);
            pattern = star_pattern;
            text = star_text;
        } else {
            return false;
        }
    }
    while (pattern.len > 0 && pattern.ptr[0] == '*')
        pattern = bytes_skip(pattern, 1);
    return pattern.len == 0;
}

static enum err check_set(struct bytes set, struct err_detail *detail)
{
    while (set.len > 0) {
        struct bytes from, to;

        next_item(&set, &from, &to);
        if (bytes_compare(from, to) > 0)
            return err_set(detail, ERR_MALFORMED,
                           "a pattern has the range %.*s-%.*s, which is backwards",
                           BYTES_ARGS(from), BYTES_ARGS(to));
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
            bool negated;
            enum err e;

            n = set_length(pattern);
            if (n == 0)
                return err_set(detail, ERR_MALFORMED, "a pattern has a '[' without its ']'");
            e = check_set(inside(pattern, n, &negated), detail);
            if (e != ERR_OK)
                return e;
        }
        pattern = bytes_skip(pattern, n);
    }
    return ERR_OK;
}
