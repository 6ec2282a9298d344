/*
 * Beginning with a partition: the newest checkpoint, or nothing, against what the log still has.
 */
#include "aggregator/edge/worker_state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"

const char *worker_state_name(enum worker_state state)
{
    static const char *const names[] = {"verifying", "running", "holding", "stopped"};

    return names[state];
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    worker_effects_clear(w);
    checkpoint_store_free(w->checkpoints);
    free(w->memory);
    free(w->arena);
    free(w->out.lines);
    free(w->out.missing);
    free(w->out.gaps);
    free(w->out.pairs);
    free(w->out.dead_letters);
    free(w->save_buffer);
    free(w);
}

static enum err take_state(struct worker *w, struct bytes state, struct err_detail *detail)
{
    enum err e = partition_saved_capacity(state, &w->capacity);

    if (e != ERR_OK)
        return err_set(detail, e, "section STAT: %s", err_text(e));
    w->memory = malloc(partition_bytes(&w->capacity));
    if (w->memory == NULL)
        return err_set(detail, ERR_NOMEM, "state of %zu bytes: out of memory",
                       partition_bytes(&w->capacity));
    return partition_load(state, w->memory, &w->capacity, &w->p, detail);
}

static enum err take_outbox(struct worker *w, const struct checkpoint *c, struct err_detail *detail)
{
    if (c->outbox_n > WORKER_OUTBOX_MAX)
        return err_set(detail, ERR_LIMIT, "section OUTB: %" PRIu32 " effects", c->outbox_n);
    for (uint32_t i = 0; i < c->outbox_n; i++) {
        char name[CHECKPOINT_EFFECT_NAME_MAX + 1];
        const struct checkpoint_effect *effect = &c->outbox[i];

        memcpy(name, effect->name.ptr, effect->name.len);
        name[effect->name.len] = '\0';
        enum err e = worker_effect_add(w, name, effect->content, NO_TIME, detail);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

/* The log must still have what comes after the checkpoint, and should have the record before it
 * (R16); *verifiable tells whether it has. */
static enum err judge_range(const struct checkpoint *c, const struct worker_log_range *range,
                            bool *verifiable, struct err_detail *detail)
{
    *verifiable = c->has_last && range->low <= c->last_offset;
    if (range->high < c->next_offset)
        return err_set(detail, ERR_INCIDENT,
                       "checkpoint %" PRIu64 " of partition %" PRId32 " goes on at offset %" PRId64
                       ", but the log ends at %" PRId64
                       ": it was truncated, or this is another topic of the same name. Nothing"
                       " is metered until this is understood",
                       c->number, c->partition, c->next_offset, range->high);
    if (range->low > c->next_offset)
        return err_set(detail, ERR_CONFIG,
                       "checkpoint %" PRIu64 " of partition %" PRId32 " goes on at offset %" PRId64
                       ", but the log begins at %" PRId64 ": %" PRId64
                       " records were deleted unread. Restore them, or begin a new sink with"
                       " recover.accept_lead_in=true",
                       c->number, c->partition, c->next_offset, range->low,
                       range->low - c->next_offset);
    return ERR_OK;
}

/* Without a checkpoint the log must begin where the era does, unless told otherwise. */
static enum err judge_beginning(const struct worker_options *options,
                                const struct worker_log_range *range, struct err_detail *detail)
{
    if (range->low == 0 || options->accept_lead_in)
        return ERR_OK;
    return err_set(detail, ERR_CONFIG,
                   "partition %" PRId32 " has no checkpoint and its log begins at offset %" PRId64
                   ": the records before it are gone. Restore a checkpoint, or go on without them"
                   " with recover.accept_lead_in=true; those hours will be marked",
                   options->partition, range->low);
}

static enum err begin_from(struct worker *w, const struct checkpoint *c,
                           const struct worker_log_range *range, struct err_detail *detail)
{
    bool verifiable;
    enum err e = judge_range(c, range, &verifiable, detail);

    if (e == ERR_OK)
        e = take_state(w, c->state, detail);
    if (e == ERR_OK)
        e = take_outbox(w, c, detail);
    if (e == ERR_OK && partition_next_offset(w->p) != c->next_offset)
        e = err_set(detail, ERR_INCIDENT,
                    "checkpoint %" PRIu64 " of partition %" PRId32 ": its head says offset %" PRId64
                    ", its state %" PRId64,
                    c->number, c->partition, c->next_offset, partition_next_offset(w->p));
    if (e != ERR_OK)
        return e;
    if (verifiable) {
        w->state = WORKER_VERIFYING;
        w->last_offset = c->last_offset;
        w->last_append_time = c->last_append_time;
        w->last_crc = c->last_crc;
    }
    w->checkpointed_offset = c->next_offset;
    w->checkpointed_outbox_n = c->outbox_n;
    log_info("checkpoint", "loaded", field_int("partition", c->partition),
             field_int("number", (int64_t)c->number), field_int("next_offset", c->next_offset),
             field_int("outbox", c->outbox_n),
             field_string("last_record", verifiable    ? "to be compared"
                                         : c->has_last ? "gone, cannot be compared"
                                                       : "none"));
    return ERR_OK;
}

static enum err begin_anew(struct worker *w, const struct worker_log_range *range,
                           struct err_detail *detail)
{
    struct partition_identity identity = {
        .era = w->options.era,
        .partition = w->options.partition,
        .first_hour = w->options.first_hour,
        .first_offset = range->low,
        .lead_in = range->low > 0,
    };
    enum err e = judge_beginning(&w->options, range, detail);

    if (e != ERR_OK)
        return e;
    w->capacity = partition_capacity_default();
    w->memory = malloc(partition_bytes(&w->capacity));
    if (w->memory == NULL)
        return err_set(detail, ERR_NOMEM, "state of %zu bytes: out of memory",
                       partition_bytes(&w->capacity));
    w->p = partition_init(w->memory, &w->capacity, &identity);
    log_info("checkpoint", "none yet, beginning anew", field_int("partition", identity.partition),
             field_int("next_offset", range->low),
             field_string("lead_in", identity.lead_in ? "yes" : "no"));
    return ERR_OK;
}

static enum err begin(struct worker *w, struct err_detail *detail)
{
    struct checkpoint_file file;
    struct worker_log_range range;
    uint32_t damaged_n;
    enum err e = checkpoint_store_load(w->checkpoints, &file, &damaged_n, detail);

    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    bool found = e == ERR_OK;
    e = w->options.log_range(w->options.context, w->options.partition, &range, detail);
    if (e == ERR_OK)
        e = found ? begin_from(w, &file.checkpoint, &range, detail) : begin_anew(w, &range, detail);
    checkpoint_file_clear(&file);
    return e;
}

enum err worker_check(const struct worker_options *options, struct err_detail *detail)
{
    struct checkpoint_store *checkpoints;
    struct checkpoint_file file = {.content = NULL};
    struct worker_log_range range;
    uint32_t damaged_n;
    bool verifiable, found = false;
    enum err e = checkpoint_store_new(options->store, options->era, options->partition,
                                      options->replay_retention_ms, &checkpoints, detail);

    if (e != ERR_OK)
        return e;
    e = checkpoint_store_load(checkpoints, &file, &damaged_n, detail);
    found = e == ERR_OK;
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        e = options->log_range(options->context, options->partition, &range, detail);
    if (e == ERR_OK)
        e = found ? judge_range(&file.checkpoint, &range, &verifiable, detail)
                  : judge_beginning(options, &range, detail);
    checkpoint_file_clear(&file);
    checkpoint_store_free(checkpoints);
    return e;
}

enum err worker_open(const struct worker_options *options, int64_t now_ms, struct worker **worker,
                     struct err_detail *detail)
{
    struct worker *w = calloc(1, sizeof *w);
    enum err e = ERR_NOMEM;

    if (w == NULL)
        return err_set(detail, ERR_NOMEM, "worker: out of memory");
    w->options = *options;
    w->state = WORKER_RUNNING;
    w->checkpointed_at = now_ms;
    w->checkpoint_at = now_ms + options->checkpoint_interval_ms;
    w->checkpointed_offset = -1;
    w->last_part.hour = NO_TIME;
    w->arena = malloc(sizeof *w->arena);
    if (w->arena == NULL) {
        err_set(detail, ERR_NOMEM, "worker: out of memory");
        goto failed;
    }
    e = checkpoint_store_new(options->store, options->era, options->partition,
                             options->replay_retention_ms, &w->checkpoints, detail);
    if (e == ERR_OK)
        e = begin(w, detail);
    if (e != ERR_OK)
        goto failed;
    *worker = w;
    return ERR_OK;
failed:
    worker_free(w);
    return e;
}

int64_t worker_start_offset(const struct worker *w)
{
    return w->state == WORKER_VERIFYING ? w->last_offset : partition_next_offset(w->p);
}
