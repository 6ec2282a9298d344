/*
 * Cuts lines into records, keeps track of ERROR blocks and of glued records, and hands messages to
 * log_message.c and rust_debug.c; see log_line.h.
 *
 * Glued records. A cut is looked for only where the grammar says that something is missing: an
 * unfinished header, a message of no known form, run args that end outside of a string. Text in
 * quotation marks and the text of ERROR records may hold anything a user likes, so it is never
 * searched for records. What was cut says nothing, unless only its newline is missing.
 */
#include "producer/core/log_line.h"

#include "common/time_text.h"
#include "producer/core/log_header.h"
#include "producer/core/log_message.h"
#include "producer/core/rust_debug.h"

enum {
    SUPPORT_LINE_MS_MAX = 10, /* the path in a block's last line bears the time of its record */
    SUPPORT_TIME_LEN = 23,    /* "2026-11-21T00:23:55.201" */
};

static const struct bytes boot_wait_failed =
    BYTES_LITERAL("Waiting on enclave to boot failed with error ");
static const struct bytes support_line =
    BYTES_LITERAL("If you open a support ticket, please provide the error log found at ");

#define X(name, text, help) {text, help},
static const struct {
    const char *name;
    const char *help;
} stat_rows[LOG_STAT_N] = {LOG_STAT_TABLE(X)};
#undef X

const char *log_stat_name(enum log_stat stat)
{
    return (unsigned)stat < LOG_STAT_N ? stat_rows[stat].name : "unknown";
}

const char *log_stat_help(enum log_stat stat)
{
    return (unsigned)stat < LOG_STAT_N ? stat_rows[stat].help : "unknown";
}

void log_parser_init(struct log_parser *parser)
{
    memset(parser, 0, sizeof *parser);
}

static void count(struct log_parser *p, enum log_stat stat)
{
    p->stats.n[stat]++;
}

