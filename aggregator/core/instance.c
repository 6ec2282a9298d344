/*
 * Instances. See instance.h.
 */
#include "aggregator/core/instance.h"

#include <string.h>

#include "aggregator/core/epoch.h"
#include "aggregator/core/facts.h"
#include "aggregator/core/pool.h"

static uint32_t *buckets(const struct partition *p)
{
    return (uint32_t *)(uintptr_t)((const uint8_t *)p + p->instance_buckets_at);
}

static uint32_t *order(const struct partition *p)
{
    return (uint32_t *)(uintptr_t)((const uint8_t *)p + p->instance_order_at);
}

/* Where the instance is, or the free place where it belongs. */
static uint32_t *bucket_of(const struct partition *p, struct bytes id)
{
    uint32_t *table = buckets(p);
    uint32_t i = bytes_hash(id) & (p->instance_buckets_n - 1);

    while (table[i] != 0 && !bytes_equal(blob_get(p, instance_at(p, table[i])->id), id))
        i = (i + 1) & (p->instance_buckets_n - 1);
    return &table[i];
}

uint32_t instance_find(const struct partition *p, struct bytes id)
{
    return *bucket_of(p, id);
}

/* First position in order whose id is not smaller than `id`. */
static uint32_t order_position(const struct partition *p, struct bytes id)
{
    uint32_t low = 0, high = p->instances_n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bytes_compare(blob_get(p, instance_at(p, order(p)[middle])->id), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t instance_open(struct partition *p, struct bytes id)
{
    uint32_t index = pool_take(p, POOL_INSTANCES);
    struct instance *inst = instance_at(p, index);
    uint32_t at = order_position(p, id);

    inst->id = blob_intern(p, id);
    inst->exists_from = p->log_time;
    inst->reach = inst->down_time = inst->gone_time = NO_TIME;
    inst->newest_epoch_started = inst->covered_until = inst->host_time = inst->boot_time = NO_TIME;
    *bucket_of(p, id) = index;
    memmove(&order(p)[at + 1], &order(p)[at], (p->instances_n - at) * sizeof(uint32_t));
    order(p)[at] = index;
    p->instances_n++;
    p->lagging = 0;
    return index;
}

uint32_t instance_in_order(const struct partition *p, uint32_t i)
{
    assert(i < p->instances_n);
    return order(p)[i];
}

void instance_index_rebuild(struct partition *p)
{
    memset(buckets(p), 0, (size_t)p->instance_buckets_n * sizeof(uint32_t));
    for (uint32_t i = 0; i < p->instances_n; i++) {
        uint32_t index = order(p)[i];
        *bucket_of(p, blob_get(p, instance_at(p, index)->id)) = index;
    }
}

int64_t instance_reach_now(const struct partition *p, const struct instance *inst)
{
    return (inst->flags & INSTANCE_HAS_GAP) != 0 ? instance_reach(p, inst) : inst->reach;
}

int64_t instance_lost_at(const struct partition *p, const struct instance *inst)
{
    int64_t silent = p->active - inst->last_active;

    if (silent < p->policy.host_lost_ms)
        return NO_TIME;
    /* Outages since its last record postpone the moment. */
    int64_t outages = (p->log_time - inst->last_log_time) - silent;
    return inst->last_log_time + outages + p->policy.host_lost_ms;
}

bool instance_is_expected(const struct partition *p, const struct instance *inst, int64_t hour)
{
    int64_t lost_at = instance_lost_at(p, inst);

    if (inst->exists_from >= hour + HOUR_MS)
        return false;
    if ((inst->flags & INSTANCE_DOWN) != 0 && inst->down_time <= hour)
        return false;
    if ((inst->flags & INSTANCE_GONE) != 0 && inst->gone_time <= hour)
        return false;
    return lost_at == NO_TIME || lost_at > hour;
}

bool instance_reaches(const struct partition *p, const struct instance *inst, int64_t hour_end)
{
    if ((inst->flags & INSTANCE_DOWN) != 0 && inst->down_time < hour_end)
        return true;
    int64_t reach = instance_reach_now(p, inst);
    return reach != NO_TIME && reach >= hour_end;
}

void instance_forget(struct partition *p, struct instance *inst)
{
    blob_ref *const facts[] = {&inst->account, &inst->region,        &inst->zone,
                               &inst->tags,    &inst->instance_type, &inst->boot_id};

    assert(inst->claims_n == 0);
    epoch_forget_all(p, inst);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        blob_release(p, *facts[i]);
        *facts[i] = 0;
    }
    inst->flags = 0;
    inst->reach = inst->down_time = inst->gone_time = NO_TIME;
    inst->host_time = inst->boot_time = NO_TIME;
}

static void replace(struct partition *p, blob_ref *into, struct bytes content)
{
    blob_ref old = *into;

    *into = blob_intern(p, content);
    blob_release(p, old);
}

void instance_host_facts(struct partition *p, struct instance *inst, const struct event *event)
{
    const struct event_host *host = &event->host;

    if (event->observed_time < inst->host_time)
        return;
    inst->host_time = event->observed_time;
    replace(p, &inst->account, host->account);
    replace(p, &inst->region, host->region);
    replace(p, &inst->zone, host->zone);
    replace(p, &inst->instance_type, host->instance_type);
    blob_ref old = inst->tags;
    inst->tags = map_intern(p, &host->tags);
    blob_release(p, old);
    replace(p, &inst->boot_id,
            event_uuid_is_nil(&event->boot_id) ? bytes_of(NULL, 0)
                                               : bytes_of(event->boot_id.bytes, EVENT_UUID_BYTES));
    inst->boot_time = host->boottime_ms >= 0 ? host->wall_time - host->boottime_ms : NO_TIME;
}
