/*
 * Checkpoints in a store: listing, winning a number, reading back, keeping and deleting.
 * Invariants C1–C4: checkpoint_store.h.
 */
#include "aggregator/edge/checkpoint_store.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

static const char suffix[] = ".ckpt";

enum { HOUR_OF_MS = 3600 * 1000 };

/* One checkpoint that exists, as the last LIST showed it. */
struct entry {
    uint64_t number;
    int64_t created_ms; /* owner's clock; UNKNOWN until read; DAMAGED if it cannot be read */
};

#define UNKNOWN INT64_MIN
#define DAMAGED INT64_MAX

struct checkpoint_store {
    struct store *store;
    uint32_t era;
    int32_t partition;
    int64_t replay_retention_ms;
    uint8_t writer_id[CHECKPOINT_WRITER_ID_BYTES];
    uint64_t highest;      /* the highest number that exists, 0 = none (C1) */
    struct entry *entries; /* ascending by number */
    size_t entries_n;
};

void checkpoint_object_name(char name[CHECKPOINT_NAME_MAX], uint32_t era, int32_t partition,
                            uint64_t number)
{
    int n = snprintf(name, CHECKPOINT_NAME_MAX,
                     "state/era=%04" PRIu32 "/p=%04" PRId32 "/%016" PRIu64 "%s", era, partition,
                     number, suffix);

    assert(n > 0 && n < CHECKPOINT_NAME_MAX);
}

static void prefix_of(const struct checkpoint_store *cs, char prefix[CHECKPOINT_NAME_MAX])
{
    int n = snprintf(prefix, CHECKPOINT_NAME_MAX, "state/era=%04" PRIu32 "/p=%04" PRId32 "/",
                     cs->era, cs->partition);

    assert(n > 0 && n < CHECKPOINT_NAME_MAX);
}

enum err checkpoint_store_new(struct store *store, uint32_t era, int32_t partition,
                              int64_t replay_retention_ms, struct checkpoint_store **cs,
                              struct err_detail *detail)
{
    struct checkpoint_store *made = calloc(1, sizeof *made);

    if (made == NULL)
        return err_set(detail, ERR_NOMEM, "checkpoint store: out of memory");
    made->store = store;
    made->era = era;
    made->partition = partition;
    made->replay_retention_ms = replay_retention_ms;
    if (RAND_bytes(made->writer_id, sizeof made->writer_id) != 1) {
        free(made);
        return err_set(detail, ERR_IO, "no random bytes for a writer id");
    }
    *cs = made;
    return ERR_OK;
}

void checkpoint_store_free(struct checkpoint_store *cs)
{
    if (cs == NULL)
        return;
    free(cs->entries);
    free(cs);
}

void checkpoint_file_clear(struct checkpoint_file *file)
{
    free(file->content);
    free(file->outbox);
    memset(file, 0, sizeof *file);
}

enum err checkpoint_file_parse(uint8_t *content, size_t len, struct checkpoint_file *file,
                               struct err_detail *detail)
{
    *file = (struct checkpoint_file){.content = content, .len = len};
    enum err e = checkpoint_decode(bytes_of(content, len), &file->checkpoint, NULL, 0, detail);

    if (e == ERR_CAPACITY) {
        uint32_t n = file->checkpoint.outbox_n;

        file->outbox = calloc(n, sizeof *file->outbox);
        if (file->outbox == NULL)
            e = err_set(detail, ERR_NOMEM, "outbox of %" PRIu32 " effects: out of memory", n);
        else
            e = checkpoint_decode(bytes_of(content, len), &file->checkpoint, file->outbox, n,
                                  detail);
    }
    if (e != ERR_OK)
        checkpoint_file_clear(file);
    return e;
}

/* Reads one number; ERR_MALFORMED also if it says that it is another one. */
static enum err read_number(struct checkpoint_store *cs, uint64_t number,
                            struct checkpoint_file *file, struct err_detail *detail)
{
    char name[CHECKPOINT_NAME_MAX];
    uint8_t *content;
    size_t len;

    checkpoint_object_name(name, cs->era, cs->partition, number);
    enum err e = store_read(cs->store, name, &content, &len, detail);
    if (e == ERR_OK)
        e = checkpoint_file_parse(content, len, file, detail);
    if (e != ERR_OK)
        return e;
    const struct checkpoint *c = &file->checkpoint;
    if (c->number == number && c->era == cs->era && c->partition == cs->partition)
        return ERR_OK;
    e = err_set(detail, ERR_MALFORMED,
                "section HEAD: it says era %" PRIu32 ", partition %" PRId32 ", number %" PRIu64,
                c->era, c->partition, c->number);
    checkpoint_file_clear(file);
    return e;
}

/* ---- listing ------------------------------------------------------------------------------- */