void log_parser_line(struct log_parser *p, struct bytes line, bool cut, int64_t observed_ms)
{
    count(p, LOG_STAT_LINES);
    p->observed_ms = observed_ms;
    p->at_line_start = true;
    p->rest = bytes_of(NULL, 0);
    if (p->block_open && ++p->block_lines > LOG_BLOCK_LINES_MAX)
        p->block_open = false;
    if (cut || line.len > LOG_LINE_MAX) {
        count(p, LOG_STAT_TOO_LONG);
        return;
    }
    if (line.len > 0 && line.ptr[0] == '\0') {
        count(p, LOG_STAT_NULS); /* a hole: copytruncate while a writer had its old offset */
        while (line.len > 0 && line.ptr[0] == '\0')
            line = bytes_skip(line, 1);
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    p->rest = line;
}

/* The last line of a block names a file after the time of the record. Somebody who forges a block's
 * end would have to know that to the hundredth of a second. */
static bool closes_block(const struct log_parser *p, struct bytes line)
{
    static const struct bytes err = BYTES_LITERAL("err");
    char text[SUPPORT_TIME_LEN + 1];
    int64_t time_ms;

    if (!bytes_starts_with(line, support_line))
        return false;
    const uint8_t *slash = memrchr(line.ptr, '/', line.len);
    if (slash == NULL)
        return false;
    struct bytes name = bytes_skip(line, (size_t)(slash - line.ptr) + 1);
    if (!bytes_starts_with(name, err) || name.len < err.len + SUPPORT_TIME_LEN)
        return false;
    memcpy(text, name.ptr + err.len, SUPPORT_TIME_LEN);
    text[SUPPORT_TIME_LEN] = 'Z';
    if (time_text_parse(bytes_of(text, sizeof text), &time_ms) != ERR_OK)
        return false;
    return time_ms - p->block_time_ms <= SUPPORT_LINE_MS_MAX &&
           p->block_time_ms - time_ms <= SUPPORT_LINE_MS_MAX;
}

/* A line that does not start with a header. */
static void read_headless(struct log_parser *p)
{
    struct bytes line = p->rest;
    struct log_header header;
    size_t len;

    p->rest = bytes_of(NULL, 0);
    if (p->block_open) {
        count(p, LOG_STAT_CONTINUATION);
        if (p->block_has_code && closes_block(p, line))
            p->block_open = false;
        return;
    }
    size_t found = log_header_find(line, 1);
    if (found < line.len &&
        log_header_read(bytes_of(line.ptr, found), &header, &len) == LOG_HEADER_BEGUN) {
        count(p, LOG_STAT_CUT_RECORD);
        p->rest = bytes_skip(line, found);
        return;
    }
    count(p, LOG_STAT_NO_HEADER);
}

/* "[ E36 ] …" → "E36" */
static struct bytes error_code(struct bytes message)
{
    static const struct bytes open = BYTES_LITERAL("[ E"), close = BYTES_LITERAL(" ] ");
    size_t n = open.len;

    if (!bytes_starts_with(message, open))
        return bytes_of(NULL, 0);
    while (n < message.len && n < open.len + 3 && message.ptr[n] >= '0' && message.ptr[n] <= '9')
        n++;
    if (n == open.len || !bytes_starts_with(bytes_skip(message, n), close))
        return bytes_of(NULL, 0);
    return bytes_of(message.ptr + 2, n - 2);
}

static bool read_error(struct log_parser *p, const struct log_header *header, struct bytes message,
                       bool in_block, struct statement *statement)
{
    statement->text = error_code(message);
    if (!in_block) {
        p->block_open = true;
        p->block_has_code = statement->text.len > 0;
        p->block_time_ms = header->time_ms;
        p->block_lines = 0;
    }
    if (header->writer != LOG_WRITER_UNNAMED && header->writer != LOG_WRITER_ENCLAVE) {
        count(p, LOG_STAT_SILENT);
        return false;
    }
    statement->kind = STATEMENT_ERROR;
    statement->boot_wait_failed = bytes_starts_with(message, boot_wait_failed);
    return true;
}

/* The message is cut: goes on at the next record in the line, if there is one after `from`. Returns
 * what stands before it; empty if there is none. */
static struct bytes resync(struct log_parser *p, struct bytes message, size_t from,
                           enum log_stat otherwise)
{
    size_t found = log_header_find(message, from);

    if (found == message.len) {
        count(p, otherwise);
        return bytes_of(NULL, 0);
    }
    count(p, LOG_STAT_CUT_RECORD);
    p->rest = bytes_skip(message, found);
    return bytes_of(message.ptr, found);
}

static bool read_run_args(struct log_parser *p, struct bytes message, struct statement *statement)
{
    struct rust_debug_memory memory = {.text = p->text, .cpu_ids = p->cpu_ids};
    struct rust_debug_failure failure = {0};
    struct bytes text = bytes_skip(message, log_message_run_args.len);
    enum err err = rust_debug_run_args(text, &memory, &statement->args, &failure);

    if (err != ERR_OK && failure.in_string) {
        count(p, LOG_STAT_BAD_RUN_ARGS);
    } else if (err != ERR_OK) {
        struct bytes before = resync(p, text, failure.at, LOG_STAT_BAD_RUN_ARGS);
        err = rust_debug_run_args(before, &memory, &statement->args, &failure);
    }
    if (err != ERR_OK)
        return false;
    if (statement->args.shortened)
        count(p, LOG_STAT_SHORTENED);
    statement->kind = STATEMENT_RUN_ARGS;
    return true;
}

/* Whole sentences only: a number, an ID or a command may have lost its end. */
static bool read_cut_message(struct log_parser *p, const struct log_header *header,
                             struct bytes message, struct statement *statement)
{
    struct bytes before = resync(p, message, 0, LOG_STAT_UNKNOWN_MESSAGE);

    return before.len > 0 &&
           (before.ptr[before.len - 1] == '.' || before.ptr[before.len - 1] == '!') &&
           log_message_read(header, before, statement) == LOG_MESSAGE_SAYS;
}

/* A record whose header was read; `message` is the rest of the line. */
static bool read_record(struct log_parser *p, const struct log_header *header, struct bytes message,
                        struct statement *statement)
{
    p->rest = bytes_of(NULL, 0);
    count(p, LOG_STAT_RECORDS);
    if (p->block_open &&
        (!p->block_has_code || header->time_ms - p->block_time_ms >= LOG_BLOCK_MS_MAX))
        p->block_open = false;
    *statement = (struct statement){
        .source = EVIDENCE_LOG,
        .time_ms = header->time_ms,
        .observed_ms = p->observed_ms != 0 ? p->observed_ms : header->time_ms,
        .pid = header->pid,
        .slot = header->slot,
        .suspect = p->block_open,
    };
    if (header->writer == LOG_WRITER_CLI)
        statement->pid = 0; /* that of a command, not of an enclave process */
    if (header->writer == LOG_WRITER_UNKNOWN) {
        count(p, LOG_STAT_UNKNOWN_TAG);
        return false;
    }
    if (header->level == LOG_LEVEL_ERROR)
        return read_error(p, header, message, p->block_open, statement);
    switch (log_message_read(header, message, statement)) {
    case LOG_MESSAGE_SAYS: return true;
    case LOG_MESSAGE_RUN_ARGS: return read_run_args(p, message, statement);
    case LOG_MESSAGE_SILENT: count(p, LOG_STAT_SILENT); return false;
    case LOG_MESSAGE_FOREIGN: count(p, LOG_STAT_WRONG_WRITER); return false;
    case LOG_MESSAGE_UNKNOWN: return read_cut_message(p, header, message, statement);
    }
    return false;
}

bool log_parser_next(struct log_parser *p, struct statement *statement)
{
    struct log_header header;
    size_t len;

    if (p->at_line_start && p->rest.len == 0 && p->block_open)
        count(p, LOG_STAT_CONTINUATION); /* blocks hold blank lines */
    p->at_line_start = false;
    while (p->rest.len > 0) {
        if (log_header_read(p->rest, &header, &len) != LOG_HEADER_COMPLETE) {
            read_headless(p);
            continue;
        }
        if (!read_record(p, &header, bytes_skip(p->rest, len), statement))
            continue;
        count(p, LOG_STAT_STATEMENTS);
        if (statement->suspect)
            count(p, LOG_STAT_SUSPECT);
        return true;
    }
    return false;
}
