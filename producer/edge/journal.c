/*
 * Writing the journal: append, acknowledge, trim. Recovery is in journal_open.c, the reader in
 * journal_read.c, the layout in journal_format.c.
 */
#include "producer/edge/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "producer/edge/journal_internal.h"

void journal_segment_path(const struct journal *journal, uint64_t number, const char *suffix,
                          char out[SEGMENT_NAME_MAX])
{
    int n = snprintf(out, SEGMENT_NAME_MAX, "%s/journal-%020" PRIu64 "%s", journal->directory,
                     number, suffix);
    assert(n > 0 && n < SEGMENT_NAME_MAX);
}

int journal_write_all(const struct journal *journal, int fd, const uint8_t *data, size_t n,
                      uint32_t offset)
{
    const struct file_ops *ops = journal->ops;

    for (size_t done = 0; done < n;) {
        ssize_t written = ops->pwrite(ops->user, fd, data + done, n - done, (off_t)(offset + done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = ENOSPC;
        if (written <= 0)
            return -1;
        done += (size_t)written;
    }
    return 0;
}

int journal_read_all(const struct journal *journal, int fd, uint8_t *data, size_t n,
                     uint32_t offset)
{
    const struct file_ops *ops = journal->ops;

    for (size_t done = 0; done < n;) {
        ssize_t got = ops->pread(ops->user, fd, data + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = 0;
        if (got <= 0)
            return -1;
        done += (size_t)got;
    }
    return 0;
}

enum err journal_break(struct journal *journal, const char *what, const char *path, int error,
                       struct err_detail *detail)
{
    journal->broken = true;
    err_set(&journal->why_broken, ERR_IO,
            "%s %s: %s; the journal is closed, since the disk may not have what was written: "
            "check the disk, then start again",
            what, path, strerror(error));
    return err_set(detail, ERR_IO, "%s", journal->why_broken.text);
}

enum err journal_keep_state(struct journal *journal, struct bytes state, struct err_detail *detail)
{
    uint8_t *copy = realloc(journal->state, state.len == 0 ? 1 : state.len);

    if (copy == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory for %zu bytes of state", state.len);
    if (state.len > 0)
        memcpy(copy, state.ptr, state.len);
    journal->state = copy;
    journal->state_len = state.len;
    return ERR_OK;
}

void journal_get_state(const struct journal *journal, struct journal_state *state)
{
    *state = (struct journal_state){
        .has_commit = journal->commit_segment != 0,
        .epoch = journal->epoch,
        .last_seq = journal->last_seq,
        .wall_ms = journal->wall_ms,
        .state = bytes_of(journal->state, journal->state_len),
        .last_index = journal->next_index - 1,
        .acked = journal->acked,
        .oldest_unacked_ms = journal->oldest_unacked_ms,
        .max_bytes = journal->max_bytes,
        .torn_bytes = journal->torn_bytes,
    };
    for (size_t i = 0; i < journal->segments_n; i++)
        state->bytes += journal->segments[i].size;
}

static struct segment *last_segment(struct journal *journal)
{
    return &journal->segments[journal->segments_n - 1];
}

/* Writes the acknowledgement into the slot whose turn it is. Not synced. */
static enum err write_slot(struct journal *journal, struct err_detail *detail)
{
    struct segment *last = last_segment(journal);
    struct segment_slot slot = {journal->turn + 1, journal->acked};
    uint8_t out[SEGMENT_SLOT_BYTES];
    char path[SEGMENT_NAME_MAX];

    segment_slot_put(out, last->salt, &slot);
    uint32_t offset = (uint32_t)(slot.turn % SEGMENT_SLOTS + 1) * SEGMENT_SLOT_OFFSET;
    if (journal_write_all(journal, journal->fd, out, sizeof out, offset) != 0) {
        journal_segment_path(journal, last->number, "", path);
        return journal_break(journal, "cannot write the acknowledgement to", path, errno, detail);
    }
    journal->turn++;
    return ERR_OK;
}

static enum err sync_last(struct journal *journal, struct err_detail *detail)
{
    char path[SEGMENT_NAME_MAX];

    if (journal->ops->datasync(journal->ops->user, journal->fd) != 0) {
        journal_segment_path(journal, last_segment(journal)->number, "", path);
        return journal_break(journal, "cannot sync", path, errno, detail);
    }
    return ERR_OK;
}

/* Deletes leading segments whose events are all acknowledged (J3, J4). */
static enum err trim(struct journal *journal, struct err_detail *detail)
{
    const struct file_ops *ops = journal->ops;
    char path[SEGMENT_NAME_MAX];

    while (journal->segments_n > 1 && journal->segments[0].number < journal->commit_segment &&
           journal->segments[1].first_index - 1 <= journal->acked) {
        if (journal->acked_on_disk < journal->segments[1].first_index - 1) {
            uint64_t acked = journal->acked;
            enum err err = write_slot(journal, detail);
            if (err == ERR_OK)
                err = sync_last(journal, detail);
            if (err != ERR_OK)
                return err;
            journal->acked_on_disk = acked;
        }
        journal_segment_path(journal, journal->segments[0].number, "", path);
        if (ops->unlink(ops->user, path) != 0)
            return journal_break(journal, "cannot delete", path, errno, detail);
        /* In order on the disk too, or a crash could leave a gap that looks like a loss. */
        if (ops->sync_directory(ops->user, journal->directory) != 0)
            return journal_break(journal, "cannot sync", journal->directory, errno, detail);
        journal->segments_n--;
        memmove(journal->segments, journal->segments + 1,
                journal->segments_n * sizeof *journal->segments);
    }
    return ERR_OK;
}

static bool is_no_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* Fills in a new segment under its temporary name; −1 and errno. */
static int prepare_segment(struct journal *journal, int fd, const struct segment *segment)
{
    const struct file_ops *ops = journal->ops;
    struct segment_header header = {.number = segment->number,
                                    .first_index = segment->first_index,
                                    .size = segment->size,
                                    .salt = segment->salt};
    struct segment_slot slot = {1, journal->acked};
    uint8_t head[SEGMENT_HEADER_BYTES];
    uint8_t slot_bytes[SEGMENT_SLOT_BYTES];

    if (ops->allocate(ops->user, fd, (off_t)segment->size) != 0)
        return -1;
    segment_header_put(head, &header);
    segment_slot_put(slot_bytes, segment->salt, &slot);
    if (journal_write_all(journal, fd, head, sizeof head, 0) != 0 ||
        journal_write_all(journal, fd, slot_bytes, sizeof slot_bytes, 2 * SEGMENT_SLOT_OFFSET) != 0)
        return -1;
    return ops->datasync(ops->user, fd);
}

/* A new last segment. Under its final name it is always complete. ERR_NO_SPACE: nothing changed. */
static enum err add_segment(struct journal *journal, struct err_detail *detail)
{
    const struct file_ops *ops = journal->ops;
    struct segment segment = {.number =
                                  journal->segments_n == 0 ? 1 : last_segment(journal)->number + 1,
                              .first_index = journal->next_index,
                              .size = journal->segment_bytes};
    char path[SEGMENT_NAME_MAX], temporary[SEGMENT_NAME_MAX];

    if (getrandom(&segment.salt, sizeof segment.salt, 0) != (ssize_t)sizeof segment.salt)
        return err_set(detail, ERR_IO, "getrandom: %s", strerror(errno));
    journal_segment_path(journal, segment.number, "", path);
    journal_segment_path(journal, segment.number, ".tmp", temporary);
    int fd = ops->open(ops->user, temporary, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return err_set(detail, is_no_space(errno) ? ERR_NO_SPACE : ERR_IO, "cannot create %s: %s",
                       temporary, strerror(errno));
    if (prepare_segment(journal, fd, &segment) != 0 ||
        ops->rename(ops->user, temporary, path) != 0) {
        int error = errno;
        ops->close(ops->user, fd);
        ops->unlink(ops->user, temporary);
        if (is_no_space(error))
            return err_set(detail, ERR_NO_SPACE, "no space for %s (%u bytes): %s", path,
                           segment.size, strerror(error));
        return journal_break(journal, "cannot make", path, error, detail);
    }
    if (ops->sync_directory(ops->user, journal->directory) != 0) {
        int error = errno;
        ops->close(ops->user, fd);
        return journal_break(journal, "cannot sync", journal->directory, error, detail);
    }
    if (journal->fd >= 0)
        ops->close(ops->user, journal->fd);
    journal->fd = fd;
    journal->segments[journal->segments_n++] = segment;
    journal->offset = SEGMENT_DATA_OFFSET;
    journal->durable = SEGMENT_DATA_OFFSET;
    journal->turn = 1;
    journal->acked_on_disk = journal->acked;
    return ERR_OK;
}

static bool may_add_segment(const struct journal *journal)
{
    uint64_t bytes = journal->segment_bytes;

    for (size_t i = 0; i < journal->segments_n; i++)
        bytes += journal->segments[i].size;
    return bytes <= journal->max_bytes && journal->segments_n < JOURNAL_SEGMENTS_MAX;
}

static bool fits_last_segment(struct journal *journal, uint64_t record_bytes)
{
    return journal->segments_n > 0 &&
           record_bytes <= (uint64_t)last_segment(journal)->size - journal->offset;
}

static uint64_t record_bytes(uint64_t events_bytes, uint64_t state_bytes)
{
    return RECORD_HEADER_BYTES + COMMIT_HEADER_BYTES + events_bytes + state_bytes + RECORD_ALIGN;
}

/* Makes sure that a record of `bytes` fits into the last segment. */
static enum err make_room(struct journal *journal, uint64_t bytes, struct err_detail *detail)
{
    if (bytes > journal->segment_bytes - SEGMENT_DATA_OFFSET)
        return err_set(detail, ERR_LIMIT, "a commit of %" PRIu64 " bytes exceeds a segment (%u)",
                       bytes, journal->segment_bytes);
    if (fits_last_segment(journal, bytes))
        return ERR_OK;
    enum err err = trim(journal, detail);
    if (err != ERR_OK)
        return err;
    if (!may_add_segment(journal))
        return err_set(detail, ERR_NO_SPACE,
                       "the journal %s is full (journal.max_bytes=%" PRIu64
                       "): events wait for the broker",
                       journal->directory, journal->max_bytes);
    return add_segment(journal, detail);
}

/* Builds the record in journal->record; returns its length with padding. */
static uint32_t build_record(struct journal *journal, const struct journal_commit *commit,
                             uint32_t events_bytes)
{
    struct commit_header header = {.epoch = commit->epoch,
                                   .last_seq = commit->last_seq,
                                   .first_index = journal->next_index,
                                   .wall_ms = commit->wall_ms,
                                   .events_n = (uint32_t)commit->events_n,
                                   .events_bytes = events_bytes,
                                   .state_bytes = (uint32_t)commit->state.len};
    uint32_t salt = last_segment(journal)->salt;
    uint32_t at = RECORD_HEADER_BYTES;

    commit_header_put(journal->record + at, &header);
    at += COMMIT_HEADER_BYTES;
    for (size_t i = 0; i < commit->events_n; i++) {
        event_header_put(journal->record + at, salt, commit->events[i]);
        at += EVENT_HEADER_BYTES;
        memcpy(journal->record + at, commit->events[i].ptr, commit->events[i].len);
        at += (uint32_t)commit->events[i].len;
    }
    if (commit->state.len > 0)
        memcpy(journal->record + at, commit->state.ptr, commit->state.len);
    at += (uint32_t)commit->state.len;
    uint32_t padded = record_padded(at);
    memset(journal->record + at, 0, padded - at);
    record_seal(journal->record, at - RECORD_HEADER_BYTES, salt, journal->durable);
    return padded;
}

enum err journal_append(struct journal *journal, const struct journal_commit *commit,
                        struct err_detail *detail)
{
    uint64_t events_bytes = 0;

    assert(!journal->read_only && commit->events_n <= JOURNAL_EVENTS_MAX);
    if (journal->broken)
        return err_set(detail, ERR_CLOSED, "%s", journal->why_broken.text);
    for (size_t i = 0; i < commit->events_n; i++)
        events_bytes += EVENT_HEADER_BYTES + (uint64_t)commit->events[i].len;
    enum err err = make_room(journal, record_bytes(events_bytes, commit->state.len), detail);
    if (err == ERR_OK)
        err = journal_keep_state(journal, commit->state, detail);
    if (err != ERR_OK)
        return err;

    char path[SEGMENT_NAME_MAX];
    uint32_t length = build_record(journal, commit, (uint32_t)events_bytes);
    if (journal_write_all(journal, journal->fd, journal->record, length, journal->offset) != 0) {
        journal_segment_path(journal, last_segment(journal)->number, "", path);
        return journal_break(journal, "cannot write", path, errno, detail);
    }
    err = sync_last(journal, detail);
    if (err != ERR_OK)
        return err;
    journal->offset += length;
    journal->durable = journal->offset;
    journal->next_index += commit->events_n;
    journal->commit_segment = last_segment(journal)->number;
    journal->epoch = commit->epoch;
    journal->last_seq = commit->last_seq;
    journal->wall_ms = commit->wall_ms;
    return ERR_OK;
}

enum err journal_ack(struct journal *journal, uint64_t index, struct err_detail *detail)
{
    assert(!journal->read_only && index < journal->next_index);
    if (journal->broken)
        return err_set(detail, ERR_CLOSED, "%s", journal->why_broken.text);
    if (index <= journal->acked)
        return ERR_OK;
    journal->acked = index;
    enum err err = write_slot(journal, detail);
    return err == ERR_OK ? trim(journal, detail) : err;
}
