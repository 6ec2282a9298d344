/*
 * The order in which log files of a backfill are read: by the time of the first thing that each
 * says about an enclave. File names are not trusted: a shell lists PATH before PATH.1, logrotate
 * may number or date.
 */
#ifndef PRODUCER_EDGE_FILE_ORDER_H
#define PRODUCER_EDGE_FILE_ORDER_H

#include <stddef.h>

#include "common/err.h"

/* *ordered is a new array of the same n pointers, oldest first; files that say nothing come last,
 * ties keep their order. The caller frees it. Errors of log_file_open; ERR_NOMEM. */
enum err file_order_by_time(const char *const *paths, size_t n, const char ***ordered,
                            struct err_detail *detail) MUST_CHECK;

#endif
