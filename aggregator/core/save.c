/*
 * The state as canonical bytes, and back (R16). Equal states give equal bytes: instances by id,
 * epochs oldest first, claims by run id, corrections and dead letters in their order; handles and
 * free lists do not appear. Numbers and strings use Avro's primitive encodings.
 *
 * Only between records: PHASE_IDLE. Integrity (CRC) is the checkpoint file's, see checkpoint.h.
 */
#include "aggregator/core/partition.h"

#include <string.h>

#include "aggregator/core/epoch.h"
#include "aggregator/core/facts.h"
#include "aggregator/core/instance.h"
#include "aggregator/core/pool.h"
#include "aggregator/core/run.h"
#include "schemas/c/avro_buffer.h"

/* ---- writing ------------------------------------------------------------------------ */

static void put_blob(const struct partition *p, struct avro_writer *w, blob_ref ref)
{
    avro_put_bytes(w, blob_get(p, ref));
}

static void put_policy(struct avro_writer *w, const struct policy *policy)
{
    avro_put_long(w, policy->version);
    avro_put_long(w, policy->rules_version);
    avro_put_long(w, policy->settle_ms);
    avro_put_long(w, policy->grace_ms);
    avro_put_long(w, policy->revision_interval_ms);
    avro_put_long(w, policy->tick_interval_ms);
    avro_put_long(w, policy->horizon_ms);
    avro_put_long(w, policy->instance_ttl_ms);
    avro_put_long(w, policy->host_lost_ms);
}

static void put_header(const struct partition *p, struct avro_writer *w)
{
    avro_put_long(w, SAVE_VERSION);
    avro_put_long(w, p->identity.era);
    avro_put_long(w, p->identity.partition);
    avro_put_long(w, p->identity.first_hour);
    avro_put_long(w, p->identity.first_offset);
    avro_put_bool(w, p->identity.lead_in);
    put_policy(w, &p->policy);
    avro_put_long(w, p->next_offset);
    avro_put_long(w, p->log_time);
    avro_put_long(w, p->active);
    avro_put_bool(w, p->has_record);
    avro_put_long(w, p->last_offset);
    avro_put_long(w, p->last_append);
    avro_put_long(w, p->last_crc);
    avro_put_bool(w, p->sweep_due);
    avro_put_long(w, p->final_until);
    avro_put_long(w, p->cut_until);
    for (int64_t t = p->final_until; t < p->cut_until; t += HOUR_MS) {
        const struct hour *h = &p->hours[hour_slot(t)];
        avro_put_long(w, h->revision);
        avro_put_long(w, h->reasons);
        avro_put_bool(w, h->changed);
        avro_put_long(w, h->rev1_cut);
        avro_put_long(w, h->changed ? h->changed_at : 0);
    }
    avro_put_long(w, p->outages_n);
    for (uint32_t i = 0; i < p->outages_n; i++) {
        avro_put_long(w, p->outages[i].from);
        avro_put_long(w, p->outages[i].to);
    }
}

static void put_epoch(const struct partition *p, struct avro_writer *w, const struct epoch *e)
{
    avro_put_raw(w, e->id.bytes, EVENT_UUID_BYTES);
    avro_put_long(w, e->flags);
    avro_put_raw(w, e->prev.bytes, EVENT_UUID_BYTES);
    avro_put_long(w, e->prev_seq);
    avro_put_long(w, e->started);
    avro_put_long(w, e->pending_seq);
    avro_put_long(w, e->pending_watermark);
    avro_put_long(w, e->dropped_watermark);
    avro_put_long(w, e->down_seq);
    avro_put_long(w, e->down_time);
    avro_put_long(w, e->intervals_n);
    for (uint32_t i = e->first_interval; i != 0; i = interval_at(p, i)->next) {
        const struct interval *v = interval_at(p, i);
        avro_put_long(w, v->first);
        avro_put_long(w, v->last);
        avro_put_long(w, v->cover_from);
        avro_put_long(w, v->watermark);
        avro_put_long(w, v->seen_active);
    }
}