/* The number in "<prefix><16 digits>.ckpt"; 0 for any other name. */
static uint64_t number_in_name(const char *name, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    uint64_t number = 0;

    if (strlen(name) != prefix_len + CHECKPOINT_NUMBER_DIGITS + sizeof suffix - 1 ||
        memcmp(name, prefix, prefix_len) != 0 ||
        strcmp(name + prefix_len + CHECKPOINT_NUMBER_DIGITS, suffix) != 0)
        return 0;
    for (size_t i = 0; i < CHECKPOINT_NUMBER_DIGITS; i++) {
        char digit = name[prefix_len + i];

        if (digit < '0' || digit > '9')
            return 0;
        number = number * 10 + (uint64_t)(digit - '0');
    }
    return number;
}

/* LIST, keeping what is known of the entries that are still there. */
static enum err list(struct checkpoint_store *cs, struct err_detail *detail)
{
    char prefix[CHECKPOINT_NAME_MAX];
    struct store_names names;
    size_t n = 0, old = 0;

    prefix_of(cs, prefix);
    enum err e = store_list(cs->store, prefix, &names, detail);
    if (e != ERR_OK)
        return e;
    struct entry *entries = calloc(names.n + 1, sizeof *entries);
    if (entries == NULL) {
        store_names_free(&names);
        return err_set(detail, ERR_NOMEM, "list of %zu checkpoints: out of memory", names.n);
    }
    for (size_t i = 0; i < names.n; i++) {
        uint64_t number = number_in_name(names.names[i], prefix);

        if (number == 0)
            continue;
        while (old < cs->entries_n && cs->entries[old].number < number)
            old++;
        bool known = old < cs->entries_n && cs->entries[old].number == number;
        entries[n++] = (struct entry){number, known ? cs->entries[old].created_ms : UNKNOWN};
    }
    store_names_free(&names);
    free(cs->entries);
    cs->entries = entries;
    cs->entries_n = n;
    return ERR_OK;
}

static uint64_t highest_listed(const struct checkpoint_store *cs)
{
    return cs->entries_n == 0 ? 0 : cs->entries[cs->entries_n - 1].number;
}

/* ---- loading ------------------------------------------------------------------------------- */

enum err checkpoint_store_load(struct checkpoint_store *cs, struct checkpoint_file *file,
                               uint32_t *damaged_n, struct err_detail *detail)
{
    enum err e = list(cs, detail);

    *damaged_n = 0;
    memset(file, 0, sizeof *file);
    if (e != ERR_OK)
        return e;
    cs->highest = highest_listed(cs);
    for (size_t i = cs->entries_n; i-- > 0;) {
        struct entry *entry = &cs->entries[i];
        struct err_detail why = {.text = ""};

        e = read_number(cs, entry->number, file, &why);
        if (e == ERR_OK) {
            entry->created_ms = file->checkpoint.created_ms;
            return ERR_OK;
        }
        if (e == ERR_NOT_FOUND) /* deleted since the LIST */
            continue;
        if (e == ERR_IO || e == ERR_NOMEM || e == ERR_AGAIN || e == ERR_UNSUPPORTED)
            return err_set(detail, e, "checkpoint %" PRIu64 " of partition %" PRId32 ": %s",
                           entry->number, cs->partition, why.text);
        entry->created_ms = DAMAGED;
        ++*damaged_n;
        log_error("checkpoint", "damaged, passed over", field_int("partition", cs->partition),
                  field_int("number", (int64_t)entry->number), field_string("error", err_name(e)),
                  field_string("detail", why.text));
    }
    return err_set(detail, ERR_NOT_FOUND, "partition %" PRId32 " has no valid checkpoint",
                   cs->partition);
}

/* ---- winning a number ---------------------------------------------------------------------- */

/* The create of `number` may or may not have happened, or somebody has it: *ours and *same tell. */
static enum err read_back(struct checkpoint_store *cs, uint64_t number, struct bytes content,
                          bool *ours, bool *same, struct err_detail *detail)
{
    struct checkpoint_file file;
    enum err e = read_number(cs, number, &file, detail);

    *ours = *same = false;
    if (e == ERR_IO || e == ERR_NOT_FOUND || e == ERR_NOMEM || e == ERR_AGAIN)
        return e;
    if (e != ERR_OK) /* it exists and is not what we wrote */
        return ERR_OK;
    *ours = memcmp(file.checkpoint.writer_id, cs->writer_id, sizeof cs->writer_id) == 0;
    *same = *ours && bytes_equal(bytes_of(file.content, file.len), content);
    checkpoint_file_clear(&file);
    return ERR_OK;
}

/* Creates `c` under the number after cs->highest. ERR_EXISTS: an earlier checkpoint of ours turned
 * out to have that number; cs->highest has moved on. */
