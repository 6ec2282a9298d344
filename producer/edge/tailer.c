/*
 * The tailer's reading side: one look at all open files, letting old ones go, positions as bytes.
 */
#include "producer/edge/tailer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "producer/edge/tailer_internal.h"

enum { POSITIONS_VERSION = 1, DIRECTORY_SETTLE_MS = 2000 };

enum err tailer_new(const struct tailer_options *options, struct tailer **tailer,
                    struct err_detail *detail)
{
    size_t length = strlen(options->path);
    const char *slash = strrchr(options->path, '/');

    *tailer = NULL;
    if (length == 0 || length >= TAILER_PATH_MAX - 32 || options->path[length - 1] == '/')
        return err_set(detail, ERR_LIMIT, "log.path must name a file, in less than %d bytes",
                       TAILER_PATH_MAX - 32);
    struct tailer *t = calloc(1, sizeof *t);
    if (t != NULL)
        t->buffer = malloc(LOG_BUFFER_BYTES);
    if (t == NULL || t->buffer == NULL) {
        free(t);
        return err_set(detail, ERR_NOMEM, "out of memory");
    }
    snprintf(t->path, sizeof t->path, "%s", options->path);
    if (slash == NULL)
        snprintf(t->directory, sizeof t->directory, ".");
    else if (slash == options->path)
        snprintf(t->directory, sizeof t->directory, "/");
    else
        snprintf(t->directory, sizeof t->directory, "%.*s", (int)(slash - options->path),
                 options->path);
    snprintf(t->name, sizeof t->name, "%s", slash == NULL ? options->path : slash + 1);
    t->old_file_idle_ms = options->old_file_idle_ms;
    *tailer = t;
    return ERR_OK;
}

void tailer_free(struct tailer *tailer)
{
    if (tailer == NULL)
        return;
    for (size_t i = 0; i < tailer->files_n; i++)
        log_file_close(&tailer->files[i]);
    free(tailer->buffer);
    free(tailer);
}

enum err tailer_load(struct tailer *tailer, struct bytes positions, struct err_detail *detail)
{
    assert(tailer->files_n == 0 && tailer->pending_n == 0);
    if (positions.len < 3)
        return err_set(detail, ERR_MALFORMED, "saved log positions are too short");
    if (positions.ptr[0] != POSITIONS_VERSION)
        return err_set(detail, ERR_UNSUPPORTED, "saved log positions have version %u",
                       positions.ptr[0]);
    size_t n = (size_t)positions.ptr[1] | (size_t)positions.ptr[2] << 8;
    if (n > TAILER_FILES_MAX || positions.len != 3 + n * LOG_POSITION_BYTES)
        return err_set(detail, ERR_MALFORMED, "saved log positions have the wrong length");
    for (size_t i = 0; i < n; i++)
        log_position_get(positions.ptr + 3 + i * LOG_POSITION_BYTES, &tailer->pending[i]);
    tailer->pending_n = n;
    return ERR_OK;
}

size_t tailer_save(const struct tailer *tailer, uint8_t out[TAILER_POSITIONS_MAX])
{
    size_t n = 0;

    /* Files not found yet: the directory is missing, or this is before the first read. */
    for (size_t i = 0; i < tailer->pending_n; i++)
        log_position_put(out + 3 + n++ * LOG_POSITION_BYTES, &tailer->pending[i]);
    for (size_t i = 0; i < tailer->files_n && n < TAILER_FILES_MAX; i++) {
        struct log_position position = log_file_position(&tailer->files[i]);

        log_position_put(out + 3 + n++ * LOG_POSITION_BYTES, &position);
    }
    out[0] = POSITIONS_VERSION;
    out[1] = (uint8_t)n;
    out[2] = (uint8_t)(n >> 8);
    return 3 + n * LOG_POSITION_BYTES;
}

void tailer_remove_file(struct tailer *tailer, size_t i)
{
    log_file_close(&tailer->files[i]);
    tailer->files_n--;
    memmove(&tailer->files[i], &tailer->files[i + 1],
            (tailer->files_n - i) * sizeof tailer->files[0]);
    tailer->counters.files_released++;
}

/* PATH is missing, as it was last time: could a file have come and been rotated away meanwhile?
 * Time stamps are coarse, so a directory that changed a moment ago counts as changed. */
static bool directory_changed(struct tailer *tailer, int64_t now_ms)
{
    struct stat st;

    if (stat(tailer->directory, &st) != 0)
        return false; /* a directory that comes back has another change time */
    int64_t changed_ms = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
    if (changed_ms == tailer->directory_ms && changed_ms < now_ms - DIRECTORY_SETTLE_MS)
        return false;
    tailer->directory_ms = changed_ms;
    return true;
}

