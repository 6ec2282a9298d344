/*
 * Named log files, one after the other to their ends: the source of a backfill. They are history:
 * nothing is followed, an unfinished last line is delivered, and the end is the end.
 */
#ifndef PRODUCER_EDGE_FILE_LIST_H
#define PRODUCER_EDGE_FILE_LIST_H

#include "producer/edge/tailer.h"

enum { FILE_LIST_POSITION_BYTES = 1 + 4 + 4 + LOG_POSITION_BYTES };

struct file_list;

/* `paths` (n ≥ 1) must outlive the list. Every file must exist and be plain text: ERR_NOT_FOUND,
 * ERR_IO, ERR_UNSUPPORTED (compressed, or no regular file), ERR_NOMEM. */
enum err file_list_new(const char *const *paths, size_t n, struct file_list **list,
                       struct err_detail *detail) MUST_CHECK;
void file_list_free(struct file_list *list);

/* As tailer_read. ERR_INCIDENT: a file was rewritten while it was read. */
enum err file_list_read(struct file_list *list, const struct tailer_request *request,
                        struct tailer_progress *progress, struct err_detail *detail) MUST_CHECK;

/* As tailer_save and tailer_load. ERR_CONFLICT: the position is of other files (by device and
 * inode, in order), or the file has changed before it. */
size_t file_list_save(const struct file_list *list, uint8_t out[FILE_LIST_POSITION_BYTES]);
enum err file_list_load(struct file_list *list, struct bytes position,
                        struct err_detail *detail) MUST_CHECK;

#endif
