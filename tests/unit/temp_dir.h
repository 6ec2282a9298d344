/*
 * Temporary directories and small files for tests that need real ones. Failing is fatal: a test
 * without its directory proves nothing.
 */
#ifndef TESTS_UNIT_TEMP_DIR_H
#define TESTS_UNIT_TEMP_DIR_H

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void temp_require(int condition, const char *what)
{
    if (!condition) {
        perror(what);
        abort();
    }
}

/* A new empty directory; temp_dir_free removes it with everything in it. */
static inline char *temp_dir_new(void)
{
    const char *base = getenv("TMPDIR");
    char path[1024];

    snprintf(path, sizeof path, "%s/enclave-test-XXXXXX", base == NULL ? "/tmp" : base);
    temp_require(mkdtemp(path) != NULL, path);
    char *copy = strdup(path);
    temp_require(copy != NULL, "strdup");
    return copy;
}

static inline int temp_remove_entry(const char *path, const struct stat *st, int flag,
                                    struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void temp_dir_free(char *path)
{
    temp_require(nftw(path, temp_remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, path);
    free(path);
}

static inline void temp_write(const char *path, int flags, const void *data, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);

    temp_require(fd >= 0, path);
    temp_require(write(fd, data, n) == (ssize_t)n, path);
    close(fd);
}

static inline void temp_write_file(const char *path, const void *data, size_t n)
{
    temp_write(path, O_TRUNC, data, n);
}

static inline void temp_append_file(const char *path, const void *data, size_t n)
{
    temp_write(path, O_APPEND, data, n);
}

/* All of a file; the caller frees it. */
static inline uint8_t *temp_read_file(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY);

    temp_require(fd >= 0 && fstat(fd, st) == 0, path);
    uint8_t *data = malloc((size_t)st->st_size + 1);
    temp_require(data != NULL, "malloc");
    temp_require(read(fd, data, (size_t)st->st_size) == (ssize_t)st->st_size, path);
    close(fd);
    return data;
}

#endif
