/*
 * The journal: the point of no loss. What is in it will be published; what is not in it has not
 * happened. Not a queue for heartbeats (they may be lost) and not a general log.
 *
 * One commit carries, atomically: newly numbered events, and the state that goes with them (source
 * positions and tracker, opaque here). journal_append returns only when the disk has it; only then
 * journal_read shows the events. Acknowledgements are lazy: losing one means sending twice (R2).
 *
 * Invariants, checked when it is opened and asserted where they are cheap:
 *   J1 events are indexed densely from 1 over the whole life of the directory
 *   J2 acked ≤ last index; both never fall
 *   J3 segments are numbered without gaps, and an acknowledgement is on the disk before the
 *      segment that it allows to delete is gone: so a missing segment is always noticed
 *   J4 the segment with the newest commit is never deleted
 *   J5 a commit that was not reported as done may be there or not, never in part
 *   J6 after a failed write or sync nothing more is done with the directory by this struct: the
 *      page cache may hold what the disk does not. Opening writes the last segment out again.
 *
 * On the disk: `lock` (flock, one producer per directory) and `journal-<20 digits>`, preallocated
 * segments (journal_format.h).
 */
#ifndef PRODUCER_EDGE_JOURNAL_H
#define PRODUCER_EDGE_JOURNAL_H

#include <stdbool.h>

#include "common/bytes.h"
#include "common/err.h"
#include "producer/edge/file_ops.h"
#include "schemas/c/event.h"

enum {
    JOURNAL_PATH_MAX = 4096,
    JOURNAL_SEGMENT_BYTES_MIN = 256 * 1024,
    JOURNAL_SEGMENT_BYTES_MAX = 64 * 1024 * 1024,
    JOURNAL_SEGMENTS_MIN = 2, /* max_bytes holds at least this many segments */
    JOURNAL_SEGMENTS_MAX = 4096,
    JOURNAL_EVENTS_MAX = 4096, /* events of one commit */
};

struct journal_options {
    const char *directory;
    uint64_t max_bytes;
    uint32_t segment_bytes;
    const struct file_ops *ops;
    bool
        read_only; /* `status`: takes no lock, changes nothing, sees a running producer's journal */
};

/* The newest commit, and what has become of the events. Slices live until the next append. */
struct journal_state {
    bool has_commit; /* false: the directory is new; epoch, last_seq and state are empty */
    struct event_uuid epoch;
    uint64_t last_seq;
    int64_t wall_ms; /* of the newest commit */
    struct bytes state;
    uint64_t last_index;       /* 0 = no event yet */
    uint64_t acked;            /* ≤ last_index */
    int64_t oldest_unacked_ms; /* when it was committed; only right after opening; 0 = none */
    uint64_t bytes;            /* on the disk */
    uint64_t max_bytes;
    uint32_t torn_bytes; /* cut off when it was opened */
};

struct journal_commit {
    struct event_uuid epoch;
    uint64_t last_seq; /* the last of `events`, or the last given in this epoch before */
    int64_t wall_ms;
    const struct bytes *events; /* encoded, in seq order */
    size_t events_n;            /* ≤ JOURNAL_EVENTS_MAX */
    struct bytes state;
};

struct journal;

/*
 * Creates the directory if its parent exists, takes the lock, reads everything. ERR_CONFLICT:
 * another producer holds the lock; ERR_INCIDENT: durable data contradicts itself (file and offset
 * in the detail); ERR_UNSUPPORTED: written by a later version; ERR_IO; ERR_NO_SPACE;
 * ERR_NOT_FOUND: read_only and there is no journal; ERR_NOMEM; ERR_CONFIG: sizes.
 */
enum err journal_open(const struct journal_options *options, struct journal **journal,
                      struct err_detail *detail) MUST_CHECK;
void journal_close(struct journal *journal);

void journal_get_state(const struct journal *journal, struct journal_state *state);

/*
 * ERR_OK: it is on the disk. ERR_NO_SPACE: nothing was changed, try again when something was
 * acknowledged. ERR_LIMIT: larger than a segment. ERR_IO: closed for good, as is every later call
 * (ERR_CLOSED): open it again to learn what the disk has.
 */
enum err journal_append(struct journal *journal, const struct journal_commit *commit,
                        struct err_detail *detail) MUST_CHECK;

/* Everything up to `index` has been acknowledged. Written without waiting for the disk; deletes
 * segments that are no longer needed. An index below the present one is ignored. */
enum err journal_ack(struct journal *journal, uint64_t index, struct err_detail *detail) MUST_CHECK;

/* The next journal_read returns event `index` (acked < index ≤ last_index + 1). */
void journal_seek(struct journal *journal, uint64_t index);

/* Copies the next event. ERR_NOT_FOUND: none yet. ERR_CAPACITY: `cap` is below EVENT_RECORD_MAX and
 * too small. ERR_INCIDENT: what was durable has changed. */
enum err journal_read(struct journal *journal, uint8_t *buffer, size_t cap, size_t *len,
                      uint64_t *index, struct err_detail *detail) MUST_CHECK;

#endif
