/*
 * The file operations that the journal rests on, as a table, so that a test can make the n-th call
 * fail the way disks do. Not a general file layer: only calls whose failure matters are here.
 *
 * Every function works like the system call of its name: −1 and errno on failure.
 */
#ifndef PRODUCER_EDGE_FILE_OPS_H
#define PRODUCER_EDGE_FILE_OPS_H

#include <stdint.h>
#include <sys/types.h>

struct file_ops {
    void *user; /* first argument of every call */
    int (*open)(void *user, const char *path, int flags, mode_t mode);
    int (*close)(void *user, int fd);
    ssize_t (*pread)(void *user, int fd, void *buffer, size_t n, off_t offset);
    ssize_t (*pwrite)(void *user, int fd, const void *buffer, size_t n, off_t offset);
    int (*datasync)(void *user, int fd);
    int (*allocate)(void *user, int fd, off_t length); /* posix_fallocate from 0 */
    int (*rename)(void *user, const char *from, const char *to);
    int (*unlink)(void *user, const char *path);
    int (*sync_directory)(void *user, const char *path);
};

/* The operating system's own. */
extern const struct file_ops file_ops_system;

#endif
