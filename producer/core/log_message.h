/*
 * The messages of nitro-cli that are not errors, as a table of patterns. Private to the log parser.
 * Source: aws-nitro-enclaves-cli v1.0.10 … v1.5.0, whose texts are the same throughout.
 */
#ifndef PRODUCER_CORE_LOG_MESSAGE_H
#define PRODUCER_CORE_LOG_MESSAGE_H

#include "producer/core/evidence.h"
#include "producer/core/log_header.h"

enum log_message_match {
    LOG_MESSAGE_UNKNOWN,  /* of no known form; perhaps cut in mid-line */
    LOG_MESSAGE_SILENT,   /* known, says nothing about an enclave */
    LOG_MESSAGE_FOREIGN,  /* known, but not from this writer: says nothing */
    LOG_MESSAGE_RUN_ARGS, /* "Run args = …": the text is rust_debug.h's */
    LOG_MESSAGE_SAYS,     /* `statement` is filled: kind, and what belongs to the kind */
};

extern const struct bytes log_message_run_args; /* "Run args = " */

/* Slices of `statement` point into `message`. */
enum log_message_match log_message_read(const struct log_header *header, struct bytes message,
                                        struct statement *statement);

#endif