/* Epochs of an instance, oldest first. */
static uint32_t sorted_epochs(const struct partition *p, const struct instance *inst,
                              uint32_t sorted[EPOCHS_PER_INSTANCE_MAX])
{
    uint32_t n = 0;

    for (uint32_t i = inst->first_epoch; i != 0; i = epoch_at(p, i)->next) {
        uint32_t k = n++;
        for (; k > 0 && epoch_is_older(epoch_at(p, i), epoch_at(p, sorted[k - 1])); k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = i;
    }
    return n;
}

/* 1-based position of an epoch in the saved order, 0 for none. */
static uint32_t epoch_number(const uint32_t *sorted, uint32_t n, uint32_t epoch)
{
    for (uint32_t i = 0; i < n; i++)
        if (sorted[i] == epoch)
            return i + 1;
    return 0;
}

static void put_facts(const struct partition *p, struct avro_writer *w, const struct facts *f)
{
    avro_put_raw(w, f->rank, sizeof f->rank);
    avro_put_long(w, f->clock);
    for (int i = 0; i < FACT_BLOBS_N; i++)
        if (f->rank[i] != 0)
            put_blob(p, w, f->blobs[i]);
    for (int i = FACT_BLOBS_N; i < FACT_NUMBERS_END; i++)
        if (f->rank[i] != 0)
            avro_put_long(w, f->numbers[i - FACT_BLOBS_N]);
    if (f->rank[FACT_END] == 0)
        return;
    avro_put_long(w, f->end);
    avro_put_long(w, f->end_earliest);
    avro_put_long(w, f->end_cause);
    put_blob(p, w, f->end_detail);
}

static void put_claim(const struct partition *p, struct avro_writer *w, const struct claim *c,
                      uint32_t mention_epoch)
{
    put_blob(p, w, c->run_id);
    avro_put_long(w, c->flags);
    avro_put_long(w, mention_epoch);
    avro_put_long(w, c->mention_seq);
    avro_put_long(w, c->mention_proof);
    for (int i = 0; i < HOURS_RING / 64; i++) {
        avro_put_long(w, (int64_t)c->dirty[i]);
        avro_put_long(w, (int64_t)c->issued[i]);
    }
    put_facts(p, w, &c->facts);
}

static void put_instance(const struct partition *p, struct avro_writer *w,
                         const struct instance *inst)
{
    uint32_t epochs[EPOCHS_PER_INSTANCE_MAX];
    uint32_t epochs_n = sorted_epochs(p, inst, epochs);

    put_blob(p, w, inst->id);
    avro_put_long(w, inst->flags);
    avro_put_long(w, inst->forgotten_n);
    avro_put_long(w, inst->exists_from);
    avro_put_long(w, inst->last_log_time);
    avro_put_long(w, inst->last_active);
    avro_put_long(w, inst->newest_epoch_started);
    avro_put_long(w, inst->reach);
    avro_put_long(w, inst->down_time);
    avro_put_long(w, inst->gone_time);
    avro_put_long(w, inst->covered_until);
    avro_put_long(w, inst->host_time);
    avro_put_long(w, inst->boot_time);
    put_blob(p, w, inst->boot_id);
    put_blob(p, w, inst->account);
    put_blob(p, w, inst->region);
    put_blob(p, w, inst->zone);
    put_blob(p, w, inst->instance_type);
    put_blob(p, w, inst->tags);
    avro_put_long(w, epochs_n);
    for (uint32_t i = 0; i < epochs_n; i++)
        put_epoch(p, w, epoch_at(p, epochs[i]));
    avro_put_long(w, epoch_number(epochs, epochs_n, inst->current_epoch));
    avro_put_long(w, inst->claims_n);
    for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next)
        put_claim(p, w, claim_at(p, c),
                  epoch_number(epochs, epochs_n, claim_at(p, c)->mention_epoch));
}

static void put_counts(const struct partition *p, struct avro_writer *w)
{
    uint32_t epochs = 0, intervals = 0, claims = 0;

    for (uint32_t i = 0; i < p->instances_n; i++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, i));
        epochs += inst->epochs_n;
        claims += inst->claims_n;
        for (uint32_t k = inst->first_epoch; k != 0; k = epoch_at(p, k)->next)
            intervals += epoch_at(p, k)->intervals_n;
    }
    avro_put_long(w, p->instances_n);
    avro_put_long(w, epochs);
    avro_put_long(w, intervals);
    avro_put_long(w, claims);
    avro_put_long(w, p->corrections_n);
    avro_put_long(w, p->dead_letters_n);
}

enum err partition_save(const struct partition *p, uint8_t *buffer, size_t cap, size_t *len)
{
    struct avro_writer w = avro_writer_over(buffer, cap);

    assert(p->phase == PHASE_IDLE);
    put_header(p, &w);
    put_counts(p, &w);
    for (uint32_t i = 0; i < p->instances_n; i++)
        put_instance(p, &w, instance_at(p, instance_in_order(p, i)));
    for (uint32_t i = p->first_correction; i != 0; i = correction_at(p, i)->next) {
        const struct correction *c = correction_at(p, i);
        put_blob(p, &w, instance_at(p, c->instance)->id);
        put_blob(p, &w, claim_at(p, c->claim)->run_id);
        avro_put_long(&w, c->hour);
        avro_put_long(&w, c->held_ms);
        avro_put_long(&w, c->running_ms);
        avro_put_long(&w, c->vcpu_ms);
        avro_put_long(&w, c->mib_ms);
    }
    for (uint32_t i = p->first_dead_letter; i != 0;) {
        const struct dead_letter *d = pool_at(p, POOL_DEAD_LETTERS, i);
        avro_put_long(&w, d->offset);
        avro_put_long(&w, d->hour);
        i = d->next;
    }
    return avro_writer_finish(&w, len);
}
