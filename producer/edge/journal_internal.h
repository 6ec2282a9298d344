/*
 * What journal.c (append, acknowledge, trim) shares with journal_open.c (recovery) and
 * journal_read.c (the reader). For these three files only.
 */
#ifndef PRODUCER_EDGE_JOURNAL_INTERNAL_H
#define PRODUCER_EDGE_JOURNAL_INTERNAL_H

#include "producer/edge/journal.h"
#include "producer/edge/journal_format.h"

struct segment {
    uint64_t number;
    uint64_t first_index;
    uint32_t size;
    uint32_t salt;
};

/* Where journal_read goes on. fd −1: the place has to be looked up by index first. */
struct reader {
    uint64_t next_index;
    uint64_t segment; /* number */
    int fd;
    uint32_t salt;
    uint32_t offset;      /* of the next event's header while left > 0, else of the next record */
    uint32_t record_next; /* offset of the record after the one being read */
    uint32_t left;        /* events left in the record */
};

struct journal {
    char directory[JOURNAL_PATH_MAX];
    const struct file_ops *ops;
    uint64_t max_bytes;
    uint32_t segment_bytes;
    bool read_only;
    bool broken; /* J6 */
    struct err_detail why_broken;
    int lock_fd;
    int fd;                   /* the last segment; −1 = there is none yet, or read_only */
    struct segment *segments; /* oldest first, JOURNAL_SEGMENTS_MAX places */
    size_t segments_n;
    uint32_t offset;  /* where the next record goes in the last segment */
    uint32_t durable; /* bytes of the last segment that the disk is known to have */
    uint64_t turn;    /* of the last acknowledgement slot written */
    uint64_t acked;
    uint64_t acked_on_disk; /* in a slot or a commit that has been synced, J3 */
    uint64_t next_index;
    uint64_t commit_segment; /* number of the segment with the newest commit, 0 = none */
    struct event_uuid epoch;
    uint64_t last_seq;
    int64_t wall_ms;
    int64_t oldest_unacked_ms;
    uint32_t torn_bytes;
    uint8_t *state; /* the newest commit's, owned */
    size_t state_len;
    uint8_t *record; /* segment_bytes, for building a record */
    struct reader reader;
};

enum { SEGMENT_NAME_MAX = JOURNAL_PATH_MAX + 32 };

void journal_segment_path(const struct journal *journal, uint64_t number, const char *suffix,
                          char out[SEGMENT_NAME_MAX]);
/* Writes all of it; −1 and errno. */
int journal_write_all(const struct journal *journal, int fd, const uint8_t *data, size_t n,
                      uint32_t offset);
/* Reads exactly n bytes; −1 and errno (0 = the file is shorter). */
int journal_read_all(const struct journal *journal, int fd, uint8_t *data, size_t n,
                     uint32_t offset);
/* J6: marks it broken and returns ERR_IO with what failed on which file. */
enum err journal_break(struct journal *journal, const char *what, const char *path, int error,
                       struct err_detail *detail);
/* Keeps a copy of the newest commit's state. */
enum err journal_keep_state(struct journal *journal, struct bytes state,
                            struct err_detail *detail) MUST_CHECK;

#endif
