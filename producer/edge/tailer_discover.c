/*
 * Which log files there are: lists PATH and PATH.N, finds those already known (T2), those whose
 * content moved (T3), and opens what is new, oldest first (T1, T5).
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "producer/edge/tailer_internal.h"

enum {
    CANDIDATES_MAX = 128, /* rotated files looked at; of more, the newest */
    SUFFIX_DIGITS_MAX = 6,
};

/* A file in the directory that could be a part of the log. */
struct candidate {
    uint32_t number; /* PATH.number; 0 = PATH */
    uint64_t device, inode;
};

struct candidates {
    struct candidate list[CANDIDATES_MAX]; /* oldest first */
    size_t n;
};

/* "NAME" → 0, "NAME.12" → 12, anything else → −1. */
static int64_t candidate_number(const struct tailer *tailer, const char *entry)
{
    size_t length = strlen(tailer->name);
    int64_t number = 0;

    if (strncmp(entry, tailer->name, length) != 0)
        return -1;
    if (entry[length] == '\0')
        return 0;
    const char *digits = entry + length + 1;
    size_t n = strspn(digits, "0123456789");
    if (entry[length] != '.' || n == 0 || n > SUFFIX_DIGITS_MAX || digits[n] != '\0' ||
        digits[0] == '0')
        return -1;
    for (size_t i = 0; i < n; i++)
        number = number * 10 + (digits[i] - '0');
    return number;
}

static void candidate_path(const struct tailer *tailer, uint32_t number, char out[TAILER_PATH_MAX])
{
    int n = number == 0 ? snprintf(out, TAILER_PATH_MAX, "%s", tailer->path)
                        : snprintf(out, TAILER_PATH_MAX, "%s.%u", tailer->path, number);
    assert(n > 0 && n < TAILER_PATH_MAX);
}

/* Keeps the list sorted, oldest (highest number) first; when full, the oldest falls out. */
static void add_candidate(struct candidates *candidates, const struct candidate *new)
{
    size_t at = 0;

    if (candidates->n == CANDIDATES_MAX) {
        if (new->number >= candidates->list[0].number)
            return;
        memmove(&candidates->list[0], &candidates->list[1],
                (CANDIDATES_MAX - 1) * sizeof candidates->list[0]);
        candidates->n--;
    }
    while (at < candidates->n && candidates->list[at].number > new->number)
        at++;
    memmove(&candidates->list[at + 1], &candidates->list[at],
            (candidates->n - at) * sizeof candidates->list[0]);
    candidates->list[at] = *new;
    candidates->n++;
}

static enum err list_candidates(const struct tailer *tailer, struct candidates *candidates,
                                struct err_detail *detail)
{
    DIR *directory = opendir(tailer->directory);

    candidates->n = 0;
    if (directory == NULL) {
        if (errno == ENOENT || errno == ENOTDIR)
            return ERR_OK;
        return err_set(detail, ERR_IO, "cannot read the log directory %s: %s", tailer->directory,
                       strerror(errno));
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int64_t number = candidate_number(tailer, entry->d_name);
        char path[TAILER_PATH_MAX];
        struct stat st;

        if (number < 0)
            continue;
        candidate_path(tailer, (uint32_t)number, path);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            continue; /* gone meanwhile, or nothing that nitro-cli writes */
        struct candidate candidate = {(uint32_t)number, st.st_dev, st.st_ino};
        add_candidate(candidates, &candidate);
    }
    closedir(directory);
    return ERR_OK;
}

/* Index in tailer->files, or −1. */
static int find_open(const struct tailer *tailer, const struct candidate *candidate)
{
    for (size_t i = 0; i < tailer->files_n; i++)
        if (tailer->files[i].at.device == candidate->device &&
            tailer->files[i].at.inode == candidate->inode)
            return (int)i;
    return -1;
}

/* Opens a candidate and checks that it still is what was listed. */
static enum err open_candidate(const struct tailer *tailer, const struct candidate *candidate,
                               struct log_file *file, struct err_detail *detail)
{
    char path[TAILER_PATH_MAX];

