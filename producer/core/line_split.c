/*
 * Lines out of chunks; see line_split.h. A line that lies within one chunk is never copied.
 */
#include "producer/core/line_split.h"

void line_split_init(struct line_split *split)
{
    split->len = 0;
    split->cut = false;
}

static void keep(struct line_split *split, struct bytes part)
{
    size_t room = sizeof split->text - split->len;

    if (part.len > room) {
        split->cut = true;
        part.len = room;
    }
    if (part.len > 0)
        memcpy(split->text + split->len, part.ptr, part.len);
    split->len += part.len;
}

static void finish(struct line_split *split, struct bytes *line, bool *cut)
{
    *line = bytes_of(split->text, split->len);
    *cut = split->cut;
    line_split_init(split);
}

bool line_split_next(struct line_split *split, struct bytes *chunk, struct bytes *line, bool *cut)
{
    const uint8_t *newline = chunk->len == 0 ? NULL : memchr(chunk->ptr, '\n', chunk->len);

    if (newline == NULL) {
        keep(split, *chunk);
        *chunk = bytes_of(NULL, 0);
        return false;
    }
    struct bytes part = bytes_of(chunk->ptr, (size_t)(newline - chunk->ptr));
    *chunk = bytes_skip(*chunk, part.len + 1);
    if (split->len == 0 && !split->cut && part.len <= LOG_LINE_MAX) {
        *line = part;
        *cut = false;
        return true;
    }
    keep(split, part);
    finish(split, line, cut);
    return true;
}

bool line_split_end(struct line_split *split, struct bytes *line, bool *cut)
{
    if (split->len == 0)
        return false;
    finish(split, line, cut);
    return true;
}
