/*
 * The header of a log record: `[TAG][LEVEL][time][file:line] `. Private to the log parser.
 */
#ifndef PRODUCER_CORE_LOG_HEADER_H
#define PRODUCER_CORE_LOG_HEADER_H

#include <stdint.h>

#include "common/bytes.h"

enum {
    LOG_FILE_NAME_MAX = 4096, /* bytes of file:line; may be an absolute path */
};

enum log_writer {
    LOG_WRITER_UNKNOWN, /* a tag of another form */
    LOG_WRITER_CLI,     /* nitro-cli:<pid> */
    LOG_WRITER_UNNAMED, /* enc-xxxxxxx:<pid>: an enclave process without an ID yet */
    LOG_WRITER_ENCLAVE, /* enc-<slot>:<pid> */
};

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE
};

struct log_header {
    enum log_writer writer;
    enum log_level level;
    int64_t pid;
    uint64_t slot; /* LOG_WRITER_ENCLAVE */
    int64_t time_ms;
};

enum log_header_match {
    LOG_HEADER_NO,    /* not a header */
    LOG_HEADER_BEGUN, /* the text ends before the header does: cut */
    LOG_HEADER_COMPLETE,
};

/* `len`: bytes up to the message, if COMPLETE. */
enum log_header_match log_header_read(struct bytes text, struct log_header *header, size_t *len);

/* The first complete header at or after `from`; text.len if there is none. */
size_t log_header_find(struct bytes text, size_t from);

/* Hex without leading zeros or upper case, not 0; false if that is not all of `text`. */
bool log_slot_parse(struct bytes text, uint64_t *slot);

#endif
