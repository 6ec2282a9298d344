/*
 * Where log lines come from, for those who do not care: the tailer (`run`) or a list of files
 * (`run --backfill`). A source delivers lines, knows how far it got, and can go on from there.
 */
#ifndef PRODUCER_EDGE_LINE_SOURCE_H
#define PRODUCER_EDGE_LINE_SOURCE_H

#include "producer/edge/file_list.h"
#include "producer/edge/tailer.h"

enum { LINE_SOURCE_POSITIONS_MAX = TAILER_POSITIONS_MAX };
_Static_assert((int)FILE_LIST_POSITION_BYTES <= (int)LINE_SOURCE_POSITIONS_MAX, "both must fit");

/* Exactly one is set. */
struct line_source {
    struct tailer *tailer;
    struct file_list *list;
};

static inline enum err line_source_read(const struct line_source *source,
                                        const struct tailer_request *request,
                                        struct tailer_progress *progress, struct err_detail *detail)
{
    return source->tailer != NULL ? tailer_read(source->tailer, request, progress, detail)
                                  : file_list_read(source->list, request, progress, detail);
}

static inline size_t line_source_save(const struct line_source *source,
                                      uint8_t out[LINE_SOURCE_POSITIONS_MAX])
{
    return source->tailer != NULL ? tailer_save(source->tailer, out)
                                  : file_list_save(source->list, out);
}

static inline enum err line_source_load(const struct line_source *source, struct bytes positions,
                                        struct err_detail *detail)
{
    return source->tailer != NULL ? tailer_load(source->tailer, positions, detail)
                                  : file_list_load(source->list, positions, detail);
}

#endif
