/*
 * Policy: the values that change output bytes, and how a POLICY record sets them (R14).
 */
#include "aggregator/core/state.h"
#include "common/time_text.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define DAY_MS    (24 * INT64_C(3600000))

struct policy policy_default(void)
{
    return (struct policy){
        .version = 0,
        .rules_version = RULES_VERSION,
        .settle_ms = 2 * MINUTE_MS,
        .grace_ms = 30 * MINUTE_MS,
        .revision_interval_ms = 15 * MINUTE_MS,
        .tick_interval_ms = MINUTE_MS,
        .horizon_ms = 3 * DAY_MS,
        .instance_ttl_ms = 30 * DAY_MS,
        .host_lost_ms = HOUR_MS,
    };
}

/* Name in a POLICY record (and in the configuration, under `policy.`), place, least and most. */
static const struct {
    const char *name;
    size_t at;
    int64_t least_ms, most_ms;
} rows[] = {
    {"settle", offsetof(struct policy, settle_ms), 0, DAY_MS},
    {"grace", offsetof(struct policy, grace_ms), 0, 2 * DAY_MS},
    {"revision_interval", offsetof(struct policy, revision_interval_ms), SECOND_MS, DAY_MS},
    {"tick_interval", offsetof(struct policy, tick_interval_ms), 100, HOUR_MS},
    {"horizon", offsetof(struct policy, horizon_ms), HOUR_MS, (int64_t)HORIZON_MAX_HOURS *HOUR_MS},
    {"instance_ttl", offsetof(struct policy, instance_ttl_ms), DAY_MS, 3650 * DAY_MS},
    {"host_lost", offsetof(struct policy, host_lost_ms), SECOND_MS, 30 * DAY_MS},
};

enum { ROWS_N = sizeof rows / sizeof rows[0] };

static enum err apply_value(struct policy *policy, const struct event_pair *pair,
                            struct err_detail *detail)
{
    int64_t ms;

    for (size_t i = 0; i < ROWS_N; i++) {
        if (!bytes_equal(pair->key, bytes_of_string(rows[i].name)))
            continue;
        if (duration_parse(pair->value, &ms) != ERR_OK)
            return err_set(detail, ERR_CONFIG,
                           "policy.%s: '%.*s' is not a duration such as 90s, 2m or 72h",
                           rows[i].name, BYTES_ARGS(pair->value));
        if (ms < rows[i].least_ms || ms > rows[i].most_ms)
            return err_set(detail, ERR_CONFIG, "policy.%s: %lld ms is outside %lld ms … %lld ms",
                           rows[i].name, (long long)ms, (long long)rows[i].least_ms,
                           (long long)rows[i].most_ms);
        memcpy((uint8_t *)policy + rows[i].at, &ms, sizeof ms);
        return ERR_OK;
    }
    return err_set(detail, ERR_CONFIG, "policy.%.*s: no such value", BYTES_ARGS(pair->key));
}

enum err policy_apply(struct policy *policy, const struct event_policy *record,
                      struct err_detail *detail)
{
    struct policy next = *policy;

    next.version = record->version;
    next.rules_version = record->rules_version;
    if (record->version < 0 || record->rules_version < 1)
        return err_set(detail, ERR_CONFIG, "policy: version %lld, rules_version %d are not valid",
                       (long long)record->version, record->rules_version);
    for (uint32_t i = 0; i < record->values.n; i++) {
        enum err e = apply_value(&next, &record->values.pairs[i], detail);
        if (e != ERR_OK)
            return e;
    }
    if (next.grace_ms < next.settle_ms)
        return err_set(detail, ERR_CONFIG,
                       "policy.grace is shorter than policy.settle: an hour would be "
                       "closed before it may settle");
    if (next.horizon_ms < next.grace_ms + HOUR_MS)
        return err_set(detail, ERR_CONFIG,
                       "policy.horizon must be at least policy.grace and one hour");
    *policy = next;
    return ERR_OK;
}

bool policy_equal(const struct policy *a, const struct policy *b)
{
    if (a->version != b->version || a->rules_version != b->rules_version)
        return false;
    for (size_t i = 0; i < ROWS_N; i++)
        if (memcmp((const uint8_t *)a + rows[i].at, (const uint8_t *)b + rows[i].at,
                   sizeof(int64_t)) != 0)
            return false;
    return true;
}
