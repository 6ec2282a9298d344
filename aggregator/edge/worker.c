/*
 * Taking records: verify where reading resumes, decode, guard the clock, step, collect the effects.
 */
#include "aggregator/edge/worker_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/crc32.h"
#include "common/log.h"
#include "common/time_text.h"

/* ---- holding and stopping ------------------------------------------------------------------- */

enum err worker_hold(struct worker *w, int64_t now_ms, const struct err_detail *why)
{
    bool again = w->state == WORKER_HOLDING && strcmp(w->reason.text, why->text) == 0;

    w->backoff_ms = w->backoff_ms == 0 ? WORKER_BACKOFF_MIN_MS : w->backoff_ms * 2;
    if (w->backoff_ms > WORKER_BACKOFF_MAX_MS)
        w->backoff_ms = WORKER_BACKOFF_MAX_MS;
    w->retry_at = now_ms + w->backoff_ms;
    w->state = WORKER_HOLDING;
    w->held_by_store = false;
    if (!again)
        w->reason = *why;
    if (!again || now_ms >= w->alarm_at) {
        w->alarm_at = now_ms + WORKER_ALARM_INTERVAL_MS;
        log_error("alarm", "partition waits", field_int("partition", w->options.partition),
                  field_int("next_offset", partition_next_offset(w->p)),
                  field_string("reason", w->reason.text));
    }
    return ERR_AGAIN;
}

enum err worker_hold_for_store(struct worker *w, int64_t now_ms, const struct err_detail *why)
{
    enum err e = worker_hold(w, now_ms, why);

    w->held_by_store = true;
    return e;
}

enum err worker_stop(struct worker *w, enum err code, const struct err_detail *why)
{
    w->state = WORKER_STOPPED;
    w->stopped_by = code;
    w->reason = *why;
    log_error("alarm", "partition stopped", field_int("partition", w->options.partition),
              field_int("next_offset", partition_next_offset(w->p)),
              field_string("error", err_name(code)), field_string("reason", w->reason.text));
    return code;
}

void worker_resume(struct worker *w)
{
    if (w->state == WORKER_HOLDING) {
        w->state = WORKER_RUNNING;
        log_info("alarm", "partition goes on", field_int("partition", w->options.partition));
    }
    w->reason.text[0] = '\0';
    w->held_by_store = false;
    w->backoff_ms = 0;
    w->retry_at = 0;
}

/* ---- verifying ------------------------------------------------------------------------------ */

static uint32_t record_crc(const struct worker_record *record)
{
    return crc32c(crc32c(0, record->key), record->value);
}

/* R16: the record that the checkpoint was taken after must still be the same. */
static enum err verify(struct worker *w, const struct worker_record *record)
{
    char then[TIME_TEXT_SIZE], now[TIME_TEXT_SIZE];
    struct err_detail why;

    if (record->offset == w->last_offset && record->append_time == w->last_append_time &&
        record_crc(record) == w->last_crc) {
        w->state = WORKER_RUNNING;
        log_info("checkpoint", "verified", field_int("partition", w->options.partition),
                 field_int("last_offset", w->last_offset));
        return ERR_OK;
    }
    err_set(&why, ERR_INCIDENT,
            "the checkpoint was taken after the record at offset %" PRId64
            ", appended %s, CRC %08" PRIx32 "; the log has offset %" PRId64
            ", appended %s, CRC %08" PRIx32
            ": it was truncated and written again, or this is another topic of the same name",
            w->last_offset, time_text_format(w->last_append_time, then), w->last_crc,
            record->offset, time_text_format(record->append_time, now), record_crc(record));
    return worker_stop(w, ERR_INCIDENT, &why);
}

/* ---- stepping ------------------------------------------------------------------------------- */

/* What must be true before a record is looked at. False: `why` says what is not. */
static bool stamped_plausibly(const struct worker_record *record, int64_t now_ms,
                              struct err_detail *why)
{
    if (!record->log_append_time) {
        err_set(why, ERR_CONFIG,
                "the record at offset %" PRId64 " was not stamped by the broker: set"
                " message.timestamp.type=LogAppendTime on the topic",
                record->offset);
        return false;
    }
    if (record->append_time - now_ms > WORKER_CLOCK_AHEAD_MAX_MS) {
        err_set(why, ERR_INCIDENT,
                "log time is more than 5 min ahead of the clock of this host: the broker's clock or"
                " this host's is wrong");
        return false;
    }
    return true;
}