    candidate_path(tailer, candidate->number, path);
    enum err err = log_file_open(path, file, detail);
    if (err != ERR_OK)
        return err;
    if (file->at.device == candidate->device && file->at.inode == candidate->inode)
        return ERR_OK;
    log_file_close(file);
    return ERR_NOT_FOUND; /* rotated between listing and opening: next time */
}

/* The newest candidate that is not open and has the content of `position` before its offset; opens
 * it there; *found is its place in the list. ERR_NOT_FOUND. */
static enum err open_copy(const struct tailer *tailer, const struct candidates *candidates,
                          const struct log_position *position, struct log_file *file, size_t *found,
                          struct err_detail *detail)
{
    if (position->offset == 0)
        return ERR_NOT_FOUND; /* any file has "the same" nothing before its beginning */
    for (size_t c = candidates->n; c-- > 0;) {
        if (find_open(tailer, &candidates->list[c]) >= 0 ||
            open_candidate(tailer, &candidates->list[c], file, detail) != ERR_OK)
            continue;
        *found = c;
        if (log_file_seek(file, position) == ERR_OK)
            return ERR_OK;
        log_file_close(file);
    }
    return ERR_NOT_FOUND;
}

/* T5. Is there a place for one more file? The newest file open is the anchor of T2 and stays. */
static bool make_place(struct tailer *tailer)
{
    for (size_t i = 0; tailer->files_n == TAILER_FILES_MAX && i + 1 < tailer->files_n; i++)
        if (tailer->files[i].at_end) {
            tailer_remove_file(tailer, i);
            break;
        }
    return tailer->files_n < TAILER_FILES_MAX;
}

static void insert_file(struct tailer *tailer, size_t at, const struct log_file *file,
                        int64_t now_ms)
{
    assert(tailer->files_n < TAILER_FILES_MAX && at <= tailer->files_n);
    memmove(&tailer->files[at + 1], &tailer->files[at],
            (tailer->files_n - at) * sizeof tailer->files[0]);
    tailer->files[at] = *file;
    tailer->files[at].grew_ms = now_ms;
    tailer->files_n++;
}

/* A place for one more file before files[*i], which moves with it. */
static bool make_place_before(struct tailer *tailer, size_t *i)
{
    if (tailer->files_n < TAILER_FILES_MAX)
        return true;
    for (size_t old = 0; old < *i; old++)
        if (tailer->files[old].at_end) {
            tailer_remove_file(tailer, old);
            --*i;
            return true;
        }
    return false;
}

/* T3: the content of `position` is not where it was. Opens its copy before files[i], and after it
 * the copies of later rotations if there was more than one since. false: there is no copy. */
static bool follow_copy(struct tailer *tailer, const struct candidates *candidates,
                        const struct log_position *position, size_t i, int64_t now_ms,
                        struct err_detail *detail)
{
    struct log_file copy;
    size_t c;

    if (open_copy(tailer, candidates, position, &copy, &c, detail) != ERR_OK)
        return false;
    tailer->counters.copies_found++;
    for (bool is_open = true; c < candidates->n; c++, is_open = false) {
        if (!is_open &&
            (candidates->list[c].number == 0 || find_open(tailer, &candidates->list[c]) >= 0 ||
             open_candidate(tailer, &candidates->list[c], &copy, detail) != ERR_OK))
            continue;
        if (!make_place_before(tailer, &i)) {
            log_file_close(&copy);
            break;
        }
        insert_file(tailer, i++, &copy, now_ms);
    }
    return true;
}

/* Opens the file that a saved position names, at that place or, if it was rewritten, at 0. */
static enum err open_saved(struct tailer *tailer, const struct candidates *candidates,
                           const struct log_position *position, struct log_file *file,
                           struct err_detail *detail)
{
    for (size_t c = 0; c < candidates->n; c++) {
        const struct candidate *candidate = &candidates->list[c];

        if (candidate->device == position->device && candidate->inode == position->inode &&
            find_open(tailer, candidate) < 0 &&
            open_candidate(tailer, candidate, file, detail) == ERR_OK)
            return log_file_seek(file, position);
    }
    return ERR_NOT_FOUND;
}

