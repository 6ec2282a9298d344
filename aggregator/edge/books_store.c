/*
 * Tenant map files on disk and in a store; see books.h. What a map says is read in books.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/edge/books.h"
#include "common/file.h"

enum { BOOK_NAME_MAX = 80 };

enum err books_tenants_load(const char *path, struct tenant_book **book, struct err_detail *detail)
{
    struct buffer content = {0};
    enum err e = file_read(path, BOOK_BYTES_MAX, FILE_FOLLOW_LINKS, &content, detail);

    if (e == ERR_OK)
        e = books_tenants_parse(buffer_bytes(&content), path, book, detail);
    buffer_fini(&content);
    return e;
}

static void book_name(const char *sha256, char name[BOOK_NAME_MAX])
{
    (void)snprintf(name, BOOK_NAME_MAX, "books/%.64s.yaml", sha256);
}

enum err books_tenants_publish(struct store *store, const struct tenant_book *book,
                               struct err_detail *detail)
{
    char name[BOOK_NAME_MAX];
    enum err e;

    book_name(book->sha256, name);
    e = store_create_same(store, name, book->content, detail);
    return e == ERR_CONFLICT ? err_set(detail, ERR_INCIDENT,
                                       "%s does not have the bytes that its name says", name)
                             : e;
}

enum err books_tenants_fetch(struct store *store, const char *sha256, struct tenant_book **book,
                             struct err_detail *detail)
{
    char name[BOOK_NAME_MAX];
    uint8_t *content;
    size_t len;
    enum err e;

    book_name(sha256, name);
    e = store_read(store, name, &content, &len, detail);
    if (e != ERR_OK)
        return e;
    e = books_tenants_parse(bytes_of(content, len), name, book, detail);
    free(content);
    if (e == ERR_OK && strcmp((*book)->sha256, sha256) != 0) {
        books_tenants_free(*book);
        e = err_set(detail, ERR_INCIDENT, "%s does not have the bytes that its name says", name);
    }
    return e;
}
