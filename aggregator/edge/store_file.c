/*
 * A store in a directory: one file per object.
 *
 * An object is written to DIR/.tmp, synced, and then linked to its name: link(2) fails if the name
 * exists, so of any number of racing creators exactly one wins, and a name never shows half an
 * object. The directory is synced before success is reported. What a killed process left in .tmp is
 * removed at the next open: writers hold a lock on their file, so an unlocked one has no writer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/edge/store_backend.h"
#include "common/file.h"

enum {
    TEMPORARY_MAX = 64,      /* bytes of a name in .tmp */
    TEMPORARY_TRIES = 10000, /* names tried before giving up */
    DIRECTORY_MODE = 0777,   /* the umask decides */
};

#define TEMPORARY_DIRECTORY ".tmp"

struct store_file {
    struct store store;
    char *directory; /* without a trailing '/', except for the root itself */
};

static const struct store_file *file_store(const struct store *store)
{
    return (const struct store_file *)store;
}

static enum err make_path(const struct store *store, const char *name, char path[PATH_MAX],
                          struct err_detail *detail)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", file_store(store)->directory, name);

    if (n < 0 || n >= PATH_MAX)
        return err_set(detail, ERR_LIMIT, "%s: the path is too long", name);
    return ERR_OK;
}

/* A new file in .tmp, locked, so that nobody takes it for a dead writer's. */
static enum err open_temporary(const struct store *store, char path[PATH_MAX], int *fd,
                               struct err_detail *detail)
{
    static atomic_uint counter;
    char name[TEMPORARY_MAX];
    enum err e;

    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        struct stat st;

        (void)snprintf(name, sizeof name, TEMPORARY_DIRECTORY "/%ld-%u", (long)getpid(),
                       atomic_fetch_add(&counter, 1));
        e = make_path(store, name, path, detail);
        if (e != ERR_OK)
            return e;
        *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd < 0 && errno == ENOENT) {
            e = file_make_parents(path, DIRECTORY_MODE, detail);
            if (e != ERR_OK)
                return e;
        } else if (*fd < 0 && errno != EEXIST) {
            return file_error(detail, errno, "create", path);
        } else if (*fd >= 0) {
            if (flock(*fd, LOCK_EX) == 0 && fstat(*fd, &st) == 0 && st.st_nlink > 0)
                return ERR_OK;
            (void)close(*fd); /* somebody's open removed it before the lock was ours */
        }
    }
    return err_set(detail, ERR_IO, "cannot find a free name in %s/" TEMPORARY_DIRECTORY,
                   file_store(store)->directory);
}

static enum err link_to_name(const char *temporary, const char *path, struct err_detail *detail)
{
    int linked = link(temporary, path);

    if (linked != 0 && errno == ENOENT) {
        enum err e = file_make_parents(path, DIRECTORY_MODE, detail);

        if (e != ERR_OK)
            return e;
        linked = link(temporary, path);
    }
    return linked == 0 ? file_sync_parent(path, detail) : file_error(detail, errno, "create", path);
}

static enum err object_create(struct store *store, const char *name, struct bytes content,
                              struct err_detail *detail)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    int fd = -1;
    enum err e = make_path(store, name, path, detail);

    if (e != ERR_OK)
        return e;
    if (access(path, F_OK) == 0) /* saves the writing; link(2) below decides */
        return err_set(detail, ERR_EXISTS, "%s exists already", path);
    e = open_temporary(store, temporary, &fd, detail);
    if (e != ERR_OK)
        return e;
    e = file_write_all(fd, content, temporary, detail);
    if (e == ERR_OK && fsync(fd) != 0)
        e = file_error(detail, errno, "sync", temporary);
    if (e == ERR_OK)
        e = link_to_name(temporary, path, detail);
    (void)unlink(temporary);
    (void)close(fd);
    return e;
}

static enum err object_read(struct store *store, const char *name, uint8_t **content, size_t *len,
                            struct err_detail *detail)
{
    char path[PATH_MAX];
    struct buffer buffer = {0};
    enum err e = make_path(store, name, path, detail);

    if (e == ERR_OK)
        e = file_read(path, STORE_OBJECT_MAX, FILE_FOLLOW_LINKS, &buffer, detail);
    if (e == ERR_OK)
        e = buffer_terminate(&buffer); /* so that an empty object is not NULL */
    if (e != ERR_OK) {
        buffer_fini(&buffer);
        return e;
    }
    *content = buffer.ptr; /* the buffer's heap memory is the caller's now */
    *len = buffer.len;
    return ERR_OK;
}

static enum err object_remove(struct store *store, const char *name, struct err_detail *detail)
{
    char path[PATH_MAX];
    enum err e = make_path(store, name, path, detail);

    if (e != ERR_OK)
        return e;
    if (unlink(path) != 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_OK
                                                   : file_error(detail, errno, "delete", path);
    return file_sync_parent(path, detail);
}

/* Adds the objects below directory `name` ("" or ending in '/'). Entries that begin with a dot or
 * are neither file nor directory are not ours. Depth is bounded by STORE_NAME_MAX. */
static enum err list_below(struct store *store, const char *name, struct store_names *names,
                           struct err_detail *detail)
{
    char path[PATH_MAX];
    enum err e = make_path(store, name, path, detail);
    struct dirent *entry;

    if (e != ERR_OK)
        return e;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return errno == ENOENT || errno == ENOTDIR ? ERR_OK
                                                   : file_error(detail, errno, "list", path);
    while (e == ERR_OK && (errno = 0, entry = readdir(dir)) != NULL) {
        char child[STORE_NAME_MAX + 2];
        struct stat st;
        int n = snprintf(child, sizeof child - 1, "%s%s", name, entry->d_name);

        if (entry->d_name[0] == '.' || n < 0 || n > STORE_NAME_MAX)
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) != 0) {
            if (errno != ENOENT)
                e = file_error(detail, errno, "stat", child);
        } else if (S_ISREG(st.st_mode)) {
            e = store_names_add(names, child);
        } else if (S_ISDIR(st.st_mode)) {
            memcpy(child + n, "/", 2);
            e = list_below(store, child, names, detail);
        }
    }
    if (e == ERR_OK && errno != 0)
        e = file_error(detail, errno, "list", path);
    (void)closedir(dir);
    return e;
}

static void directory_close(struct store *store)
{
    struct store_file *s = (struct store_file *)store;

    free(s->directory);
    free(s);
}

static const struct store_backend file_backend = {
    .create = object_create,
    .read = object_read,
    .remove = object_remove,
    .list = list_below,
    .close = directory_close,
};

/* Removes what dead writers left. Best effort: a directory that cannot be changed can still be
 * read. */
static void remove_leftovers(const struct store *store)
{
    char path[PATH_MAX];
    struct dirent *entry;

    if (make_path(store, TEMPORARY_DIRECTORY, path, NULL) != ERR_OK)
        return;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        (void)close(fd);
    }
    (void)closedir(dir);
}

enum err store_file_open(const char *directory, struct store **store, struct err_detail *detail)
{
    struct store_file *s = calloc(1, sizeof *s);

    if (s != NULL)
        s->directory = strdup(directory);
    if (s == NULL || s->directory == NULL) {
        free(s);
        return err_set(detail, ERR_NOMEM, "no memory for a store");
    }
    for (size_t n = strlen(s->directory); n > 0 && s->directory[n - 1] == '/'; n--)
        s->directory[n - 1] = '\0'; /* "/" becomes "": paths are made as directory/name */
    s->store.backend = &file_backend;
    remove_leftovers(&s->store);
    *store = &s->store;
    return ERR_OK;
}
