/*
 * Rust `Debug` text of nitro-cli's RunEnclavesArgs, of any version: fields in any order, unknown
 * fields of any shape skipped, strings unescaped. Not a parser for Rust; just what `{:?}` prints.
 */
#ifndef PRODUCER_CORE_RUST_DEBUG_H
#define PRODUCER_CORE_RUST_DEBUG_H

#include "common/err.h"
#include "producer/core/evidence.h"

enum {
    RUST_DEBUG_DEPTH_MAX = 16, /* nesting of values */
    RUST_DEBUG_NAME_MAX = 64,  /* bytes of an identifier */
};

/* Where the results go. */
struct rust_debug_memory {
    uint8_t *text;    /* 2 × EVENT_STRING_MAX: the path, then the name */
    int32_t *cpu_ids; /* RUN_ARGS_CPU_IDS_MAX */
};

/* Where parsing stopped on ERR_MALFORMED. */
struct rust_debug_failure {
    size_t at;
    bool in_string; /* between quotation marks: what follows may be anybody's text */
};

/*
 * `text` is all of "RunEnclavesArgs { … }". Strings longer than EVENT_STRING_MAX are cut at a
 * character and `shortened` is set; bytes that are not UTF-8 become U+FFFD. ERR_MALFORMED.
 */
enum err rust_debug_run_args(struct bytes text, const struct rust_debug_memory *memory,
                             struct run_args *args, struct rust_debug_failure *failure) MUST_CHECK;

#endif
