/*
 * A pull reader of JSON for what this program writes itself: statements of parts, inputs,
 * manifests.
 *
 * Strict and small: UTF-8 text, 64-bit integers (no fractions, no exponents), nesting up to
 * JSON_DEPTH_MAX, nothing after the value. Pure and without allocation. The reader is sticky: after
 * the first error every call returns nothing and json_finish tells the error, so that callers need
 * no checks between:
 *
 *     json_object_begin(r);
 *     while (json_object_next(r, &key)) {
 *         if (json_key_is(key, "hour"))
 *             hour = json_get_int(r);
 *         else
 *             json_skip(r);
 *     }
 */
#ifndef AGGREGATOR_RATING_JSON_READER_H
#define AGGREGATOR_RATING_JSON_READER_H

#include "common/bytes.h"
#include "common/err.h"

enum { JSON_DEPTH_MAX = 16 };

struct json_reader {
    struct bytes rest;
    uint32_t depth;
    bool fresh; /* just behind a '{' or '[' */
    enum err error;
    uint8_t *text; /* where strings with escapes are unescaped to; NULL: only counted */
    size_t text_cap, text_len;
};

struct json_reader json_reader_over(struct bytes json, uint8_t *text, size_t text_cap);

void json_object_begin(struct json_reader *r);
/* True: *key is the next member's raw name and its value follows. False: the object is over. */
bool json_object_next(struct json_reader *r, struct bytes *key);
void json_array_begin(struct json_reader *r);
/* True: an element follows. False: the array is over. */
bool json_array_next(struct json_reader *r);

int64_t json_get_int(struct json_reader *r);
/* json_get_int within [min, max], otherwise ERR_LIMIT. */
int64_t json_get_int_in(struct json_reader *r, int64_t min, int64_t max);
bool json_get_bool(struct json_reader *r);
/* Points into the input, or into `text` where it had escapes. With `text` NULL the content of a
 * string that has escapes is not to be used. ERR_CAPACITY: `text` is too small. */
struct bytes json_get_string(struct json_reader *r);
/* Consumes a null if one is next. */
bool json_take_null(struct json_reader *r);
void json_skip(struct json_reader *r);

bool json_key_is(struct bytes key, const char *name);
/* Makes the reader fail, for values that are JSON but not what the format allows. */
void json_fail(struct json_reader *r, enum err error);
/* The first error, or ERR_MALFORMED when something is left over. */
enum err json_finish(const struct json_reader *r) MUST_CHECK;

#endif
