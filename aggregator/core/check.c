/*
 * Every invariant of state.h, asserted in O(state). For development builds, fuzzing, simulation.
 */
#include "aggregator/core/facts.h"
#include "aggregator/core/instance.h"
#include "aggregator/core/pool.h"
#include "aggregator/core/run.h"

static void check_hours(const struct partition *p) /* S1 */
{
    assert(p->identity.first_hour <= p->final_until && p->final_until <= p->cut_until);
    assert(p->final_until % HOUR_MS == 0 && p->cut_until % HOUR_MS == 0);
    assert((p->cut_until - p->final_until) / HOUR_MS <= HOURS_RING);
    for (int64_t hour = p->final_until; hour < p->cut_until; hour += HOUR_MS) {
        const struct hour *h = &p->hours[hour_slot(hour)];
        assert(h->revision >= 1 && h->rev1_cut <= p->log_time);
        assert(!h->changed || p->next_revision_due != NO_TIME);
    }
}

static void check_epochs(const struct partition *p, const struct instance *inst) /* S2 */
{
    uint32_t n = 0;

    for (uint32_t i = inst->first_epoch; i != 0; i = epoch_at(p, i)->next, n++) {
        const struct epoch *e = epoch_at(p, i);
        uint32_t intervals = 0;
        int64_t last = -1;
        for (uint32_t k = e->first_interval; k != 0; k = interval_at(p, k)->next, intervals++) {
            const struct interval *v = interval_at(p, k);
            assert(v->first <= v->last && (last < 0 || v->first > last + 1));
            last = v->last;
        }
        assert(intervals == e->intervals_n && intervals <= INTERVALS_PER_EPOCH_MAX);
    }
    assert(n == inst->epochs_n && n <= EPOCHS_PER_INSTANCE_MAX);
}

static bool bits_within(const struct partition *p, const uint64_t bits[HOURS_RING / 64])
{
    uint64_t left[HOURS_RING / 64] = {bits[0], bits[1]};

    for (int64_t hour = p->final_until; hour < p->cut_until; hour += HOUR_MS)
        bit_clear(left, hour);
    return (left[0] | left[1]) == 0;
}

static uint32_t check_claims(const struct partition *p, const struct instance *inst) /* S3 S5 */
{
    uint32_t n = 0, corrections = 0;

    for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next, n++) {
        const struct claim *claim = claim_at(p, c);
        assert(claim->run_id != 0);
        assert(claim->next == 0 ||
               blob_compare(p, claim->run_id, claim_at(p, claim->next)->run_id) < 0);
        assert(bits_within(p, claim->dirty) && bits_within(p, claim->issued));
        corrections += claim->corrections_n;
    }
    assert(n == inst->claims_n);
    return corrections;
}

/* S4: uses of every blob, counted by taking references away in a walk that cannot change anything:
 * the sum over all blobs is compared instead of each. */
static uint64_t uses_of_instance(const struct partition *p, const struct instance *inst)
{
    const blob_ref own[] = {inst->id,   inst->account,       inst->region, inst->zone,
                            inst->tags, inst->instance_type, inst->boot_id};
    uint64_t n = 0;

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        n += own[i] != 0;
    for (uint32_t c = inst->first_claim; c != 0; c = claim_at(p, c)->next) {
        const struct claim *claim = claim_at(p, c);
        n += claim->facts.end_detail != 0 ? 2 : 1; /* and the run id */
        for (int i = 0; i < FACT_BLOBS_N; i++)
            n += claim->facts.blobs[i] != 0;
    }
    return n;
}

void partition_check_all(const struct partition *p)
{
    uint64_t uses = 0, refs = 0;
    uint32_t corrections = 0;

    check_hours(p);
    for (uint32_t i = 0; i < p->instances_n; i++) {
        const struct instance *inst = instance_at(p, instance_in_order(p, i));
        assert(instance_find(p, blob_get(p, inst->id)) == instance_in_order(p, i));
        assert(i == 0 ||
               blob_compare(p, instance_at(p, instance_in_order(p, i - 1))->id, inst->id) < 0);
        check_epochs(p, inst);
        corrections += check_claims(p, inst);
        uses += uses_of_instance(p, inst);
    }
    assert(corrections == p->corrections_n);
    for (uint32_t i = 1; i < p->pools[POOL_BLOBS].used; i++)
        refs += ((const struct blob *)pool_at(p, POOL_BLOBS, i))->refs;
    assert(uses == refs);
}
