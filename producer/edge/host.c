/*
 * Reading the machine's identity and clocks.
 */
#include "producer/edge/host.h"

#include <sys/timex.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/uuid.h"

enum { SMALL_FILE_MAX = 4096 };

/* The content of a small file of /proc or /sys without white space around it. */
static enum err read_word(const char *path, struct buffer *buffer, struct bytes *word,
                          struct err_detail *detail)
{
    enum err err = file_read(path, SMALL_FILE_MAX, FILE_FOLLOW_LINKS, buffer, detail);

    if (err != ERR_OK)
        return err;
    *word = buffer_bytes(buffer);
    while (word->len > 0 && word->ptr[word->len - 1] <= ' ')
        word->len--;
    while (word->len > 0 && word->ptr[0] <= ' ')
        *word = bytes_skip(*word, 1);
    return ERR_OK;
}

static enum err read_boot_id(const char *path, struct event_uuid *boot_id,
                             struct err_detail *detail)
{
    struct buffer buffer = {0};
    struct bytes word;
    enum err err = read_word(path, &buffer, &word, detail);

    if (err == ERR_OK && uuid_parse_text(word, boot_id->bytes) != ERR_OK)
        err = err_set(detail, ERR_MALFORMED, "%s does not hold a boot id", path);
    buffer_fini(&buffer);
    return err;
}

static bool is_instance_id(struct bytes word)
{
    if (!bytes_starts_with(word, BYTES_LITERAL("i-")) || word.len < 10 ||
        word.len > HOST_INSTANCE_ID_MAX)
        return false;
    for (size_t i = 2; i < word.len; i++)
        if (!(word.ptr[i] >= '0' && word.ptr[i] <= '9') &&
            !(word.ptr[i] >= 'a' && word.ptr[i] <= 'f'))
            return false;
    return true;
}

static enum err find_instance_id(struct host *host, const struct producer_settings *settings,
                                 struct err_detail *detail)
{
    struct buffer buffer = {0};
    struct bytes word = bytes_of_string(settings->instance_id);
    enum err err = ERR_OK;

    if (word.len == 0 &&
        (read_word(settings->host_asset_tag_file, &buffer, &word, NULL) != ERR_OK ||
         !is_instance_id(word)))
        err = err_set(detail, ERR_CONFIG,
                      "instance.id is not set and %s does not name an instance: set instance.id",
                      settings->host_asset_tag_file);
    else if (word.len > HOST_INSTANCE_ID_MAX)
        err = err_set(detail, ERR_CONFIG, "instance.id is longer than %d bytes",
                      HOST_INSTANCE_ID_MAX);
    else
        memcpy(host->instance_id, word.ptr, word.len);
    buffer_fini(&buffer);
    return err;
}

enum err host_init(struct host *host, const struct producer_settings *settings,
                   struct err_detail *detail)
{
    const struct option_map *tags = &settings->instance_tags;

    *host = (struct host){0};
    if (tags->n > EVENT_PAIRS_MAX)
        return err_set(detail, ERR_CONFIG, "instance.tags has more than %d entries",
                       EVENT_PAIRS_MAX);
    for (size_t i = 0; i < tags->n; i++)
        host->tags[i] = (struct event_pair){bytes_of_string(tags->items[i].key),
                                            bytes_of_string(tags->items[i].value)};
    host->facts = (struct event_host){
        .account = bytes_of_string(settings->instance_account),
        .region = bytes_of_string(settings->instance_region),
        .zone = bytes_of_string(settings->instance_zone),
        .instance_type = bytes_of_string(settings->instance_type),
        .pool_vcpus = (int32_t)settings->pool_vcpus,
        .pool_memory_mib = settings->pool_memory_mib,
        .tags = {host->tags, (uint32_t)tags->n},
        .producer_version = bytes_of_string(EM_VERSION),
    };
    host_read_clocks(host);
    enum err err = find_instance_id(host, settings, detail);
    if (err != ERR_OK)
        return err;
    return read_boot_id(settings->host_boot_id_file, &host->boot_id, detail);
}

void host_read_clocks(struct host *host)
{
    struct clock_pair now = clock_read_pair();
    struct timex timex = {0};
    int state = adjtimex(&timex);

    host->facts.wall_time = now.wall_ms;
    host->facts.boottime_ms = now.boot_ms;
    host->facts.clock_error_us = state < 0 ? -1 : timex.maxerror;
    host->facts.clock_synchronised = state >= 0 && state != TIME_ERROR;
}
