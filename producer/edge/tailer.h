/*
 * Follows nitro_enclaves.log: which files there are, in which order they are read, when an old one
 * is let go. Reading one file is log_file.h's; what the lines mean is producer/core's; waiting for
 * something to happen is the run loop's (it polls).
 *
 * Names. PATH is the newest file; PATH.1, PATH.2 … are older, the highest number oldest. Writers
 * reopen PATH only when it is missing (facts: running enclave processes keep writing to the inode
 * they have), so several inodes are open at once and all of them are looked at every time.
 *
 * Rules
 *   T1 First start: every rotated file from its beginning, oldest first, then PATH.
 *   T2 Later: the newest file that is known is the anchor. Files newer than it are unknown and are
 *      read from their beginning; older unknown ones have been read before and are ignored.
 *   T3 Content before the offset changed (copytruncate, inode used again): if a file that is not
 *      open yet has the lost content at the same offset, it is the copy, and reading goes on there;
 *      PATH starts again at 0.
 *   T4 A file that is no longer the newest is let go when all three hold: it was read to its end
 * and has not grown for old_file_idle_ms; a newer file is open; every run now known to be live
 *      started after it was replaced. (An enclave that started before may still write to it.)
 *   T5 With TAILER_FILES_MAX files open the oldest one that was read to its end gives way to a
 * newer one; while none is at its end, newer ones wait.
 */
#ifndef PRODUCER_EDGE_TAILER_H
#define PRODUCER_EDGE_TAILER_H

#include "producer/edge/log_file.h"

enum {
    TAILER_FILES_MAX = 16,
    TAILER_PATH_MAX = 4096,
    TAILER_POSITIONS_MAX = 3 + TAILER_FILES_MAX * LOG_POSITION_BYTES, /* bytes of tailer_save */
};

struct tailer_options {
    const char *path;
    int64_t old_file_idle_ms;
};

/* What one call of tailer_read may do, and what it has to know. */
struct tailer_request {
    int64_t now_ms;         /* wall clock */
    int64_t oldest_live_ms; /* start of the oldest run known to be live, INT64_MAX if none */
    uint64_t max_bytes;
    log_text_fn take;
    void *user;
};

struct tailer_progress {
    uint64_t bytes;
    uint64_t lines;
    bool refused;
    bool at_end; /* everything that was there when the call began has been delivered */
};

/* Since the tailer was made; for `status` and the log. */
struct tailer_counters {
    uint64_t truncations;    /* T3 */
    uint64_t copies_found;   /* T3, the lost content was found */
    uint64_t positions_lost; /* saved files that are nowhere any more */
    uint64_t files_released; /* T4, T5 */
    uint64_t files_open;
};

struct tailer;

/* Opens nothing yet. ERR_NOMEM, ERR_LIMIT (path). */
enum err tailer_new(const struct tailer_options *options, struct tailer **tailer,
                    struct err_detail *detail) MUST_CHECK;
void tailer_free(struct tailer *tailer);

/* Positions of an earlier tailer_save; before the first read. ERR_MALFORMED, ERR_UNSUPPORTED. */
enum err tailer_load(struct tailer *tailer, struct bytes positions,
                     struct err_detail *detail) MUST_CHECK;
/* Canonical bytes: equal places give equal bytes. `out` has TAILER_POSITIONS_MAX. */
size_t tailer_save(const struct tailer *tailer, uint8_t out[TAILER_POSITIONS_MAX]);

/*
 * Looks at all files and delivers what is new, oldest file first. A missing file or directory is no
 * error: it is waited for. ERR_IO: something could not be read (the rest was; at_end is false).
 */
enum err tailer_read(struct tailer *tailer, const struct tailer_request *request,
                     struct tailer_progress *progress, struct err_detail *detail) MUST_CHECK;

struct tailer_counters tailer_get_counters(const struct tailer *tailer);

#endif
