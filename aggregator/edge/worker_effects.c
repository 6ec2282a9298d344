/*
 * What a worker does to the store: effects through the outbox, and checkpoints of state and outbox.
 * Invariants W1–W3: worker.h.
 */
#include "aggregator/edge/worker_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/rating/part_codec.h"
#include "common/log.h"

/* ---- outbox --------------------------------------------------------------------------------- */

enum err worker_effect_add(struct worker *w, const char *name, struct bytes content, int64_t hour,
                           struct err_detail *detail)
{
    size_t name_len = strlen(name);

    assert(w->outbox_n < sizeof w->outbox / sizeof *w->outbox);
    /* the name is kept with its NUL: the store wants a string */
    uint8_t *memory = malloc(name_len + 1 + content.len);
    if (memory == NULL)
        return err_set(detail, ERR_NOMEM, "%s: %zu bytes, out of memory", name, content.len);
    memcpy(memory, name, name_len + 1);
    if (content.len > 0)
        memcpy(memory + name_len + 1, content.ptr, content.len);
    w->outbox[w->outbox_n++] = (struct worker_effect){
        .effect = {EFFECT_OBJECT, bytes_of(memory, name_len),
                   bytes_of(memory + name_len + 1, content.len)},
        .hour = hour,
        .memory = memory,
    };
    return ERR_OK;
}

enum err worker_effect_add_part(struct worker *w, const struct part *part,
                                struct err_detail *detail)
{
    char name[PART_NAME_MAX];
    size_t cap = part_encoded_bound(part), len;
    uint8_t *buffer = malloc(cap);

    part_object_name(name, part->era, part->partition, part->hour, part->revision);
    if (buffer == NULL)
        return err_set(detail, ERR_NOMEM, "%s: %zu bytes, out of memory", name, cap);
    enum err e = part_encode(part, buffer, cap, &len);
    assert(e == ERR_OK); /* the bound is a bound */
    e = worker_effect_add(w, name, bytes_of(buffer, len), part->hour, detail);
    free(buffer);
    if (e != ERR_OK)
        return e;
    w->last_part = (struct worker_part){part->hour,       part->revision,  part->complete,
                                        part->expected_n, part->missing_n, part->gaps_n};
    log_info("part", "cut", field_int("partition", part->partition), field_time("hour", part->hour),
             field_uint("revision", part->revision), field_uint("lines", part->lines_n),
             field_bool("complete", part->complete), field_uint("missing", part->missing_n),
             field_uint("gaps", part->gaps_n), field_int("offset_next", part->offset_next));
    return ERR_OK;
}

enum err worker_effect_add_dead_letter(struct worker *w, int64_t offset, struct bytes value,
                                       struct err_detail *detail)
{
    char name[CHECKPOINT_EFFECT_NAME_MAX];

    snprintf(name, sizeof name, "dead/era=%04" PRIu32 "/p=%04" PRId32 "/%020" PRId64 ".bin",
             w->options.era, w->options.partition, offset);
    return worker_effect_add(w, name, value, NO_TIME, detail);
}

void worker_effects_clear(struct worker *w)
{
    for (uint32_t i = 0; i < w->outbox_n; i++)
        free(w->outbox[i].memory);
    w->outbox_n = 0;
}

static void forget_first(struct worker *w)
{
    struct worker_effect done = w->outbox[0];

    w->outbox_n--;
    memmove(w->outbox, w->outbox + 1, w->outbox_n * sizeof *w->outbox);
    log_info(done.hour == NO_TIME ? "outbox" : "part", "written",
             field_int("partition", w->options.partition),
             field_string("name", (const char *)done.memory),
             field_uint("bytes", done.effect.content.len));
    free(done.memory);
    if (done.hour == NO_TIME)
        return;
    w->counts.parts++;
    if (w->options.on_part != NULL)
        w->options.on_part(w->options.context, done.hour);
}

enum err worker_effects_flush(struct worker *w, int64_t now_ms)
{
    bool wrote_part = false;

    while (w->outbox_n > 0) {
        struct worker_effect *first = &w->outbox[0];
        struct err_detail why = {.text = ""};
        enum err e = store_create_same(w->options.store, (const char *)first->memory,
                                       first->effect.content, &why);

        if (e == ERR_CONFLICT || e == ERR_INCIDENT) {
            struct err_detail said;

            return worker_stop(w,
                               err_set(&said, ERR_INCIDENT, "%s exists with other bytes: %s",
                                       (const char *)first->memory, why.text),
                               &said);
        }
        if (e != ERR_OK) {
            struct err_detail said;

            err_set(&said, e, "%s cannot be written: %s", (const char *)first->memory, why.text);
            return worker_hold_for_store(w, now_ms, &said);
        }
        wrote_part |= first->hour != NO_TIME;
        forget_first(w);
    }
    if (wrote_part && w->checkpoint_at > w->checkpointed_at + WORKER_CHECKPOINT_GAP_MS)
        w->checkpoint_at = w->checkpointed_at + WORKER_CHECKPOINT_GAP_MS;
    return ERR_OK;
}

