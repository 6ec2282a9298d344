/*
 * The journal's one reader: walks the events that have been committed, from a given index on, a few
 * preads per event. It keeps its own descriptor, so the segment it reads may be deleted meanwhile.
 */
#include "producer/edge/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include "common/crc32.h"
#include "producer/edge/journal_internal.h"

void journal_seek(struct journal *journal, uint64_t index)
{
    struct reader *reader = &journal->reader;

    assert(index > journal->acked && index <= journal->next_index);
    if (reader->fd >= 0)
        journal->ops->close(journal->ops->user, reader->fd);
    *reader = (struct reader){.next_index = index, .fd = -1};
}

static enum err fail(struct journal *journal, const char *what, struct err_detail *detail)
{
    char path[SEGMENT_NAME_MAX];

    journal_segment_path(journal, journal->reader.segment, "", path);
    if (errno != 0)
        return journal_break(journal, what, path, errno, detail);
    journal->broken = true;
    err_set(&journal->why_broken, ERR_INCIDENT, "%s %s, offset %u: what was durable has changed",
            what, path, journal->reader.offset);
    return err_set(detail, ERR_INCIDENT, "%s", journal->why_broken.text);
}

static enum err open_segment(struct journal *journal, uint64_t number, uint32_t salt,
                             struct err_detail *detail)
{
    struct reader *reader = &journal->reader;
    char path[SEGMENT_NAME_MAX];

    if (reader->fd >= 0)
        journal->ops->close(journal->ops->user, reader->fd);
    journal_segment_path(journal, number, "", path);
    reader->segment = number;
    reader->offset = SEGMENT_DATA_OFFSET;
    reader->left = 0;
    reader->salt = salt;
    reader->fd = journal->ops->open(journal->ops->user, path, O_RDONLY, 0);
    return reader->fd >= 0 ? ERR_OK : fail(journal, "cannot open", detail);
}

/* The segment that holds reader->next_index: the last one that starts at or before it. */
static enum err find_segment(struct journal *journal, struct err_detail *detail)
{
    size_t i = journal->segments_n;

    while (i > 1 && journal->segments[i - 1].first_index > journal->reader.next_index)
        i--;
    return open_segment(journal, journal->segments[i - 1].number, journal->segments[i - 1].salt,
                        detail);
}

/* After the last record of a segment: the next one that has not been deleted. */
static enum err next_segment(struct journal *journal, struct err_detail *detail)
{
    for (size_t i = 0; i < journal->segments_n; i++)
        if (journal->segments[i].number > journal->reader.segment)
            return open_segment(journal, journal->segments[i].number, journal->segments[i].salt,
                                detail);
    errno = 0;
    return fail(journal, "events are missing after", detail);
}

/* Stands reader->offset on the next event, entering records as needed and skipping those events of
 * a record that come before next_index. */
static enum err enter_record(struct journal *journal, struct err_detail *detail)
{
    struct reader *reader = &journal->reader;
    const struct segment *last = &journal->segments[journal->segments_n - 1];
    uint8_t head[RECORD_HEADER_BYTES + COMMIT_HEADER_BYTES];
    struct record_header record = {0};
    struct commit_header commit = {0};

    if (reader->segment == last->number && reader->offset >= journal->durable) {
        errno = 0;
        return fail(journal, "an event is missing in", detail);
    }
    int got = journal_read_all(journal, reader->fd, head, sizeof head, reader->offset);
    if (got != 0 && errno != 0)
        return fail(journal, "cannot read", detail);
    if (got == 0) {
        record_header_get(head, &record);
        commit_header_get(head + RECORD_HEADER_BYTES, &commit);
    }
    if (record.length == 0)
        return next_segment(journal, detail);
    errno = 0;
    if (record.length < COMMIT_HEADER_BYTES || record.length > JOURNAL_SEGMENT_BYTES_MAX ||
        commit.first_index > reader->next_index)
        return fail(journal, "cannot follow", detail);
    reader->record_next = reader->offset + RECORD_HEADER_BYTES + record_padded(record.length);
    if (commit.first_index + commit.events_n <= reader->next_index) {
        reader->offset = reader->record_next;
        return ERR_OK;
    }
    reader->offset += RECORD_HEADER_BYTES + COMMIT_HEADER_BYTES;
    reader->left = commit.events_n;
    for (uint64_t index = commit.first_index; index < reader->next_index; index++) {
        uint8_t event[EVENT_HEADER_BYTES];
        uint32_t crc;

        if (journal_read_all(journal, reader->fd, event, sizeof event, reader->offset) != 0)
            return fail(journal, "cannot read", detail);
        uint32_t length = event_header_get(event, &crc);
        if (length > reader->record_next - reader->offset)
            return fail(journal, "cannot follow", detail);
        reader->offset += EVENT_HEADER_BYTES + length;
        reader->left--;
    }
    return ERR_OK;
}

enum err journal_read(struct journal *journal, uint8_t *buffer, size_t cap, size_t *len,
                      uint64_t *index, struct err_detail *detail)
{
    struct reader *reader = &journal->reader;
    uint8_t head[EVENT_HEADER_BYTES];
    uint32_t crc;
    enum err err = ERR_OK;

    if (journal->broken)
        return err_set(detail, ERR_CLOSED, "%s", journal->why_broken.text);
    if (reader->next_index == journal->next_index)
        return ERR_NOT_FOUND;
    if (reader->fd < 0)
        err = find_segment(journal, detail);
    while (err == ERR_OK && reader->left == 0)
        err = enter_record(journal, detail);
    if (err != ERR_OK)
        return err;
    if (journal_read_all(journal, reader->fd, head, sizeof head, reader->offset) != 0)
        return fail(journal, "cannot read", detail);
    uint32_t length = event_header_get(head, &crc);
    errno = 0;
    if (length > reader->record_next - reader->offset)
        return fail(journal, "cannot follow", detail);
    if (length > cap)
        return err_set(detail, ERR_CAPACITY, "an event of %u bytes does not fit", length);
    if (journal_read_all(journal, reader->fd, buffer, length,
                         reader->offset + EVENT_HEADER_BYTES) != 0)
        return fail(journal, "cannot read", detail);
    errno = 0;
    if (crc32c(reader->salt, bytes_of(buffer, length)) != crc)
        return fail(journal, "a damaged event in", detail);
    reader->offset += EVENT_HEADER_BYTES + length;
    if (--reader->left == 0)
        reader->offset = reader->record_next;
    *len = length;
    *index = reader->next_index++;
    return ERR_OK;
}
