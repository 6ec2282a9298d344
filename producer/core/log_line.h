/*
 * Lines of nitro_enclaves.log become statements: strict grammar, by message text, never by
 * file:line. What the statements mean together is tracker.h's. Everything not understood is counted
 * by reason and skipped; the content of the log is hostile and never reaches an assertion.
 *
 *     log_parser_line(&parser, line, cut, observed_ms);
 *     while (log_parser_next(&parser, &statement)) …
 *
 * Records: `[TAG][LEVEL][YYYY-MM-DDTHH:MM:SS.mmmZ][file:line] message`. One line usually is one
 * record; a full disk cuts a record in mid-line and the next one is glued on, so a line may hold
 * several. A record of level ERROR with an E-code is a *block* of lines that ends with the line
 * about the support ticket; its text is not escaped and may carry whatever a user passed to
 * nitro-cli, complete records included. So a record that stands inside an open block is `suspect`.
 *
 * Who may say what:
 *     nitro-cli:<pid>      STALE_SOCKET, nothing else
 *     enc-xxxxxxx:<pid>    all statements of a start; markers and ends of an enclave without ID
 *     enc-<slot>:<pid>     life, markers, ends
 */
#ifndef PRODUCER_CORE_LOG_LINE_H
#define PRODUCER_CORE_LOG_LINE_H

#include "producer/core/evidence.h"

enum {
    LOG_LINE_MAX = 1024 * 1024,  /* longer lines come with `cut` and are skipped */
    LOG_BLOCK_LINES_MAX = 256,   /* an ERROR block longer than this is taken for closed */
    LOG_BLOCK_MS_MAX = 5000,     /* a record this much later than the ERROR is not in its block */
    LOG_ENCLAVE_ID_MAX = 64,     /* bytes of "i-…-enc…" */
    LOG_ALLOCATED_SIZES_MAX = 8, /* page sizes in one "Allocated" line */
};

/* Why something was skipped, or repaired. Names are the fields of `log_stats` in text. */
#define LOG_STAT_TABLE(X)                                                                          \
    X(LINES, "lines", "lines read")                                                                \
    X(RECORDS, "records", "records with a valid header")                                           \
    X(STATEMENTS, "statements", "records that say something about an enclave")                     \
    X(SILENT, "silent", "records known to say nothing")                                            \
    X(CONTINUATION, "continuation", "lines that continue an ERROR record")                         \
    X(UNKNOWN_MESSAGE, "unknown_message", "records whose message is not known")                    \
    X(UNKNOWN_TAG, "unknown_tag", "records of an unknown writer")                                  \
    X(WRONG_WRITER, "wrong_writer", "statements by a writer that may not make them: not counted")  \
    X(NO_HEADER, "no_header", "lines without a valid header outside of ERROR records")             \
    X(CUT_RECORD, "cut_record", "records cut in mid-line with another one glued on")               \
    X(TOO_LONG, "too_long", "lines longer than 1 MiB")                                             \
    X(BAD_RUN_ARGS, "bad_run_args", "run arguments that are not Rust debug text")                  \
    X(SHORTENED, "shortened", "run arguments with a string cut to 4096 bytes")                     \
    X(NULS, "nuls", "lines with NULs before them")                                                 \
    X(SUSPECT, "suspect", "statements inside the text of an ERROR record")

#define X(name, text, help) LOG_STAT_##name,
enum log_stat { LOG_STAT_TABLE(X) LOG_STAT_N };
#undef X

struct log_stats {
    uint64_t n[LOG_STAT_N];
};

const char *log_stat_name(enum log_stat stat);
const char *log_stat_help(enum log_stat stat);

/* One per log file, or one for all: then a block that is read in two parts loses its suspicion. */
struct log_parser {
    struct log_stats stats;

    /* the open ERROR block */
    bool block_open;
    bool block_has_code; /* ends with the line about the support ticket */
    int64_t block_time_ms;
    uint32_t block_lines;

    /* what is left of the line; borrowed from the caller of log_parser_line */
    struct bytes rest;
    bool at_line_start;
    int64_t observed_ms;

    /* what statement slices point to */
    uint8_t text[2 * EVENT_STRING_MAX];
    int32_t cpu_ids[RUN_ARGS_CPU_IDS_MAX];
};

void log_parser_init(struct log_parser *parser);

/* Starts a line (without its newline). `cut`: it was longer than LOG_LINE_MAX. `observed_ms` 0: the
 * statement's own time. The line must live until log_parser_next has returned false. */
void log_parser_line(struct log_parser *parser, struct bytes line, bool cut, int64_t observed_ms);

/* The next statement of the line; its slices live until the next call. false: no more. */
bool log_parser_next(struct log_parser *parser, struct statement *statement);

#endif