/* After a start: finds the saved files, in their saved order, by inode or as a copy (T3). */
static void resolve_pending(struct tailer *tailer, const struct candidates *candidates,
                            int64_t now_ms, struct err_detail *detail)
{
    enum err found[TAILER_FILES_MAX];
    size_t place[TAILER_FILES_MAX];

    for (size_t p = 0; p < tailer->pending_n; p++) {
        struct log_file file;

        place[p] = tailer->files_n;
        found[p] = open_saved(tailer, candidates, &tailer->pending[p], &file, detail);
        if (found[p] != ERR_NOT_FOUND)
            insert_file(tailer, tailer->files_n, &file, now_ms);
    }
    /* Only now it is known which files are nobody's: those can be copies. Backwards, so that the
     * places stay right. */
    for (size_t p = tailer->pending_n; p-- > 0;) {
        if (found[p] == ERR_OK)
            continue;
        if (found[p] == ERR_CONFLICT)
            tailer->counters.truncations++;
        if (!follow_copy(tailer, candidates, &tailer->pending[p], place[p], now_ms, detail) &&
            found[p] == ERR_NOT_FOUND)
            tailer->counters.positions_lost++;
    }
    tailer->pending_n = 0;
}

/* T1, T2, T5: opens everything newer than the newest known file. */
static enum err open_newer(struct tailer *tailer, const struct candidates *candidates,
                           int64_t now_ms, struct err_detail *detail)
{
    size_t first = 0;
    enum err err = ERR_OK;

    for (size_t c = 0; c < candidates->n; c++)
        if (find_open(tailer, &candidates->list[c]) >= 0)
            first = c + 1;
    tailer->is_more_to_open = false;
    for (size_t c = first; c < candidates->n && err == ERR_OK; c++) {
        struct log_file file;

        if (!make_place(tailer)) {
            tailer->is_more_to_open = true;
            break;
        }
        err = open_candidate(tailer, &candidates->list[c], &file, detail);
        if (err == ERR_OK)
            insert_file(tailer, tailer->files_n, &file, now_ms);
        else
            tailer->is_more_to_open = true;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Everything but the newest file has been replaced, at the latest now. */
static void mark_replaced(struct tailer *tailer, int64_t now_ms)
{
    for (size_t i = 0; i < tailer->files_n; i++)
        if (tailer->files[i].replaced_ms == 0 && !(tailer->has_newest && i + 1 == tailer->files_n))
            tailer->files[i].replaced_ms = now_ms;
}

enum err tailer_discover(struct tailer *tailer, int64_t now_ms, struct err_detail *detail)
{
    struct candidates candidates;
    enum err err = list_candidates(tailer, &candidates, detail);

    if (err != ERR_OK)
        return err;
    if (candidates.n > 0) {
        resolve_pending(tailer, &candidates, now_ms, detail);
        err = open_newer(tailer, &candidates, now_ms, detail);
    }
    const struct candidate *newest = candidates.n == 0 ? NULL : &candidates.list[candidates.n - 1];
    tailer->is_missing = newest == NULL || newest->number != 0;
    int open = tailer->is_missing ? -1 : find_open(tailer, newest);
    tailer->has_newest = open >= 0 && (size_t)open + 1 == tailer->files_n;
    mark_replaced(tailer, now_ms);
    return err;
}

enum err tailer_handle_rewritten(struct tailer *tailer, size_t i, int64_t now_ms,
                                 struct err_detail *detail)
{
    struct log_position position = log_file_position(&tailer->files[i]);
    struct candidates candidates;
    enum err err = list_candidates(tailer, &candidates, detail);

    if (err != ERR_OK)
        return err;
    tailer->counters.truncations++;
    log_file_rewind(&tailer->files[i]);
    follow_copy(tailer, &candidates, &position, i, now_ms, detail);
    mark_replaced(tailer, now_ms);
    return ERR_OK;
}
