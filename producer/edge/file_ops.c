/*
 * The operating system behind struct file_ops. Nothing here decides anything.
 */
#include "producer/edge/file_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int system_open(void *user, const char *path, int flags, mode_t mode)
{
    (void)user;
    return open(path, flags | O_CLOEXEC, mode);
}

static int system_close(void *user, int fd)
{
    (void)user;
    return close(fd);
}

static ssize_t system_pread(void *user, int fd, void *buffer, size_t n, off_t offset)
{
    (void)user;
    return pread(fd, buffer, n, offset);
}

static ssize_t system_pwrite(void *user, int fd, const void *buffer, size_t n, off_t offset)
{
    (void)user;
    return pwrite(fd, buffer, n, offset);
}

static int system_datasync(void *user, int fd)
{
    (void)user;
    return fdatasync(fd);
}

static int system_allocate(void *user, int fd, off_t length)
{
    (void)user;
    int error = posix_fallocate(fd, 0, length);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

static int system_rename(void *user, const char *from, const char *to)
{
    (void)user;
    return rename(from, to);
}

static int system_unlink(void *user, const char *path)
{
    (void)user;
    return unlink(path);
}

static int system_sync_directory(void *user, const char *path)
{
    (void)user;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

const struct file_ops file_ops_system = {
    .open = system_open,
    .close = system_close,
    .pread = system_pread,
    .pwrite = system_pwrite,
    .datasync = system_datasync,
    .allocate = system_allocate,
    .rename = system_rename,
    .unlink = system_unlink,
    .sync_directory = system_sync_directory,
};
