/*
 * Files as edges need them: whole reads with a limit, durable creation and replacement, full
 * writes. Errors name the path and say what to do. Not for following logs (the producer's tailer
 * does that).
 *
 * Error codes: ERR_NOT_FOUND, ERR_EXISTS, ERR_NO_SPACE (disk full or quota), ERR_LIMIT, ERR_NOMEM,
 * ERR_IO for everything else.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buffer.h"
#include "common/err.h"

enum file_read_flags {
    FILE_FOLLOW_LINKS = 0,
    FILE_NO_LINKS = 1, /* the last component must not be a symbolic link */
};

/* Appends the whole content of a regular file to `out`; ERR_LIMIT if it is longer than
 * `limit_bytes`. On error `out` keeps what it had. */
MUST_CHECK enum err file_read(const char *path, size_t limit_bytes, enum file_read_flags flags,
                              struct buffer *out, struct err_detail *detail);

/* Creates `path` with exactly `content`, or not at all: after ERR_OK it survives a crash of the
 * machine. ERR_EXISTS (the file is untouched) if it exists; one of several racing creators wins. */
MUST_CHECK enum err file_create(const char *path, struct bytes content, mode_t mode,
                                struct err_detail *detail);
/* The same, but whatever was there is replaced: a reader sees the old content or the new one. */
MUST_CHECK enum err file_replace(const char *path, struct bytes content, mode_t mode,
                                 struct err_detail *detail);

/* `path` and its missing parents. An existing directory is success. */
MUST_CHECK enum err file_make_directories(const char *path, mode_t mode, struct err_detail *detail);
/* The parents of `path` only. */
MUST_CHECK enum err file_make_parents(const char *path, mode_t mode, struct err_detail *detail);

/* Makes names created, renamed or removed in the directory of `path` survive a crash. */
MUST_CHECK enum err file_sync_parent(const char *path, struct err_detail *detail);

/* All bytes, through EINTR and short writes. `path` is for the error text. */
MUST_CHECK enum err file_write_all(int fd, struct bytes content, const char *path,
                                   struct err_detail *detail);
MUST_CHECK enum err file_pwrite_all(int fd, struct bytes content, int64_t offset, const char *path,
                                    struct err_detail *detail);
/* Up to `len` bytes at `offset`; fewer in `*got` only at the end of the file. */
MUST_CHECK enum err file_pread_all(int fd, void *out, size_t len, int64_t offset, size_t *got,
                                   const char *path, struct err_detail *detail);

/* The error for a failed call: "cannot <verb> <path>: <strerror>; <what to do>". For other modules
 * that make system calls on files. */
enum err file_error(struct err_detail *detail, int error_number, const char *verb,
                    const char *path);

#endif