/* Fills w->event, or says that the record is undecodable (R15). ERR_NOT_FOUND: unknown schema. */
static enum err decode(struct worker *w, const struct worker_record *record,
                       struct partition_record *out, struct err_detail *why)
{
    const struct event_decoder *decoder;
    struct frame frame;

    *out = (struct partition_record){
        .kind = RECORD_UNDECODABLE,
        .offset = record->offset,
        .append_time = record->append_time,
        .crc = record_crc(record),
    };
    enum err e = frame_parse(record->value, &frame);
    if (e != ERR_OK) {
        err_set(why, e, "%s", err_text(e));
        return ERR_OK;
    }
    e = decoder_cache_find(w->options.decoders, &frame, &decoder, why);
    if (e != ERR_OK)
        return e;
    e = event_decode(decoder, frame.body, w->arena, &w->event);
    if (e != ERR_OK) {
        err_set(why, e, "%s", err_text(e));
        return ERR_OK;
    }
    out->kind = RECORD_EVENT;
    out->event = &w->event;
    return ERR_OK;
}

/* Makes `*array` of `*cap` elements hold at least `need`. */
static enum err grow_array(void *array, uint32_t *cap, uint32_t need, size_t element_bytes)
{
    void *old, *larger;

    if (need <= *cap)
        return ERR_OK;
    memcpy(&old, array, sizeof old);
    larger = reallocarray(old, need, element_bytes);
    if (larger == NULL)
        return ERR_NOMEM;
    memcpy(array, &larger, sizeof larger);
    *cap = need;
    return ERR_OK;
}

static enum err grow_state(struct worker *w)
{
    struct partition_capacity capacity = partition_capacity_grown(w->p);
    void *memory = malloc(partition_bytes(&capacity));

    if (memory == NULL)
        return ERR_NOMEM;
    w->p = partition_move(w->p, memory, &capacity);
    free(w->memory);
    w->memory = memory;
    w->capacity = capacity;
    return ERR_OK;
}

#define GROW(what) grow_array(&out->what, &out->what##_cap, out->need.what, sizeof *out->what)

/* Gives the core what it asked for. */
static enum err enlarge(struct worker *w)
{
    struct partition_out *out = &w->out;
    enum err e = GROW(lines);

    if (e == ERR_OK)
        e = GROW(missing);
    if (e == ERR_OK)
        e = GROW(gaps);
    if (e == ERR_OK)
        e = GROW(pairs);
    if (e == ERR_OK)
        e = GROW(dead_letters);
    if (e == ERR_OK && out->need.state)
        e = grow_state(w);
    return e;
}

static void count_notices(struct worker *w, const struct worker_record *record, uint32_t notices)
{
    for (uint32_t bits = notices; bits != 0; bits &= bits - 1)
        w->counts.notices[__builtin_ctz(bits)]++;
    if ((notices & (NOTICE_POLICY_CONFLICT | NOTICE_POLICY_INVALID)) != 0)
        log_error("alarm",
                  "a POLICY record was ignored: same version with other content,"
                  " or values that are not valid",
                  field_int("partition", w->options.partition),
                  field_int("offset", record->offset));
    if ((notices & NOTICE_POLICY_CHANGED) != 0)
        log_info("policy", "changed", field_int("partition", w->options.partition),
                 field_int("offset", record->offset),
                 field_int("version", partition_policy(w->p)->version));
}

/* One partition_step, given what it asks for. */
static enum err step(struct worker *w, const struct worker_record *source,
                     const struct partition_record *record, struct err_detail *why)
{
    enum err e;

    while ((e = partition_step(w->p, record, &w->out)) == ERR_CAPACITY) {
        e = enlarge(w);
        if (e != ERR_OK)
            return err_set(why, e, "the state needs more memory than there is");
    }
    if (e != ERR_OK)
        return err_set(why, e,
                       "the POLICY record at offset %" PRId64
                       " demands rules that this program does not know: run the newer version",
                       record->offset);
    w->in_record = true;
    w->part_undone = w->out.has_part;
    count_notices(w, source, w->out.notices);
    return ERR_OK;
}

/* Before another call that may decide a part. ERR_AGAIN: too much is owed already. */
static enum err make_room(struct worker *w, int64_t now_ms)
{
    size_t owed_bytes = 0;

