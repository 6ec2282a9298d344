/*
 * A store in memory that fails on demand: what a disk, S3 and a network between can do to a caller.
 */
#ifndef TESTS_UNIT_MEMORY_STORE_H
#define TESTS_UNIT_MEMORY_STORE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/edge/store_backend.h"

enum { MEMORY_STORE_OBJECTS_MAX = 4096 };

struct memory_object {
    char name[STORE_NAME_MAX + 1];
    uint8_t *content;
    size_t len;
};

struct memory_store {
    struct store store;
    struct memory_object objects[MEMORY_STORE_OBJECTS_MAX];
    size_t n;
    /* faults, for names that begin with `fail_prefix` */
    const char *fail_prefix;
    enum err fail_create; /* returned, nothing is created */
    enum err fail_reply;  /* returned although the object was created; once */
    enum err fail_read, fail_list;
    unsigned creates_n, removes_n;
};

static inline bool memory_store_fails(const struct memory_store *m, const char *name)
{
    return m->fail_prefix == NULL || strncmp(name, m->fail_prefix, strlen(m->fail_prefix)) == 0;
}

static inline struct memory_object *memory_store_find(struct memory_store *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->objects[i].name, name) == 0)
            return &m->objects[i];
    }
    return NULL;
}

static inline void memory_store_put(struct memory_store *m, const char *name, struct bytes content)
{
    struct memory_object *o = memory_store_find(m, name);

    if (o == NULL) {
        assert(m->n < MEMORY_STORE_OBJECTS_MAX);
        o = &m->objects[m->n++];
        *o = (struct memory_object){.content = NULL};
        snprintf(o->name, sizeof o->name, "%s", name);
    }
    free(o->content);
    o->content = malloc(content.len + 1);
    assert(o->content != NULL);
    if (content.len > 0)
        memcpy(o->content, content.ptr, content.len);
    o->len = content.len;
}

static inline enum err memory_store_create(struct store *store, const char *name,
                                           struct bytes content, struct err_detail *detail)
{
    struct memory_store *m = (struct memory_store *)store;

    m->creates_n++;
    if (m->fail_create != ERR_OK && memory_store_fails(m, name))
        return err_set(detail, m->fail_create, "the disk is full");
    if (memory_store_find(m, name) != NULL)
        return err_set(detail, ERR_EXISTS, "%s exists", name);
    memory_store_put(m, name, content);
    if (m->fail_reply != ERR_OK && memory_store_fails(m, name)) {
        enum err e = m->fail_reply;

        m->fail_reply = ERR_OK;
        return err_set(detail, e, "the reply was lost");
    }
    return ERR_OK;
}

static inline enum err memory_store_read(struct store *store, const char *name, uint8_t **content,
                                         size_t *len, struct err_detail *detail)
{
    struct memory_store *m = (struct memory_store *)store;
    struct memory_object *o = memory_store_find(m, name);

    if (m->fail_read != ERR_OK && memory_store_fails(m, name))
        return err_set(detail, m->fail_read, "the store does not answer");
    if (o == NULL)
        return err_set(detail, ERR_NOT_FOUND, "%s does not exist", name);
    *content = malloc(o->len + 1);
    assert(*content != NULL);
    memcpy(*content, o->content, o->len);
    *len = o->len;
    return ERR_OK;
}

static inline enum err memory_store_remove(struct store *store, const char *name,
                                           struct err_detail *detail)
{
    struct memory_store *m = (struct memory_store *)store;
    struct memory_object *o = memory_store_find(m, name);

    (void)detail;
    m->removes_n++;
    if (o != NULL) {
        free(o->content);
        *o = m->objects[--m->n];
    }
    return ERR_OK;
}

static inline enum err memory_store_list(struct store *store, const char *prefix,
                                         struct store_names *names, struct err_detail *detail)
{
    struct memory_store *m = (struct memory_store *)store;

    if (m->fail_list != ERR_OK && memory_store_fails(m, prefix))
        return err_set(detail, m->fail_list, "the store does not answer");
    for (size_t i = 0; i < m->n; i++) {
        if (strncmp(m->objects[i].name, prefix, strlen(prefix)) == 0 &&
            store_names_add(names, m->objects[i].name) != ERR_OK)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

static inline void memory_store_close(struct store *store)
{
    struct memory_store *m = (struct memory_store *)store;

    for (size_t i = 0; i < m->n; i++)
        free(m->objects[i].content);
    free(m);
}

static inline struct memory_store *memory_store_new(void)
{
    static const struct store_backend backend = {
        .create = memory_store_create,
        .read = memory_store_read,
        .remove = memory_store_remove,
        .list = memory_store_list,
        .close = memory_store_close,
    };
    struct memory_store *m = calloc(1, sizeof *m);

    assert(m != NULL);
    m->store.backend = &backend;
    return m;
}

/* Objects whose names begin with `prefix`. */
static inline size_t memory_store_count(const struct memory_store *m, const char *prefix)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++)
        n += strncmp(m->objects[i].name, prefix, strlen(prefix)) == 0;
    return n;
}

#endif
