/*
 * The files of a backfill: one open at a time.
 */
#include "producer/edge/file_list.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/crc32.h"

enum { LIST_VERSION = 1 };

struct file_list {
    const char *const *paths;
    size_t n;
    size_t at;            /* of the file that is being read; n = all were read */
    uint32_t identity;    /* CRC of device and inode of every file, in order */
    struct log_file file; /* open if at < n */
    uint8_t *buffer;
};

static uint32_t add_u64(uint32_t crc, uint64_t value)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    return crc32c(crc, bytes_of(bytes, sizeof bytes));
}

static enum err open_current(struct file_list *list, struct err_detail *detail)
{
    return list->at == list->n ? ERR_OK : log_file_open(list->paths[list->at], &list->file, detail);
}

/* Opens it for a moment: what is wrong with any file is said before the first event is made. */
static enum err inspect(struct file_list *list, const char *path, struct err_detail *detail)
{
    static const uint8_t magics[][4] = {
        {0x1f, 0x8b}, {'B', 'Z', 'h'}, {0x28, 0xb5, 0x2f, 0xfd}, {0xfd, '7', 'z', 'X'}};
    static const size_t lengths[] = {2, 3, 4, 4};
    struct log_file file;
    uint8_t head[4] = {0};
    enum err err = log_file_open(path, &file, detail);

    if (err != ERR_OK)
        return err;
    list->identity = add_u64(list->identity, file.at.device);
    list->identity = add_u64(list->identity, file.at.inode);
    if (log_file_peek(&file, head, sizeof head) != ERR_OK)
        err = err_set(detail, ERR_IO, "cannot read %s", path);
    log_file_close(&file);
    for (size_t i = 0; err == ERR_OK && i < sizeof lengths / sizeof lengths[0]; i++)
        if (memcmp(head, magics[i], lengths[i]) == 0)
            err = err_set(detail, ERR_UNSUPPORTED, "%s is compressed: decompress it first", path);
    return err;
}

enum err file_list_new(const char *const *paths, size_t n, struct file_list **list,
                       struct err_detail *detail)
{
    struct file_list *new = calloc(1, sizeof *new);
    enum err err = ERR_OK;

    *list = NULL;
    if (new != NULL)
        new->buffer = malloc(LOG_BUFFER_BYTES);
    if (new == NULL || new->buffer == NULL) {
        free(new);
        return err_set(detail, ERR_NOMEM, "out of memory");
    }
    new->paths = paths;
    new->n = n;
    new->file.fd = -1;
    for (size_t i = 0; err == ERR_OK && i < n; i++)
        err = inspect(new, paths[i], detail);
    if (err == ERR_OK)
        err = open_current(new, detail);
    if (err != ERR_OK) {
        file_list_free(new);
        return err;
    }
    *list = new;
    return ERR_OK;
}

void file_list_free(struct file_list *list)
{
    if (list == NULL)
        return;
    log_file_close(&list->file);
    free(list->buffer);
    free(list);
}

enum err file_list_read(struct file_list *list, const struct tailer_request *request,
                        struct tailer_progress *progress, struct err_detail *detail)
{
    *progress = (struct tailer_progress){0};
    while (list->at < list->n && !progress->refused && progress->bytes < request->max_bytes) {
        struct log_file_progress part;
        enum err err =
            log_file_read(&list->file, list->buffer, request->max_bytes - progress->bytes, true,
                          request->take, request->user, &part, detail);

        progress->bytes += part.bytes;
        progress->lines += part.lines;
        progress->refused = part.refused;
        if (err == ERR_CONFLICT)
            return err_set(detail, ERR_INCIDENT, "%s was rewritten while it was read",
                           list->paths[list->at]);
        if (err != ERR_OK)
            return err;
        if (!list->file.at_end)
            continue;
        log_file_close(&list->file);
        list->at++;
        err = open_current(list, detail);
        if (err != ERR_OK)
            return err;
    }
    progress->at_end = list->at == list->n;
    return ERR_OK;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

size_t file_list_save(const struct file_list *list, uint8_t out[FILE_LIST_POSITION_BYTES])
{
    struct log_position position = {0};

    if (list->at < list->n)
        position = log_file_position(&list->file);
    out[0] = LIST_VERSION;
    put_u32(out + 1, list->identity);
    put_u32(out + 5, (uint32_t)list->at);
    log_position_put(out + 9, &position);
    return FILE_LIST_POSITION_BYTES;
}

enum err file_list_load(struct file_list *list, struct bytes position, struct err_detail *detail)
{
    struct log_position at;

    if (position.len != FILE_LIST_POSITION_BYTES)
        return err_set(detail, ERR_MALFORMED, "a saved backfill position has the wrong length");
    if (position.ptr[0] != LIST_VERSION)
        return err_set(detail, ERR_UNSUPPORTED, "a saved backfill position has version %u",
                       position.ptr[0]);
    uint32_t index = get_u32(position.ptr + 5);
    if (get_u32(position.ptr + 1) != list->identity || index > list->n)
        return err_set(detail, ERR_CONFLICT, "the position is of other files");
    log_file_close(&list->file);
    list->at = index;
    enum err err = open_current(list, detail);
    if (err != ERR_OK || list->at == list->n)
        return err;
    log_position_get(position.ptr + 9, &at);
    if (log_file_seek(&list->file, &at) != ERR_OK)
        return err_set(detail, ERR_CONFLICT, "%s has changed before the position",
                       list->paths[list->at]);
    return ERR_OK;
}