    if (!w->held_by_store || now_ms >= w->retry_at) {
        enum err e = worker_effects_flush(w, now_ms);

        if (e != ERR_AGAIN)
            return e;
    }
    for (uint32_t i = 0; i < w->outbox_n; i++)
        owed_bytes += w->outbox[i].effect.content.len;
    return w->outbox_n < WORKER_OUTBOX_MAX && owed_bytes < WORKER_OUTBOX_BYTES_MAX ? ERR_OK
                                                                                   : ERR_AGAIN;
}

/* Steps the record to its end, its effects going to the outbox. */
static enum err step_all(struct worker *w, const struct worker_record *source,
                         const struct partition_record *record, int64_t now_ms)
{
    struct err_detail why = {.text = ""};

    do {
        enum err e = make_room(w, now_ms);
        if (e != ERR_OK)
            return e;
        if (!w->part_undone)
            e = step(w, source, record, &why);
        if (e == ERR_OK && w->part_undone)
            e = worker_effect_add_part(w, &w->out.part, &why);
        if (e == ERR_NOMEM)
            return worker_hold(w, now_ms, &why);
        if (e != ERR_OK)
            return worker_stop(w, e, &why);
        w->part_undone = false;
    } while (w->out.more);
    w->in_record = false;
    return ERR_OK;
}

/* W3, the guards, and the bytes of a record that nobody can read. */
static enum err begin_record(struct worker *w, const struct worker_record *source,
                             const struct partition_record *record,
                             const struct err_detail *undecodable, int64_t now_ms)
{
    struct err_detail why = {.text = ""};
    enum err e = worker_effects_flush(w, now_ms);

    if (e != ERR_OK || record->kind != RECORD_UNDECODABLE)
        return e;
    if (worker_effect_add_dead_letter(w, source->offset, source->value, &why) != ERR_OK)
        return worker_hold(w, now_ms, &why);
    log_error("alarm", "undecodable record", field_int("partition", w->options.partition),
              field_int("offset", source->offset), field_string("detail", undecodable->text));
    return ERR_OK;
}

static enum err take(struct worker *w, const struct worker_record *source, int64_t now_ms)
{
    struct partition_record record;
    struct err_detail why = {.text = ""};

    if (!w->in_record && !stamped_plausibly(source, now_ms, &why))
        return worker_hold(w, now_ms, &why);
    enum err e = decode(w, source, &record, &why);
    if (e != ERR_OK)
        return worker_hold(w, now_ms, &why);
    if (!w->in_record)
        e = begin_record(w, source, &record, &why, now_ms);
    if (e == ERR_OK)
        e = step_all(w, source, &record, now_ms);
    if (e != ERR_OK)
        return e;
    w->counts.records++;
    w->counts.undecodable += record.kind == RECORD_UNDECODABLE;
    /* What cannot be carried out now is owed; the next record waits for it. */
    e = w->held_by_store && now_ms < w->retry_at ? ERR_AGAIN : worker_effects_flush(w, now_ms);
    if (e == ERR_OK)
        worker_resume(w);
    return e == ERR_AGAIN ? ERR_OK : e;
}

enum err worker_take(struct worker *w, const struct worker_record *record, int64_t now_ms,
                     struct err_detail *detail)
{
    enum err e;

    if (w->state == WORKER_STOPPED)
        e = w->stopped_by;
    else if (w->state == WORKER_VERIFYING)
        e = verify(w, record);
    else if (w->state == WORKER_HOLDING && now_ms < w->retry_at)
        e = ERR_AGAIN;
    else
        e = take(w, record, now_ms);
    if (e != ERR_OK)
        *detail = w->reason;
    return e;
}

/* ---- looking -------------------------------------------------------------------------------- */

enum worker_state worker_state(const struct worker *w)
{
    return w->state;
}

const char *worker_reason(const struct worker *w)
{
    return w->reason.text;
}

int64_t worker_retry_at(const struct worker *w)
{
    return w->retry_at;
}

const struct worker_counts *worker_counts(const struct worker *w)
{
    return &w->counts;
}

const struct worker_part *worker_last_part(const struct worker *w)
{
    return &w->last_part;
}

const struct partition *worker_partition(const struct worker *w)
{
    return w->p;
}

int32_t worker_partition_number(const struct worker *w)
{
    return w->options.partition;
}
