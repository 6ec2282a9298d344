/*
 * Lines out of a stream of chunks of any size. Pure; for `parse` and tests. Following files that
 * grow and rotate is the tailer's (producer/edge).
 */
#ifndef PRODUCER_CORE_LINE_SPLIT_H
#define PRODUCER_CORE_LINE_SPLIT_H

#include "producer/core/log_line.h"

/* A line that began in an earlier chunk. About 1 MiB. */
struct line_split {
    size_t len;
    bool cut; /* longer than LOG_LINE_MAX: the rest was dropped */
    uint8_t text[LOG_LINE_MAX];
};

void line_split_init(struct line_split *split);

/* Takes from the front of `chunk`. true: `line` is complete, without its newline; call again with
 * what is left. false: the chunk is used up. `line` lives as long as the chunk, and until the next
 * call. */
bool line_split_next(struct line_split *split, struct bytes *chunk, struct bytes *line, bool *cut);

/* The unfinished last line of the stream; false if there is none. */
bool line_split_end(struct line_split *split, struct bytes *line, bool *cut);

#endif