/* Does PATH still name what it named last time? A look at one inode instead of the directory. */
static bool needs_discovery(struct tailer *tailer, int64_t now_ms)
{
    struct stat st;

    if (tailer->is_more_to_open)
        return true;
    if (stat(tailer->path, &st) != 0)
        return !tailer->is_missing || directory_changed(tailer, now_ms);
    if (!tailer->has_newest)
        return true;
    const struct log_file *newest = &tailer->files[tailer->files_n - 1];
    return st.st_dev != newest->at.device || st.st_ino != newest->at.inode;
}

/* T4, for files[i]. */
static bool may_release(const struct tailer *tailer, size_t i, const struct tailer_request *request)
{
    const struct log_file *file = &tailer->files[i];

    return i + 1 < tailer->files_n && file->replaced_ms != 0 && file->at_end &&
           request->now_ms - file->grew_ms >= tailer->old_file_idle_ms &&
           request->now_ms - file->replaced_ms >= tailer->old_file_idle_ms &&
           request->oldest_live_ms > file->replaced_ms;
}

/* T4: what is left of a line that nobody will finish, then the file goes. */
static enum err release_file(struct tailer *tailer, size_t *i, const struct tailer_request *request,
                             struct tailer_progress *total, struct err_detail *detail)
{
    struct log_file_progress progress;
    enum err err =
        log_file_read(&tailer->files[*i], tailer->buffer, request->max_bytes - total->bytes, true,
                      request->take, request->user, &progress, detail);

    total->bytes += progress.bytes;
    total->lines += progress.lines;
    total->refused = progress.refused;
    if (err != ERR_OK || !tailer->files[*i].at_end) {
        total->at_end = false;
        ++*i;
        return err == ERR_CONFLICT ? ERR_OK : err; /* a rewrite is found by the next look */
    }
    tailer_remove_file(tailer, *i);
    return ERR_OK;
}

/* Reads files[*i], following a rewrite; moves *i to the file to be read next. */
static enum err read_file(struct tailer *tailer, size_t *i, const struct tailer_request *request,
                          struct tailer_progress *total, struct err_detail *detail)
{
    struct log_file *file = &tailer->files[*i];
    struct log_file_progress progress;
    uint64_t seen_size = file->seen_size;
    enum err err = log_file_read(file, tailer->buffer, request->max_bytes - total->bytes, false,
                                 request->take, request->user, &progress, detail);

    total->bytes += progress.bytes;
    total->lines += progress.lines;
    total->refused = progress.refused;
    if (progress.bytes > 0 || file->seen_size != seen_size)
        file->grew_ms = request->now_ms;
    if (err == ERR_CONFLICT) {
        total->at_end = false; /* again: the copy, or from the beginning */
        return tailer_handle_rewritten(tailer, *i, request->now_ms, detail);
    }
    if (err == ERR_OK && may_release(tailer, *i, request))
        return release_file(tailer, i, request, total, detail);
    if (err != ERR_OK || !file->at_end)
        total->at_end = false;
    ++*i;
    return err;
}

enum err tailer_read(struct tailer *tailer, const struct tailer_request *request,
                     struct tailer_progress *progress, struct err_detail *detail)
{
    enum err result = ERR_OK;

    *progress = (struct tailer_progress){.at_end = true};
    if (needs_discovery(tailer, request->now_ms)) {
        result = tailer_discover(tailer, request->now_ms, detail);
        if (result != ERR_OK)
            progress->at_end = false;
    }
    /* A rewritten file is looked at again at once; nobody can rewrite for ever in one call. */
    size_t looks = 4 * TAILER_FILES_MAX;
    for (size_t i = 0; i < tailer->files_n && looks > 0; looks--) {
        if (progress->refused || progress->bytes >= request->max_bytes) {
            progress->at_end = false;
            break;
        }
        struct err_detail why = {{0}};
        size_t before = i;
        enum err err = read_file(tailer, &i, request, progress, &why);
        if (err != ERR_OK) {
            progress->at_end = false;
            result = err_set(detail, err, "%s", why.text);
            i = before + 1;
        }
    }
    if (tailer->is_more_to_open)
        progress->at_end = false;
    return result;
}

struct tailer_counters tailer_get_counters(const struct tailer *tailer)
{
    struct tailer_counters counters = tailer->counters;

    counters.files_open = tailer->files_n;
    return counters;
}