/* ---- checkpoints ---------------------------------------------------------------------------- */

/* The state's canonical bytes in w->save_buffer, which grows until they fit. */
static enum err save_state(struct worker *w, struct bytes *state, struct err_detail *detail)
{
    size_t len = 0;

    while (partition_save(w->p, w->save_buffer, w->save_cap, &len) != ERR_OK) {
        size_t cap = w->save_cap == 0 ? WORKER_SAVE_FIRST_BYTES : w->save_cap * 2;
        uint8_t *larger = realloc(w->save_buffer, cap);

        if (larger == NULL)
            return err_set(detail, ERR_NOMEM, "state of over %zu bytes: out of memory",
                           w->save_cap);
        w->save_buffer = larger;
        w->save_cap = cap;
    }
    *state = bytes_of(w->save_buffer, len);
    return ERR_OK;
}

static enum err save_checkpoint(struct worker *w, int64_t now_ms, uint64_t *number,
                                struct err_detail *detail)
{
    struct checkpoint_effect effects[WORKER_OUTBOX_MAX];
    struct checkpoint c = {
        .created_ms = now_ms,
        .next_offset = partition_next_offset(w->p),
        .outbox = effects,
        .outbox_n = w->outbox_n,
    };

    for (uint32_t i = 0; i < w->outbox_n; i++)
        effects[i] = w->outbox[i].effect;
    c.has_last = partition_last_record(w->p, &c.last_offset, &c.last_append_time, &c.last_crc);
    if (!c.has_last)
        c.last_offset = c.last_append_time = c.last_crc = 0;
    enum err e = save_state(w, &c.state, detail);
    if (e == ERR_OK)
        e = checkpoint_store_save(w->checkpoints, &c, detail);
    *number = c.number;
    return e;
}

static void after_checkpoint(struct worker *w, int64_t now_ms, uint64_t number)
{
    struct err_detail why;
    uint32_t deleted_n;

    w->counts.checkpoints++;
    w->checkpointed_at = now_ms;
    w->checkpoint_at = now_ms + w->options.checkpoint_interval_ms;
    w->checkpointed_offset = partition_next_offset(w->p);
    w->checkpointed_outbox_n = w->outbox_n;
    log_info("checkpoint", "created", field_int("partition", w->options.partition),
             field_int("number", (int64_t)number), field_int("next_offset", w->checkpointed_offset),
             field_int("outbox", w->outbox_n));
    if (checkpoint_store_sweep(w->checkpoints, now_ms, &deleted_n, &why) != ERR_OK)
        log_warn("checkpoint", "old ones could not be deleted; will be tried again",
                 field_int("partition", w->options.partition), field_string("detail", why.text));
    else if (deleted_n > 0)
        log_info("checkpoint", "old ones deleted", field_int("partition", w->options.partition),
                 field_int("deleted", deleted_n));
}

static bool nothing_new(const struct worker *w)
{
    return partition_next_offset(w->p) == w->checkpointed_offset &&
           w->outbox_n == w->checkpointed_outbox_n;
}

/* The outbox first: an hour is durable before the checkpoint that implies it, where possible. */
static enum err flush_for_checkpoint(struct worker *w, int64_t now_ms, bool final)
{
    if (!final && w->held_by_store && now_ms < w->retry_at)
        return ERR_AGAIN;
    enum err e = worker_effects_flush(w, now_ms);
    return e == ERR_AGAIN && final ? ERR_OK : e;
}

enum err worker_checkpoint(struct worker *w, int64_t now_ms, bool final, struct err_detail *detail)
{
    uint64_t number;

    if (w->state == WORKER_STOPPED || w->state == WORKER_VERIFYING || w->in_record)
        return ERR_OK;
    enum err e = flush_for_checkpoint(w, now_ms, final);
    if (e != ERR_OK) {
        *detail = w->reason;
        return e;
    }
    if (!nothing_new(w) && (final || now_ms >= w->checkpoint_at)) {
        e = save_checkpoint(w, now_ms, &number, detail);
        if (e == ERR_FENCED) {
            log_warn("checkpoint", "fenced", field_int("partition", w->options.partition),
                     field_string("detail", detail->text));
            return e;
        }
        if (e != ERR_OK)
            return worker_hold_for_store(w, now_ms, detail);
        after_checkpoint(w, now_ms, number);
    }
    if (w->held_by_store && w->outbox_n == 0)
        worker_resume(w);
    return ERR_OK;
}
