/*
 * A part object in memory; see the header.
 */
#include "aggregator/edge/part_file.h"

#include <stdalign.h>
#include <stdlib.h>

#include "aggregator/rating/part_codec.h"
#include "common/sha256.h"

/* Hands out the next piece of an allocation; with `base` NULL only adds up. */
static void *carve(uint8_t *base, size_t *at, size_t n, size_t item_bytes)
{
    enum { ALIGNMENT = alignof(max_align_t) };
    size_t start = (*at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    *at = start + n * item_bytes;
    return base != NULL ? base + start : NULL;
}

static size_t arena_layout(uint8_t *base, const struct part_sizes *sizes, struct part_arena *arena)
{
    size_t at = 0;

    arena->lines = carve(base, &at, sizes->lines, sizeof *arena->lines);
    arena->pairs = carve(base, &at, sizes->pairs, sizeof *arena->pairs);
    arena->cpu_ids = carve(base, &at, sizes->cpu_ids, sizeof *arena->cpu_ids);
    arena->missing = carve(base, &at, sizes->missing, sizeof *arena->missing);
    arena->gaps = carve(base, &at, sizes->gaps, sizeof *arena->gaps);
    arena->dead_letters = carve(base, &at, sizes->dead_letters, sizeof *arena->dead_letters);
    arena->text = carve(base, &at, sizes->text_bytes, 1);
    return at;
}

/* Decodes file->content, which is the file's own. */
static enum err decode(struct part_file *file, struct err_detail *detail)
{
    struct bytes content = bytes_of(file->content, file->len);
    struct part_sizes sizes;
    struct part_arena arena;
    enum err e = part_measure(content, &sizes, detail);

    if (e != ERR_OK)
        return e;
    file->arena = malloc(arena_layout(NULL, &sizes, &arena) + 1);
    if (file->arena == NULL)
        return err_set(detail, ERR_NOMEM, "no memory for a part");
    (void)arena_layout(file->arena, &sizes, &arena);
    sha256_of(content, file->sha256);
    return part_decode(content, &sizes, &arena, &file->part, detail);
}

/* Takes over `content`, also on failure. */
static enum err take(uint8_t *content, size_t len, struct part_file **out,
                     struct err_detail *detail)
{
    struct part_file *file = calloc(1, sizeof *file);
    enum err e;

    if (file == NULL) {
        free(content);
        return err_set(detail, ERR_NOMEM, "no memory for a part");
    }
    file->content = content;
    file->len = len;
    e = decode(file, detail);
    if (e != ERR_OK) {
        part_file_free(file);
        return e;
    }
    *out = file;
    return ERR_OK;
}

enum err part_file_parse(struct bytes content, struct part_file **file, struct err_detail *detail)
{
    uint8_t *copy = malloc(content.len + 1);

    if (copy == NULL)
        return err_set(detail, ERR_NOMEM, "no memory for a part");
    if (content.len > 0)
        memcpy(copy, content.ptr, content.len);
    return take(copy, content.len, file, detail);
}

enum err part_file_read(struct store *store, const char *name, struct part_file **file,
                        struct err_detail *detail)
{
    char expected[PART_NAME_MAX];
    struct err_detail why = {""};
    uint8_t *content;
    size_t len;
    enum err e = store_read(store, name, &content, &len, detail);

    if (e != ERR_OK)
        return e;
    e = take(content, len, file, &why);
    if (e != ERR_OK)
        return err_set(detail, e, "%s: %s", name, why.text);
    const struct part *part = &(*file)->part;

    part_object_name(expected, part->era, part->partition, part->hour, part->revision);
    if (strcmp(name, expected) != 0) {
        part_file_free(*file);
        return err_set(detail, ERR_INCIDENT, "%s says of itself that it is %s", name, expected);
    }
    return ERR_OK;
}

void part_file_free(struct part_file *file)
{
    if (file == NULL)
        return;
    free(file->arena);
    free(file->content);
    free(file);
}
