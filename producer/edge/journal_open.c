/*
 * Opening the journal: lock, list, scan, cut the torn tail, and write what is left of the last
 * segment out again (J6). Everything that contradicts J1–J5 is an incident: it says where, changes
 * nothing, and the producer does not start.
 */
#include "producer/edge/journal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "producer/edge/journal_internal.h"

enum { READ_ONLY_TRIES = 5 };

static enum err take_lock(struct journal *journal, struct err_detail *detail)
{
    char path[SEGMENT_NAME_MAX];

    snprintf(path, sizeof path, "%s/lock", journal->directory);
    journal->lock_fd = journal->ops->open(journal->ops->user, path, O_RDWR | O_CREAT, 0600);
    if (journal->lock_fd < 0)
        return err_set(detail, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return err_set(
            detail, ERR_CONFLICT,
            "another producer is using %s: stop it, or give this one its own journal.dir",
            journal->directory);
    return err_set(detail, ERR_IO, "cannot lock %s: %s", path, strerror(errno));
}

/* "journal-<20 digits>" → number, 0 if it is anything else. */
static uint64_t segment_number(const char *name)
{
    static const char prefix[] = "journal-";
    uint64_t number = 0;

    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || strlen(name) != sizeof prefix - 1 + 20)
        return 0;
    for (const char *digit = name + sizeof prefix - 1; *digit != '\0'; digit++)
        if (*digit < '0' || *digit > '9' || __builtin_mul_overflow(number, UINT64_C(10), &number) ||
            __builtin_add_overflow(number, (uint64_t)(*digit - '0'), &number))
            return 0;
    return number;
}