static enum err create_next(struct checkpoint_store *cs, struct checkpoint *c, uint8_t *buffer,
                            size_t cap, struct err_detail *detail)
{
    char name[CHECKPOINT_NAME_MAX];
    size_t len;
    bool ours, same;

    c->number = cs->highest + 1;
    enum err e = checkpoint_encode(c, buffer, cap, &len);
    if (e != ERR_OK)
        return err_set(detail, e, "checkpoint of partition %" PRId32 ": %s", cs->partition,
                       err_text(e));
    checkpoint_object_name(name, cs->era, cs->partition, c->number);
    e = store_create(cs->store, name, bytes_of(buffer, len), detail);
    if (e == ERR_OK)
        return ERR_OK;
    struct err_detail unused;
    enum err e_back = read_back(cs, c->number, bytes_of(buffer, len), &ours, &same, &unused);
    if (e_back != ERR_OK) /* still uncertain, or not there */
        return e == ERR_EXISTS ? ERR_IO : e;
    if (same)
        return ERR_OK;
    if (!ours)
        return err_set(detail, ERR_FENCED,
                       "checkpoint %" PRIu64 " of partition %" PRId32
                       " was written by another process",
                       c->number, cs->partition);
    cs->highest = c->number;
    return ERR_EXISTS;
}

enum err checkpoint_store_save(struct checkpoint_store *cs, struct checkpoint *c,
                               struct err_detail *detail)
{
    c->era = cs->era;
    c->partition = cs->partition;
    memcpy(c->writer_id, cs->writer_id, sizeof c->writer_id);
    size_t cap = checkpoint_encoded_bytes(c);
    uint8_t *buffer = malloc(cap);
    if (buffer == NULL)
        return err_set(detail, ERR_NOMEM, "checkpoint of %zu bytes: out of memory", cap);
    enum err e = create_next(cs, c, buffer, cap, detail);
    if (e == ERR_EXISTS)
        e = create_next(cs, c, buffer, cap, detail);
    free(buffer);
    if (e == ERR_EXISTS)
        e = ERR_IO;
    if (e != ERR_OK)
        return e;
    e = list(cs, detail); /* C2 */
    if (e != ERR_OK)
        return e;
    uint64_t highest = highest_listed(cs);
    if (highest > c->number)
        return err_set(detail, ERR_FENCED,
                       "checkpoint %" PRIu64 " of partition %" PRId32
                       " exists; this process was about to write %" PRIu64,
                       highest, cs->partition, c->number);
    if (highest < c->number)
        return err_set(detail, ERR_IO,
                       "checkpoint %" PRIu64 " of partition %" PRId32
                       " was created and is not listed",
                       c->number, cs->partition);
    cs->highest = highest;
    cs->entries[cs->entries_n - 1].created_ms = c->created_ms;
    return ERR_OK;
}

/* ---- keeping and deleting ------------------------------------------------------------------- */

static enum err learn_created(struct checkpoint_store *cs, struct entry *entry,
                              struct err_detail *detail)
{
    struct checkpoint_file file;
    enum err e = read_number(cs, entry->number, &file, detail);

    if (e == ERR_IO || e == ERR_NOMEM || e == ERR_AGAIN)
        return e;
    entry->created_ms = e == ERR_OK ? file.checkpoint.created_ms : DAMAGED;
    if (e == ERR_OK)
        checkpoint_file_clear(&file);
    return ERR_OK;
}

static enum err delete_number(struct checkpoint_store *cs, uint64_t number,
                              struct err_detail *detail)
{
    char name[CHECKPOINT_NAME_MAX];

    checkpoint_object_name(name, cs->era, cs->partition, number);
    return store_delete(cs->store, name, detail);
}

enum err checkpoint_store_sweep(struct checkpoint_store *cs, int64_t now_ms, uint32_t *deleted_n,
                                struct err_detail *detail)
{
    int64_t kept_hour = INT64_MIN;
    uint32_t work = 0;

    *deleted_n = 0;
    for (size_t i = 0; i + CHECKPOINT_KEEP_NEWEST < cs->entries_n; i++) {
        struct entry *entry = &cs->entries[i];
        enum err e = ERR_OK;

        if (work >= CHECKPOINT_SWEEP_MAX)
            break;
        if (entry->created_ms == UNKNOWN) {
            work++;
            e = learn_created(cs, entry, detail);
        }
        if (e != ERR_OK)
            return e;
        if (entry->created_ms == DAMAGED) /* evidence */
            continue;
        int64_t age_ms = now_ms - entry->created_ms;
        if (age_ms < CHECKPOINT_KEEP_MS)
            break; /* numbers ascend with time */
        int64_t hour = entry->created_ms / HOUR_OF_MS;
        if (age_ms <= cs->replay_retention_ms && hour != kept_hour) {
            kept_hour = hour;
            continue;
        }
        work++;
        e = delete_number(cs, entry->number, detail);
        if (e != ERR_OK)
            return e;
        ++*deleted_n;
    }
    return ERR_OK;
}
