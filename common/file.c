/*
 * File operations with the durability that journals, checkpoints and sinks rest on: content is
 * synced before its name appears, and the name is synced before success is reported.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum err file_error(struct err_detail *detail, int error_number, const char *verb, const char *path)
{
    static const struct {
        int error_number;
        enum err code;
        const char *advice;
    } rows[] = {
        {ENOENT, ERR_NOT_FOUND, "check the path"},
        {ENOTDIR, ERR_IO, "a component of the path is not a directory"},
        {EEXIST, ERR_EXISTS, "it exists already"},
        {EACCES, ERR_IO, "check owner and permissions of it and its directories"},
        {EPERM, ERR_IO, "check owner, attributes and capabilities"},
        {ELOOP, ERR_IO, "symbolic links are not followed here; name the file itself"},
        {ENOSPC, ERR_NO_SPACE, "free some space on this file system"},
        {EDQUOT, ERR_NO_SPACE, "raise the disk quota of this user"},
        {EROFS, ERR_IO, "the file system is mounted read-only"},
        {EMFILE, ERR_IO, "raise the limit of open files (LimitNOFILE=)"},
        {EFBIG, ERR_IO, "raise the file size limit (LimitFSIZE=)"},
        {EIO, ERR_IO, "the device reports an error; look at the kernel's log"},
        {ENOMEM, ERR_NOMEM, "the machine is out of memory"},
    };
    const char *text = strerrordesc_np(error_number);

    if (text == NULL)
        text = "unknown error";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].error_number == error_number)
            return err_set(detail, rows[i].code, "cannot %s %s: %s; %s", verb, path, text,
                           rows[i].advice);
    return err_set(detail, ERR_IO, "cannot %s %s: %s", verb, path, text);
}

static enum err write_error(struct err_detail *detail, int error_number, const char *path)
{
    return file_error(detail, error_number, "write", path);
}

enum err file_write_all(int fd, struct bytes content, const char *path, struct err_detail *detail)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.ptr, content.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return write_error(detail, n < 0 ? errno : EIO, path);
        content = bytes_skip(content, (size_t)n);
    }
    return ERR_OK;
}

enum err file_pwrite_all(int fd, struct bytes content, int64_t offset, const char *path,
                         struct err_detail *detail)
{
    while (content.len > 0) {
        ssize_t n = pwrite(fd, content.ptr, content.len, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return write_error(detail, n < 0 ? errno : EIO, path);
        content = bytes_skip(content, (size_t)n);
        offset += n;
    }
    return ERR_OK;
}

enum err file_pread_all(int fd, void *out, size_t len, int64_t offset, size_t *got,
                        const char *path, struct err_detail *detail)
{
    *got = 0;
    while (*got < len) {
        ssize_t n = pread(fd, (uint8_t *)out + *got, len - *got, offset + (int64_t)*got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(detail, errno, "read", path);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return ERR_OK;
}

/* Reads `fd` to its end; one byte more than the limit is asked for, so that growth is noticed. */
static enum err read_to_end(int fd, const char *path, size_t limit_bytes, struct buffer *out,
                            struct err_detail *detail)
{
    enum { CHUNK_BYTES = 64 << 10 };
    size_t before = out->len;

    for (;;) {
        size_t had = out->len - before;
        size_t want = limit_bytes - had < CHUNK_BYTES ? limit_bytes - had + 1 : CHUNK_BYTES;
        size_t got;

        if (buffer_reserve(out, want) != ERR_OK)
            return err_set(detail, ERR_NOMEM, "cannot read %s: out of memory", path);
        enum err err =
            file_pread_all(fd, out->ptr + out->len, want, (int64_t)had, &got, path, detail);
        if (err != ERR_OK)
            return err;
        if (had + got > limit_bytes)
            return err_set(detail, ERR_LIMIT, "%s is longer than %zu bytes", path, limit_bytes);
        out->len += got;
        if (got < want)
            return ERR_OK;
    }
}