static int compare_segments(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* Lists the segments in order; removes what an interrupted add_segment left behind. */
static enum err list_segments(struct journal *journal, struct err_detail *detail)
{
    DIR *directory = opendir(journal->directory);

    if (directory == NULL)
        return err_set(detail, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read %s: %s",
                       journal->directory, strerror(errno));
    enum err err = ERR_OK;
    for (struct dirent *entry; err == ERR_OK && (entry = readdir(directory)) != NULL;) {
        uint64_t number = segment_number(entry->d_name);
        size_t length = strlen(entry->d_name);

        if (number != 0 && journal->segments_n == JOURNAL_SEGMENTS_MAX)
            err = err_set(detail, ERR_LIMIT, "%s holds more than %d segments", journal->directory,
                          JOURNAL_SEGMENTS_MAX);
        else if (number != 0)
            journal->segments[journal->segments_n++].number = number;
        else if (!journal->read_only && strncmp(entry->d_name, "journal-", 8) == 0 && length > 4 &&
                 strcmp(entry->d_name + length - 4, ".tmp") == 0 &&
                 unlinkat(dirfd(directory), entry->d_name, 0) != 0)
            err = err_set(detail, ERR_IO, "cannot remove %s/%s: %s", journal->directory,
                          entry->d_name, strerror(errno));
    }
    closedir(directory);
    qsort(journal->segments, journal->segments_n, sizeof *journal->segments, compare_segments);
    return err;
}

static enum err incident(const char *path, uint32_t offset, const char *what,
                         struct err_detail *detail)
{
    return err_set(detail, ERR_INCIDENT,
                   "%s, offset %u: %s; keep the file for analysis, move the journal directory away "
                   "and start again: the gap will be declared",
                   path, offset, what);
}

/* A whole segment in memory; *data is the caller's to free. */
static enum err load_segment(struct journal *journal, const char *path, int fd, uint8_t **data,
                             size_t *len, struct err_detail *detail)
{
    struct stat st;

    *data = NULL;
    if (fstat(fd, &st) != 0)
        return err_set(detail, ERR_IO, "cannot stat %s: %s", path, strerror(errno));
    if (st.st_size < SEGMENT_DATA_OFFSET || st.st_size > JOURNAL_SEGMENT_BYTES_MAX)
        return incident(path, 0, "this is not the size of a segment", detail);
    *len = (size_t)st.st_size;
    *data = malloc(*len);
    if (*data == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory for %zu bytes of %s", *len, path);
    if (journal_read_all(journal, fd, *data, *len, 0) != 0)
        return err_set(detail, ERR_IO, "cannot read %s: %s", path,
                       errno == 0 ? "it became shorter" : strerror(errno));
    return ERR_OK;
}

static enum err accept_commit(struct journal *journal, const struct segment_walk *walk,
                              const struct commit_view *commit, const char *path,
                              struct err_detail *detail)
{
    const struct commit_header *h = &commit->header;

    if (h->first_index != journal->next_index ||
        __builtin_add_overflow(journal->next_index, h->events_n, &journal->next_index))
        return incident(path, commit->offset, "the numbering of events has a gap", detail);
    if (journal->commit_segment != 0 && event_uuid_equal(&h->epoch, &journal->epoch) &&
        h->last_seq < journal->last_seq)
        return incident(path, commit->offset, "seq runs backwards", detail);
    journal->commit_segment = walk->header.number;
    journal->epoch = h->epoch;
    journal->last_seq = h->last_seq;
    journal->wall_ms = h->wall_ms;
    if (journal->oldest_unacked_ms == 0 && journal->next_index - 1 > journal->acked)
        journal->oldest_unacked_ms = h->wall_ms;
    return journal_keep_state(journal, commit->state, detail);
}

/* Header of segment i against what its place demands. */
static enum err accept_header(struct journal *journal, size_t i, const struct segment_walk *walk,
                              const char *path, struct err_detail *detail)
{
    struct segment *segment = &journal->segments[i];

    if (walk->header.number != segment->number)
        return incident(path, 0, "its header names another segment", detail);
    if (walk->header.size != walk->file.len)
        return incident(path, 0, "its size is not what its header says", detail);
    if (i > 0 && segment->number != journal->segments[i - 1].number + 1)
        return incident(path, 0, "the segment before it is missing", detail);
    if (i == 0)
        journal->next_index = walk->header.first_index;
    else if (walk->header.first_index != journal->next_index)
        return incident(path, 0, "events between it and the segment before are missing", detail);
    segment->first_index = walk->header.first_index;
    segment->size = walk->header.size;
    segment->salt = walk->header.salt;
    struct segment_slot slot = segment_slot_newest(walk->file, segment->salt);
    journal->turn = slot.turn;
    if (slot.acked > journal->acked)
        journal->acked = slot.acked;
    return ERR_OK;
}

static enum err judge_walk_end(struct journal *journal, enum err end, bool is_last,
                               const struct segment_walk *walk, const char *path,
                               struct err_detail *detail)
{
    switch (end) {
    case ERR_NOT_FOUND: return ERR_OK;
    case ERR_TRUNCATED:
        if (!is_last)
            return incident(path, walk->offset, "a damaged record before the last segment", detail);
        journal->torn_bytes = (uint32_t)(walk->file.len - walk->offset);
        return ERR_OK;
    case ERR_CHECKSUM:
        return incident(path, walk->offset, "a record that was on the disk is damaged", detail);
    default: return incident(path, walk->offset, "an intact record makes no sense", detail);
    }
}

/* Zeros from the cut to the end, the rest once more as it is, then sync: from here on the disk has
 * what we believe, or says so. Rewriting equal bytes cannot tear anything. */
static enum err settle_last(struct journal *journal, uint8_t *data, size_t len, const char *path,
                            struct err_detail *detail)
{
    const struct file_ops *ops = journal->ops;
    size_t end = len;

    while (end > journal->offset && data[end - 1] == 0)
        end--;
    memset(data + journal->offset, 0, end - journal->offset);
    if (journal_write_all(journal, journal->fd, data, end, 0) != 0 ||
        ops->datasync(ops->user, journal->fd) != 0)
        return err_set(detail, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    return ERR_OK;
}

static enum err scan_segment(struct journal *journal, size_t i, struct err_detail *detail)
{
    const struct file_ops *ops = journal->ops;
    bool is_last = i + 1 == journal->segments_n;
    char path[SEGMENT_NAME_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    struct segment_walk walk;
    struct commit_view commit;

    journal_segment_path(journal, journal->segments[i].number, "", path);
    int fd = ops->open(ops->user, path, journal->read_only ? O_RDONLY : O_RDWR, 0);
    if (fd < 0)
        return err_set(detail, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    enum err err = load_segment(journal, path, fd, &data, &len, detail);
    if (err != ERR_OK)
        goto out;
    err = segment_walk_begin(&walk, bytes_of(data, len));
    if (err == ERR_UNSUPPORTED) {
        err_set(detail, err, "%s was written by a later version of this program", path);
        goto out;
    }
    if (err != ERR_OK) {
        err = incident(path, 0, "its header is damaged", detail);
        goto out;
    }
    err = accept_header(journal, i, &walk, path, detail);
    while (err == ERR_OK) {
        enum err end = segment_next(&walk, &commit);
        if (end != ERR_OK) {
            err = judge_walk_end(journal, end, is_last, &walk, path, detail);
            break;
        }
        err = accept_commit(journal, &walk, &commit, path, detail);
    }
    journal->offset = walk.offset;
    if (err == ERR_OK && is_last && !journal->read_only) {
        journal->fd = fd;
        err = settle_last(journal, data, len, path, detail);
        fd = -1;
    }
out:
    free(data);
    if (fd >= 0)
        ops->close(ops->user, fd);
    return err;
}

/* J2 and J3 over the whole. */
static enum err check_whole(struct journal *journal, struct err_detail *detail)
{
    char path[SEGMENT_NAME_MAX];

    if (journal->acked > journal->next_index - 1) {
        journal_segment_path(journal, journal->segments[journal->segments_n - 1].number, "", path);
        return incident(path, journal->offset, "acknowledged events are missing at the end",
                        detail);
    }
    if (journal->acked < journal->segments[0].first_index - 1) {
        journal_segment_path(journal, journal->segments[0].number, "", path);
        return incident(path, 0, "a segment with unacknowledged events before it is missing",
                        detail);
    }
    journal->acked_on_disk = journal->acked;
    return ERR_OK;
}

/* The newest acknowledgement is in the last segment, which is walked last: so it is read first. */
static enum err read_acked(struct journal *journal, struct err_detail *detail)
{
    uint8_t head[SEGMENT_DATA_OFFSET];
    char path[SEGMENT_NAME_MAX];
    struct segment_header header;

    journal_segment_path(journal, journal->segments[journal->segments_n - 1].number, "", path);
    int fd = journal->ops->open(journal->ops->user, path, O_RDONLY, 0);
    if (fd < 0)
        return err_set(detail, ERR_IO, "cannot open %s: %s", path, strerror(errno));
    int got = journal_read_all(journal, fd, head, sizeof head, 0);
    int error = errno;
    journal->ops->close(journal->ops->user, fd);
    if (got != 0 && error != 0)
        return err_set(detail, ERR_IO, "cannot read %s: %s", path, strerror(error));
    if (got == 0 && segment_header_get(bytes_of(head, sizeof head), &header) == ERR_OK)
        journal->acked = segment_slot_newest(bytes_of(head, sizeof head), header.salt).acked;
    return ERR_OK; /* a damaged header is scan_segment's to name */
}

static enum err scan(struct journal *journal, struct err_detail *detail)
{
    if (journal->segments_n == 0)
        return ERR_OK;
    enum err err = read_acked(journal, detail);
    for (size_t i = 0; err == ERR_OK && i < journal->segments_n; i++)
        err = scan_segment(journal, i, detail);
    journal->durable = journal->offset;
    return err == ERR_OK ? check_whole(journal, detail) : err;
}

static enum err check_options(const struct journal_options *options, struct err_detail *detail)
{
    if (options->segment_bytes < JOURNAL_SEGMENT_BYTES_MIN ||
        options->segment_bytes > JOURNAL_SEGMENT_BYTES_MAX)
        return err_set(detail, ERR_CONFIG, "journal.segment_bytes must be %d to %d",
                       JOURNAL_SEGMENT_BYTES_MIN, JOURNAL_SEGMENT_BYTES_MAX);
    if (options->max_bytes / options->segment_bytes < JOURNAL_SEGMENTS_MIN)
        return err_set(detail, ERR_CONFIG,
                       "journal.max_bytes must be at least %d times journal.segment_bytes",
                       JOURNAL_SEGMENTS_MIN);
    if (strlen(options->directory) >= JOURNAL_PATH_MAX)
        return err_set(detail, ERR_CONFIG, "journal.dir is longer than %d bytes",
                       JOURNAL_PATH_MAX - 1);
    return ERR_OK;
}

static enum err open_once(const struct journal_options *options, struct journal **journal,
                          struct err_detail *detail)
{
    struct journal *j = calloc(1, sizeof *j);
    enum err err = ERR_OK;

    if (j == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    memcpy(j->directory, options->directory, strlen(options->directory));
    j->ops = options->ops;
    j->max_bytes = options->max_bytes;
    j->segment_bytes = options->segment_bytes;
    j->read_only = options->read_only;
    j->lock_fd = j->fd = j->reader.fd = -1;
    j->next_index = 1;
    j->segments = calloc(JOURNAL_SEGMENTS_MAX, sizeof *j->segments);
    j->record = malloc(options->segment_bytes);
    if (j->segments == NULL || j->record == NULL)
        err = err_set(detail, ERR_NOMEM, "out of memory");
    if (err == ERR_OK && !j->read_only && mkdir(j->directory, 0700) != 0 && errno != EEXIST)
        err = err_set(detail, ERR_IO, "cannot create %s: %s", j->directory, strerror(errno));
    if (err == ERR_OK && !j->read_only)
        err = take_lock(j, detail);
    if (err == ERR_OK)
        err = list_segments(j, detail);
    if (err == ERR_OK)
        err = scan(j, detail);
    if (err == ERR_OK && j->read_only && j->segments_n == 0)
        err = err_set(detail, ERR_NOT_FOUND, "there is no journal in %s", j->directory);
    if (err != ERR_OK) {
        journal_close(j);
        return err;
    }
    journal_seek(j, j->acked + 1);
    *journal = j;
    return ERR_OK;
}

enum err journal_open(const struct journal_options *options, struct journal **journal,
                      struct err_detail *detail)
{
    *journal = NULL;
    enum err err = check_options(options, detail);
    if (err != ERR_OK)
        return err;
    err = open_once(options, journal, detail);
    /* A running producer may have deleted a segment between listing and reading it. */
    for (int tries = 1; err == ERR_IO && options->read_only && tries < READ_ONLY_TRIES; tries++)
        err = open_once(options, journal, detail);
    return err;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    const struct file_ops *ops = journal->ops;
    if (journal->reader.fd >= 0)
        ops->close(ops->user, journal->reader.fd);
    if (journal->fd >= 0)
        ops->close(ops->user, journal->fd);
    if (journal->lock_fd >= 0)
        ops->close(ops->user, journal->lock_fd);
    free(journal->record);
    free(journal->state);
    free(journal->segments);
    free(journal);
}
