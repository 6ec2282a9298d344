/*
 * One open log file, read forward line by line, whatever is done to it meanwhile: it grows, it is
 * renamed, truncated, rewritten, its inode is used again. Which files there are is tailer.c's.
 *
 * A file's place is {device, inode, offset, CRC of the up to 1 KiB before the offset}. The offset
 * is always the start of a line (or inside one that is being skipped), so nothing of the content
 * has to be kept to go on after a restart. Every read starts with the bytes before the offset: if
 * they are not what they were, this is another file under the same inode.
 */
#ifndef PRODUCER_EDGE_LOG_FILE_H
#define PRODUCER_EDGE_LOG_FILE_H

#include <stdbool.h>
#include <time.h>

#include "common/bytes.h"
#include "common/err.h"

enum {
    LOG_TEXT_MAX = 1024 * 1024,  /* bytes of a line that are delivered; the rest is skipped */
    LOG_WINDOW_MAX = 1024,       /* bytes before the offset that identify the content */
    LOG_READ_BYTES = 256 * 1024, /* one read, as long as lines are shorter than that */
    LOG_BUFFER_BYTES = LOG_WINDOW_MAX + LOG_TEXT_MAX + LOG_READ_BYTES,
    LOG_POSITION_BYTES = 29, /* encoded */
};

enum log_text_flag {
    LOG_TEXT_CUT = 1u << 0,        /* the line was longer than LOG_TEXT_MAX */
    LOG_TEXT_UNFINISHED = 1u << 1, /* the file ended without a newline and will not go on */
};

/* Without its newline, and without NULs before it (a sparse hole after a truncation). */
struct log_text {
    struct bytes text;
    uint32_t flags; /* enum log_text_flag */
    uint64_t device, inode;
    uint64_t offset; /* of its first byte */
};

/* Takes one line; false: not now, deliver it again next time. */
typedef bool (*log_text_fn)(void *user, const struct log_text *line);

struct log_position {
    uint64_t device, inode;
    uint64_t offset;
    uint32_t crc;  /* of the min(offset, LOG_WINDOW_MAX) bytes before the offset */
    bool skipping; /* the offset is inside a line that was cut */
};

struct log_file {
    int fd;
    struct log_position at; /* crc is brought up to date by log_file_position only */
    uint8_t window[LOG_WINDOW_MAX];
    size_t window_len;
    bool at_end; /* nothing to deliver when it was last looked at */
    uint64_t seen_size;
    struct timespec seen_mtime;
    int64_t grew_ms;     /* when something new was last found */
    int64_t replaced_ms; /* when a newer file was first seen; 0 = it is the newest */
};

struct log_file_progress {
    uint64_t bytes;
    uint64_t lines;
    bool refused; /* the callback said: not now */
};

/* Opens at offset 0. ERR_NOT_FOUND, ERR_IO, ERR_UNSUPPORTED (not a regular file). */
enum err log_file_open(const char *path, struct log_file *file,
                       struct err_detail *detail) MUST_CHECK;
void log_file_close(struct log_file *file);

/* The first bytes, zeros where the file is shorter. */
enum err log_file_peek(const struct log_file *file, uint8_t *out, size_t n) MUST_CHECK;

/* Moves to a saved place. ERR_CONFLICT: the content before it is not what it was; nothing changed.
 */
enum err log_file_seek(struct log_file *file, const struct log_position *position) MUST_CHECK;

/*
 * Delivers lines until the end, `max_bytes`, or a refusal; `file->at_end` says which. `buffer` has
 * LOG_BUFFER_BYTES and may be shared between files. `finish`: an unfinished last line is delivered
 * too. ERR_CONFLICT: truncated or rewritten, nothing delivered since; ERR_IO.
 */
enum err log_file_read(struct log_file *file, uint8_t *buffer, uint64_t max_bytes, bool finish,
                       log_text_fn take, void *user, struct log_file_progress *progress,
                       struct err_detail *detail) MUST_CHECK;

struct log_position log_file_position(const struct log_file *file);
void log_file_rewind(struct log_file *file);

void log_position_put(uint8_t out[LOG_POSITION_BYTES], const struct log_position *position);
void log_position_get(const uint8_t in[LOG_POSITION_BYTES], struct log_position *position);

#endif
