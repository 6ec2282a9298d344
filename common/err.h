/*
 * Error codes and the text that goes with them.
 *
 * Every function that can fail returns `enum err`. What a person reads (which file, line, key,
 * offset, and what to do next) goes into a caller's `struct err_detail`; the code is for the
 * program, the detail for the person. Assertions are for bugs, errors for the world.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stddef.h>

/* code, name, general text */
#define ERR_TABLE(X)                                                                               \
    X(ERR_OK, "ok", "no error")                                                                    \
    X(ERR_CAPACITY, "capacity", "the caller's buffer or arena is too small; nothing was changed")  \
    X(ERR_TRUNCATED, "truncated", "the input ends before the value does")                          \
    X(ERR_MALFORMED, "malformed", "the input is not what its format allows")                       \
    X(ERR_LIMIT, "limit", "the input exceeds a stated limit")                                      \
    X(ERR_UNSUPPORTED, "unsupported", "the input is valid but not known to this version")          \
    X(ERR_CHECKSUM, "checksum", "the checksum does not match the content")                         \
    X(ERR_NOT_FOUND, "not_found", "it does not exist")                                             \
    X(ERR_EXISTS, "exists", "it exists already")                                                   \
    X(ERR_CONFLICT, "conflict", "it exists already with other content")                            \
    X(ERR_CONFIG, "config", "the configuration is not valid")                                      \
    X(ERR_USAGE, "usage", "the command line is not valid")                                         \
    X(ERR_IO, "io", "a file operation failed")                                                     \
    X(ERR_NO_SPACE, "no_space", "no space is left")                                                \
    X(ERR_NOMEM, "nomem", "out of memory")                                                         \
    X(ERR_KAFKA, "kafka", "the Kafka client reported an error")                                    \
    X(ERR_FENCED, "fenced", "another process owns this partition now")                             \
    X(ERR_INCIDENT, "incident", "durable data contradicts itself; a person must look")             \
    X(ERR_AGAIN, "again", "not now; try again later")                                              \
    X(ERR_CLOSED, "closed", "it was closed")

enum err {
#define X(code, name, text) code,
    ERR_TABLE(X)
#undef X
        ERR_N
};

#define MUST_CHECK __attribute__((warn_unused_result))

enum { ERR_DETAIL_MAX = 512 };

/* What happened, to what, and what to do next: one line, NUL-terminated, truncated with "…". */
struct err_detail {
    char text[ERR_DETAIL_MAX];
};

/* Short name ("checksum") and general text of a code; never NULL. */
const char *err_name(enum err code);
const char *err_text(enum err code);

/* Formats into `detail` (may be NULL) and returns `code`, so that a failing function can end with
 * `return err_set(detail, ERR_MALFORMED, "…", …)`. */
enum err err_set(struct err_detail *detail, enum err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
