/*
 * What tailer.c (reading, letting go, positions) shares with tailer_discover.c (which files there
 * are). For these two files only.
 */
#ifndef PRODUCER_EDGE_TAILER_INTERNAL_H
#define PRODUCER_EDGE_TAILER_INTERNAL_H

#include "producer/edge/tailer.h"

struct tailer {
    char directory[TAILER_PATH_MAX];
    char name[TAILER_PATH_MAX];
    char path[TAILER_PATH_MAX];
    int64_t old_file_idle_ms;
    struct log_file files[TAILER_FILES_MAX]; /* oldest first */
    size_t files_n;
    struct log_position pending[TAILER_FILES_MAX]; /* loaded, not found yet */
    size_t pending_n;
    bool has_newest;      /* files[files_n − 1] is what PATH named last time */
    bool is_missing;      /* PATH was not there last time, and that has been dealt with */
    int64_t directory_ms; /* change time of the directory when PATH was missing last */
    bool is_more_to_open; /* T5: newer files wait */
    struct tailer_counters counters;
    uint8_t *buffer; /* LOG_BUFFER_BYTES, shared by all files */
};

/* Brings `files` up to date with the directory (T1, T2, T5). */
enum err tailer_discover(struct tailer *tailer, int64_t now_ms,
                         struct err_detail *detail) MUST_CHECK;

/* T3: files[i] no longer has the content that was read. Opens the copy in its place if there is one
 * (the rewritten file is then files[i + 1]) and rewinds the rewritten file. */
enum err tailer_handle_rewritten(struct tailer *tailer, size_t i, int64_t now_ms,
                                 struct err_detail *detail) MUST_CHECK;

/* Closes files[i] and forgets it. */
void tailer_remove_file(struct tailer *tailer, size_t i);

#endif
