/*
 * Reads record headers; see log_header.h. A header that runs into the end of the text is told apart
 * from one that is wrong, because a full disk cuts records anywhere.
 */
#include "producer/core/log_header.h"

#include "common/time_text.h"

enum {
    TAG_MAX = 64,
    TIME_LEN = TIME_TEXT_SIZE - 1, /* exactly milliseconds: "2026-11-21T06:59:07.123Z" */
    PID_DIGITS_MAX = 10,
    SLOT_DIGITS_MAX = 16,
};

static const struct bytes level_names[] = {
    [LOG_LEVEL_ERROR] = BYTES_LITERAL("ERROR"), [LOG_LEVEL_WARN] = BYTES_LITERAL("WARN"),
    [LOG_LEVEL_INFO] = BYTES_LITERAL("INFO"),   [LOG_LEVEL_DEBUG] = BYTES_LITERAL("DEBUG"),
    [LOG_LEVEL_TRACE] = BYTES_LITERAL("TRACE"),
};

static int slot_digit(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

bool log_slot_parse(struct bytes text, uint64_t *slot)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > SLOT_DIGITS_MAX || text.ptr[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int d = slot_digit(text.ptr[i]);
        if (d < 0)
            return false;
        value = value << 4 | (uint64_t)d;
    }
    *slot = value;
    return true;
}

static bool pid_parse(struct bytes text, int64_t *pid)
{
    int64_t value = 0;

    if (text.len == 0 || text.len > PID_DIGITS_MAX || text.ptr[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *pid = value;
    return true;
}

/* name:pid */
static void tag_read(struct bytes tag, struct log_header *header)
{
    static const struct bytes cli = BYTES_LITERAL("nitro-cli"), enc = BYTES_LITERAL("enc-"),
                              unnamed = BYTES_LITERAL("enc-xxxxxxx");
    const uint8_t *colon = memrchr(tag.ptr, ':', tag.len);

    header->writer = LOG_WRITER_UNKNOWN;
    header->slot = 0;
    header->pid = 0;
    if (colon == NULL)
        return;
    struct bytes name = bytes_of(tag.ptr, (size_t)(colon - tag.ptr));
    if (!pid_parse(bytes_skip(tag, name.len + 1), &header->pid))
        return;
    if (bytes_equal(name, cli))
        header->writer = LOG_WRITER_CLI;
    else if (bytes_equal(name, unnamed))
        header->writer = LOG_WRITER_UNNAMED;
    else if (bytes_starts_with(name, enc) &&
             log_slot_parse(bytes_skip(name, enc.len), &header->slot))
        header->writer = LOG_WRITER_ENCLAVE;
}

/* The content of the brackets that `text` starts with, at most `max` bytes of it. */
static enum log_header_match bracket_read(struct bytes *text, size_t max, struct bytes *content)
{
    if (text->len == 0)
        return LOG_HEADER_BEGUN;
    if (text->ptr[0] != '[')
        return LOG_HEADER_NO;
    size_t i = 1;
    while (i < text->len && i <= max && text->ptr[i] != ']' && text->ptr[i] != '[' &&
           text->ptr[i] >= ' ')
        i++;
    if (i == text->len)
        return LOG_HEADER_BEGUN;
    if (text->ptr[i] != ']')
        return LOG_HEADER_NO;
    *content = bytes_of(text->ptr + 1, i - 1);
    *text = bytes_skip(*text, i + 1);
    return LOG_HEADER_COMPLETE;
}

static bool level_read(struct bytes text, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (bytes_equal(text, level_names[i])) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool is_file_and_line(struct bytes text)
{
    const uint8_t *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
    int64_t line;

    return colon != NULL && colon != text.ptr &&
           pid_parse(bytes_skip(text, (size_t)(colon - text.ptr) + 1), &line);
}

enum log_header_match log_header_read(struct bytes text, struct log_header *header, size_t *len)
{
    struct bytes rest = text, tag, level, time, file;
    enum log_header_match match;

    if ((match = bracket_read(&rest, TAG_MAX, &tag)) != LOG_HEADER_COMPLETE)
        return match;
    tag_read(tag, header);
    if ((match = bracket_read(&rest, sizeof "ERROR", &level)) != LOG_HEADER_COMPLETE)
        return match;
    if (!level_read(level, &header->level))
        return LOG_HEADER_NO;
    if ((match = bracket_read(&rest, TIME_LEN, &time)) != LOG_HEADER_COMPLETE)
        return match;
    if (time.len != TIME_LEN || time_text_parse(time, &header->time_ms) != ERR_OK)
        return LOG_HEADER_NO;
    if ((match = bracket_read(&rest, LOG_FILE_NAME_MAX, &file)) != LOG_HEADER_COMPLETE)
        return match;
    if (!is_file_and_line(file))
        return LOG_HEADER_NO;
    if (rest.len == 0)
        return LOG_HEADER_BEGUN;
    if (rest.ptr[0] != ' ')
        return LOG_HEADER_NO;
    *len = text.len - rest.len + 1;
    return LOG_HEADER_COMPLETE;
}

size_t log_header_find(struct bytes text, size_t from)
{
    struct log_header header;
    size_t len;

    while (from < text.len) {
        const uint8_t *bracket = memchr(text.ptr + from, '[', text.len - from);
        if (bracket == NULL)
            break;
        from = (size_t)(bracket - text.ptr);
        if (log_header_read(bytes_skip(text, from), &header, &len) == LOG_HEADER_COMPLETE &&
            header.writer != LOG_WRITER_UNKNOWN)
            return from;
        from++;
    }
    return text.len;
}
