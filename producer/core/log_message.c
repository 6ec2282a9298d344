/*
 * Matches one message against the table of known ones; see log_message.h. Every pattern must match
 * the whole message: what is merely similar is unknown.
 */
#include "producer/core/log_message.h"

#include "producer/core/log_line.h"

const struct bytes log_message_run_args = BYTES_LITERAL("Run args = ");

enum writers {
    BY_CLI = 1u << LOG_WRITER_CLI,
    BY_UNNAMED = 1u << LOG_WRITER_UNNAMED,
    BY_ENCLAVE = 1u << LOG_WRITER_ENCLAVE,
    BY_PROCESS = BY_UNNAMED | BY_ENCLAVE,
};

/* Reads what stands between a pattern's prefix and suffix; false: not such a message. */
typedef bool (*middle_fn)(const struct log_header *header, struct bytes middle,
                          struct statement *statement);

static bool take_number(struct bytes *text, uint64_t *value)
{
    uint64_t v = 0;
    size_t n = 0;

    while (n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9') {
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(text->ptr[n] - '0'), &v))
            return false;
        n++;
    }
    *text = bytes_skip(*text, n);
    *value = v;
    return n > 0;
}

static bool take_literal(struct bytes *text, const char *literal)
{
    struct bytes b = bytes_of_string(literal);

    if (!bytes_starts_with(*text, b))
        return false;
    *text = bytes_skip(*text, b.len);
    return true;
}

static bool middle_nothing(const struct log_header *header, struct bytes middle,
                           struct statement *statement)
{
    (void)header;
    (void)statement;
    return middle.len == 0;
}

/* One word of letters: a command's name. */
static bool middle_word(const struct log_header *header, struct bytes middle,
                        struct statement *statement)
{
    (void)header;
    (void)statement;
    for (size_t i = 0; i < middle.len; i++)
        if ((middle.ptr[i] | 0x20) < 'a' || (middle.ptr[i] | 0x20) > 'z')
            return false;
    return middle.len > 0;
}

static bool middle_socket(const struct log_header *header, struct bytes middle,
                          struct statement *statement)
{
    (void)header;
    (void)statement;
    return middle.len > 0 && middle.ptr[0] == '/';
}

static bool middle_credentials(const struct log_header *header, struct bytes middle,
                               struct statement *statement)
{
    static const struct bytes not_allowed = BYTES_LITERAL(") is not allowed to perform '");
    const uint8_t *found = memmem(middle.ptr, middle.len, not_allowed.ptr, not_allowed.len);

    return found != NULL &&
           middle_word(header, bytes_skip(middle, (size_t)(found - middle.ptr) + not_allowed.len),
                       statement);
}

/* The process's own number: another one would be a cut or forged record. */
static bool middle_own_pid(const struct log_header *header, struct bytes middle,
                           struct statement *statement)
{
    uint64_t pid;

    (void)statement;
    return take_number(&middle, &pid) && middle.len == 0 && pid == (uint64_t)header->pid;
}

static bool middle_bytes(const struct log_header *header, struct bytes middle,
                         struct statement *statement)
{
    (void)header;
    return take_number(&middle, &statement->bytes) && middle.len == 0;
}

static bool middle_signal(const struct log_header *header, struct bytes middle,
                          struct statement *statement)
{
    if (!bytes_starts_with(middle, BYTES_LITERAL("SIG")) || middle.len >= 16 ||
        !middle_word(header, middle, statement))
        return false;
    statement->text = middle;
    return true;
}

/* "256 region(s): 1 page(s) of 2 MB, 3 page(s) of 1024 MB": the sum is what is held. */
static bool middle_regions(const struct log_header *header, struct bytes middle,
                           struct statement *statement)
{
    uint64_t regions, total = 0;

    (void)header;
    if (!take_number(&middle, &regions) || !take_literal(&middle, " region(s): "))
        return false;
    for (int i = 0; i < LOG_ALLOCATED_SIZES_MAX; i++) {
        uint64_t pages, size;
        unsigned int shift;
        if (!take_number(&middle, &pages) || !take_literal(&middle, " page(s) of ") ||
            !take_number(&middle, &size))
            return false;
        if (take_literal(&middle, " MB"))
            shift = 20;
        else if (take_literal(&middle, " GB"))
            shift = 30;
        else
            return false;
        if (__builtin_mul_overflow(size, UINT64_C(1) << shift, &size) ||
            __builtin_mul_overflow(size, pages, &size) ||
            __builtin_add_overflow(total, size, &total))
            return false;
        if (middle.len == 0) {
            statement->bytes = total;
            return true;
        }
        if (!take_literal(&middle, ", "))
            return false;
    }
    return false;
}

/* "i-<hex>-enc<slot>" */
static bool middle_enclave_id(const struct log_header *header, struct bytes middle,
                              struct statement *statement)
{
    static const struct bytes enc = BYTES_LITERAL("-enc");