enum err file_read(const char *path, size_t limit_bytes, enum file_read_flags flags,
                   struct buffer *out, struct err_detail *detail)
{
    size_t before = out->len;
    struct stat st;
    enum err err;
    /* O_NONBLOCK: opening a FIFO by mistake must not hang; for regular files it means nothing. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                            (flags & FILE_NO_LINKS ? O_NOFOLLOW : 0));

    if (fd < 0)
        return file_error(detail, errno, "open", path);
    if (fstat(fd, &st) != 0)
        err = file_error(detail, errno, "stat", path);
    else if (!S_ISREG(st.st_mode))
        err = err_set(detail, ERR_IO, "cannot read %s: it is not a regular file", path);
    else
        err = read_to_end(fd, path, limit_bytes, out, detail);
    if (err != ERR_OK)
        out->len = before;
    close(fd);
    return err;
}

/* Opens the directory that holds `path`. */
static int open_parent(const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (len >= sizeof parent) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(parent, path, len);
    parent[len] = '\0';
    const char *name = slash == NULL ? "." : len == 0 ? "/" : parent;
    return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum err file_sync_parent(const char *path, struct err_detail *detail)
{
    int fd = open_parent(path);

    if (fd < 0)
        return file_error(detail, errno, "open the directory of", path);
    int failed = fsync(fd);
    int error_number = errno;
    close(fd);
    return failed ? file_error(detail, error_number, "sync the directory of", path) : ERR_OK;
}

/* Writes and syncs the content under a name of its own beside `path`; on success `temporary` holds
 * that name, on error nothing is left. */
static enum err write_temporary(const char *path, struct bytes content, mode_t mode,
                                char temporary[PATH_MAX], struct err_detail *detail)
{
    if (snprintf(temporary, PATH_MAX, "%s.tmp-XXXXXX", path) >= PATH_MAX)
        return file_error(detail, ENAMETOOLONG, "create", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return file_error(detail, errno, "create a temporary file beside", path);
    enum err err = file_write_all(fd, content, temporary, detail);
    if (err == ERR_OK && fchmod(fd, mode) != 0)
        err = file_error(detail, errno, "set the mode of", temporary);
    if (err == ERR_OK && fsync(fd) != 0)
        err = file_error(detail, errno, "sync", temporary);
    if (close(fd) != 0 && err == ERR_OK)
        err = file_error(detail, errno, "close", temporary);
    if (err != ERR_OK)
        unlink(temporary);
    return err;
}

enum err file_create(const char *path, struct bytes content, mode_t mode, struct err_detail *detail)
{
    char temporary[PATH_MAX];
    enum err err = write_temporary(path, content, mode, temporary, detail);

    if (err != ERR_OK)
        return err;
    if (link(temporary, path) != 0)
        err = file_error(detail, errno, "create", path);
    unlink(temporary);
    return err == ERR_OK ? file_sync_parent(path, detail) : err;
}

enum err file_replace(const char *path, struct bytes content, mode_t mode,
                      struct err_detail *detail)
{
    char temporary[PATH_MAX];
    enum err err = write_temporary(path, content, mode, temporary, detail);

    if (err != ERR_OK)
        return err;
    if (rename(temporary, path) != 0) {
        err = file_error(detail, errno, "replace", path);
        unlink(temporary);
        return err;
    }
    return file_sync_parent(path, detail);
}

static enum err make_directory(const char *path, mode_t mode, struct err_detail *detail)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return file_sync_parent(path, detail);
    if (errno != EEXIST)
        return file_error(detail, errno, "make directory", path);
    if (stat(path, &st) != 0)
        return file_error(detail, errno, "stat", path);
    return S_ISDIR(st.st_mode) ? ERR_OK : file_error(detail, ENOTDIR, "make directory", path);
}

/* Makes every directory that is followed by a slash in `path`, and `path` itself if `whole`. */
static enum err make_chain(const char *path, bool whole, mode_t mode, struct err_detail *detail)
{
    char chain[PATH_MAX];
    size_t len = strlen(path);

    if (len >= sizeof chain)
        return file_error(detail, ENAMETOOLONG, "make directory", path);
    memcpy(chain, path, len + 1);
    while (len > 1 && chain[len - 1] == '/')
        chain[--len] = '\0';
    for (size_t i = 1; i < len; i++) {
        if (chain[i] != '/' || chain[i - 1] == '/')
            continue;
        chain[i] = '\0';
        enum err err = make_directory(chain, mode, detail);
        if (err != ERR_OK)
            return err;
        chain[i] = '/';
    }
    return whole && len > 0 ? make_directory(chain, mode, detail) : ERR_OK;
}

enum err file_make_directories(const char *path, mode_t mode, struct err_detail *detail)
{
    return make_chain(path, true, mode, detail);
}

enum err file_make_parents(const char *path, mode_t mode, struct err_detail *detail)
{
    return make_chain(path, false, mode, detail);
}
