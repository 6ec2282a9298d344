/*
 * Patterns for names and paths: `*` any bytes ('/' too), `?` one character, `[a-z_]` one character
 * of a set, `[!a-z]` one not of it. Anything else stands for itself; `[*]` is a literal star. Pure,
 * and at worst |pattern| × |text| steps: there is no recursion and only the last star is retried.
 */
#ifndef AGGREGATOR_RATING_GLOB_H
#define AGGREGATOR_RATING_GLOB_H

#include "common/bytes.h"
#include "common/err.h"

enum { GLOB_PATTERN_MAX = 1024 };

/* ERR_MALFORMED: a '[' without its ']' (an empty set is one), or a range that runs backwards;
 * ERR_LIMIT. */
enum err glob_check(struct bytes pattern, struct err_detail *detail) MUST_CHECK;

/* Does the whole text match? `pattern` must have passed glob_check. */
bool glob_match(struct bytes pattern, struct bytes text);

#endif