    (void)header;
    if (middle.len > LOG_ENCLAVE_ID_MAX || !bytes_starts_with(middle, BYTES_LITERAL("i-")))
        return false;
    const uint8_t *found = memmem(middle.ptr, middle.len, enc.ptr, enc.len);
    if (found == NULL || found <= middle.ptr + 2)
        return false;
    for (const uint8_t *p = middle.ptr + 2; p < found; p++)
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f')))
            return false;
    if (!log_slot_parse(bytes_skip(middle, (size_t)(found - middle.ptr) + enc.len),
                        &statement->slot))
        return false;
    statement->enclave_id = middle;
    return true;
}

/* A path to <slot>.sock, in quotation marks under `terminate-enclave --all`. */
static bool middle_stale_socket(const struct log_header *header, struct bytes middle,
                                struct statement *statement)
{
    static const struct bytes sock = BYTES_LITERAL(".sock");

    (void)header;
    if (middle.len >= 2 && middle.ptr[0] == '"' && middle.ptr[middle.len - 1] == '"')
        middle = bytes_of(middle.ptr + 1, middle.len - 2);
    const uint8_t *slash = middle.len == 0 ? NULL : memrchr(middle.ptr, '/', middle.len);
    if (slash == NULL)
        return false;
    struct bytes name = bytes_skip(middle, (size_t)(slash - middle.ptr) + 1);
    if (name.len <= sock.len || !bytes_equal(bytes_skip(name, name.len - sock.len), sock))
        return false;
    return log_slot_parse(bytes_of(name.ptr, name.len - sock.len), &statement->slot);
}

/* NONE: known to say nothing. Among rows with the same prefix the more special one stands first. */
static const struct {
    struct bytes prefix;
    struct bytes suffix;
    middle_fn middle;
    enum statement_kind kind;
    unsigned int writers;
} patterns[] = {
#define ROW(prefix, suffix, middle, kind, writers)                                                 \
    {                                                                                              \
        BYTES_LITERAL(prefix), BYTES_LITERAL(suffix), middle, STATEMENT_##kind, writers            \
    }
    ROW("Enclave process PID: ", "", middle_own_pid, PROCESS_STARTED, BY_UNNAMED),
    ROW("Allocating memory regions to hold ", " bytes.", middle_bytes, ALLOCATING, BY_UNNAMED),
    ROW("Allocated ", "", middle_regions, ALLOCATED, BY_UNNAMED),
    ROW("Finished initializing memory.", "", middle_nothing, MEMORY_DONE, BY_UNNAMED),
    ROW("Enclave ID = ", "", middle_enclave_id, ENCLAVE_ID, BY_UNNAMED),
    ROW("Received command: Terminate", "", middle_nothing, TERMINATE_RECEIVED, BY_PROCESS),
    ROW("Received command: NotPermitted", "", middle_nothing, NOT_PERMITTED, BY_PROCESS),
    ROW("Received command: ", "", middle_word, ALIVE, BY_PROCESS),
    ROW("The requester with credentials (", "'.", middle_credentials, NOT_PERMITTED, BY_PROCESS),
    ROW("Received hang-up event from the enclave. Enclave process will shut down.", "",
        middle_nothing, HANG_UP, BY_PROCESS),
    ROW("Received signal ", ". The enclave process will now close.", middle_signal, SIGNAL,
        BY_PROCESS),
    ROW("The enclave process socket has been deleted!", "", middle_nothing, SOCKET_DELETED,
        BY_PROCESS),
    ROW("Enclave has completed termination.", "", middle_nothing, TERMINATION_COMPLETED,
        BY_PROCESS),
    ROW("Enclave terminated.", "", middle_nothing, TERMINATED, BY_PROCESS),
    ROW("The connection listener has been stopped.", "", middle_nothing, LISTENER_STOPPED,
        BY_PROCESS),
    ROW("Enclave process ", " exited event loop.", middle_own_pid, LOOP_EXITED, BY_PROCESS),
    ROW("Deleting stale socket: ", "", middle_stale_socket, STALE_SOCKET, BY_CLI),
    ROW("Start Nitro CLI", "", middle_nothing, NONE, BY_CLI),
    ROW("Sent command: ", "", middle_word, NONE, BY_CLI),
    ROW("Connected to: ", ".sock", middle_socket, NONE, BY_CLI),
#undef ROW
};

enum log_message_match log_message_read(const struct log_header *header, struct bytes message,
                                        struct statement *statement)
{
    if (bytes_starts_with(message, log_message_run_args))
        return header->writer == LOG_WRITER_UNNAMED ? LOG_MESSAGE_RUN_ARGS : LOG_MESSAGE_FOREIGN;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct bytes prefix = patterns[i].prefix, suffix = patterns[i].suffix;
        if (message.len < prefix.len + suffix.len || !bytes_starts_with(message, prefix) ||
            !bytes_equal(bytes_skip(message, message.len - suffix.len), suffix))
            continue;
        struct bytes middle =
            bytes_of(message.ptr + prefix.len, message.len - prefix.len - suffix.len);
        if (!patterns[i].middle(header, middle, statement))
            continue;
        if ((patterns[i].writers & 1u << header->writer) == 0)
            return LOG_MESSAGE_FOREIGN;
        statement->kind = patterns[i].kind;
        return statement->kind == STATEMENT_NONE ? LOG_MESSAGE_SILENT : LOG_MESSAGE_SAYS;
    }
    return LOG_MESSAGE_UNKNOWN;
}
