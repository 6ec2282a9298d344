/*
 * What every store has in common: URIs, names, "create the same"; see store.h.
 */
#include "aggregator/edge/store.h"

#include <stdlib.h>

#include "aggregator/edge/store_backend.h"

enum err store_open(const char *uri, struct store **store, struct err_detail *detail)
{
    static const char file_scheme[] = "file://";

    *store = NULL;
    if (strncmp(uri, file_scheme, strlen(file_scheme)) == 0) {
        const char *directory = uri + strlen(file_scheme);

        if (directory[0] != '/')
            return err_set(
                detail, ERR_CONFIG,
                "sink %s: the directory must be absolute, as in file:///var/lib/metering", uri);
        return store_file_open(directory, store, detail);
    }
    if (strncmp(uri, "s3://", 5) == 0)
        return err_set(detail, ERR_CONFIG,
                       "sink %s: this build has no S3 sink; write to a directory (file:///DIR) and "
                       "copy it to the bucket with 'aws s3 sync'",
                       uri);
    return err_set(detail, ERR_CONFIG, "sink %s: not a sink; use file:///DIR", uri);
}

void store_close(struct store *store)
{
    if (store != NULL)
        store->backend->close(store);
}

static bool segment_byte_valid(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._=+-", c) != NULL);
}

/* `name` up to its first `len` bytes: segments of [A-Za-z0-9._=+-] that do not begin with a dot. */
static bool name_valid(const char *name, size_t len)
{
    bool at_start = true;

    if (len == 0 || len > STORE_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '/') {
            if (at_start)
                return false;
            at_start = true;
            continue;
        }
        if (!segment_byte_valid(name[i]) || (at_start && name[i] == '.'))
            return false;
        at_start = false;
    }
    return !at_start;
}

static enum err check_name(const char *name, struct err_detail *detail)
{
    if (!name_valid(name, strlen(name)))
        return err_set(detail, ERR_MALFORMED, "'%.*s' is not the name of an object", 100, name);
    return ERR_OK;
}

enum err store_create(struct store *store, const char *name, struct bytes content,
                      struct err_detail *detail)
{
    enum err e = check_name(name, detail);

    if (e != ERR_OK)
        return e;
    if (content.len > STORE_OBJECT_MAX)
        return err_set(detail, ERR_LIMIT, "%s has %zu bytes; an object has at most %d", name,
                       content.len, STORE_OBJECT_MAX);
    return store->backend->create(store, name, content, detail);
}

enum err store_create_same(struct store *store, const char *name, struct bytes content,
                           struct err_detail *detail)
{
    uint8_t *there = NULL;
    size_t len = 0;
    enum err e = store_create(store, name, content, detail);

    if (e != ERR_EXISTS)
        return e;
    e = store_read(store, name, &there, &len, detail);
    if (e != ERR_OK)
        return e;
    if (!bytes_equal(bytes_of(there, len), content))
        e = err_set(detail, ERR_CONFLICT, "%s exists already with other bytes", name);
    free(there);
    return e;
}

enum err store_read(struct store *store, const char *name, uint8_t **content, size_t *len,
                    struct err_detail *detail)
{
    enum err e = check_name(name, detail);

    return e != ERR_OK ? e : store->backend->read(store, name, content, len, detail);
}

enum err store_delete(struct store *store, const char *name, struct err_detail *detail)
{
    enum err e = check_name(name, detail);

    return e != ERR_OK ? e : store->backend->remove(store, name, detail);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum err store_list(struct store *store, const char *prefix, struct store_names *names,
                    struct err_detail *detail)
{
    size_t len = strlen(prefix);

    *names = (struct store_names){0};
    if (len > 0 && (prefix[len - 1] != '/' || !name_valid(prefix, len - 1)))
        return err_set(detail, ERR_MALFORMED, "'%.*s' is not a directory of objects", 100, prefix);
    enum err e = store->backend->list(store, prefix, names, detail);

    if (e != ERR_OK)
        store_names_free(names);
    else if (names->n > 0)
        qsort(names->names, names->n, sizeof *names->names, compare_names);
    return e;
}

enum err store_names_add(struct store_names *names, const char *name)
{
    if ((names->n & (names->n - 1)) == 0) { /* the room is the next power of two: full */
        size_t room = names->n == 0 ? 1 : names->n * 2;
        char **grown = reallocarray(names->names, room, sizeof *grown);

        if (grown == NULL)
            return ERR_NOMEM;
        names->names = grown;
    }
    names->names[names->n] = strdup(name);
    if (names->names[names->n] == NULL)
        return ERR_NOMEM;
    names->n++;
    return ERR_OK;
}

void store_names_free(struct store_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->names[i]);
    free(names->names);
    *names = (struct store_names){0};
}
