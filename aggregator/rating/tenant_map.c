/*
 * Whose enclave is it; see the header.
 */
#include "aggregator/rating/tenant_map.h"

#include <stdio.h>

#include "aggregator/rating/glob.h"

static const char *const evidence_names[TENANT_EVIDENCE_N] = {
#define X(symbol, name) name,
    TENANT_EVIDENCE_TABLE(X)
#undef X
};

const char *tenant_evidence_name(enum tenant_evidence by)
{
    return evidence_names[by];
}

bool tenant_id_valid(struct bytes id)
{
    if (id.len == 0 || id.len > TENANT_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return !bytes_equal(id, BYTES_LITERAL(TENANT_UNATTRIBUTED));
}

static bool map_has(struct event_map map, struct bytes key, struct bytes value)
{
    for (uint32_t i = 0; i < map.n; i++) {
        if (bytes_equal(map.pairs[i].key, key) && bytes_equal(map.pairs[i].value, value))
            return true;
    }
    return false;
}

static bool rule_matches(const struct tenant_rule *rule, const struct usage_line *line)
{
    const struct event_run *run = &line->run;

    if (line->hour < rule->from || line->hour >= rule->to)
        return false;
    switch (rule->by) {
    case TENANT_BY_PCR8:
        return (run->has & RUN_HAS_PCR8) != 0 && bytes_equal(run->pcr8, rule->value);
    case TENANT_BY_PCR0:
        return (run->has & RUN_HAS_PCR0) != 0 && bytes_equal(run->pcr0, rule->value);
    case TENANT_BY_METADATA:
        return (run->has & RUN_HAS_METADATA) != 0 && map_has(run->metadata, rule->key, rule->value);
    case TENANT_BY_INSTANCE_TAG: return map_has(line->tags, rule->key, rule->value);
    case TENANT_BY_EIF_PATH:
        return (run->has & RUN_HAS_EIF_PATH) != 0 && glob_match(rule->value, run->eif_path);
    case TENANT_BY_NAME:
        return (run->has & RUN_HAS_NAME) != 0 && glob_match(rule->value, run->name);
    case TENANT_EVIDENCE_N: break;
    }
    return false;
}

struct tenant_match tenant_map_match(const struct tenant_map *map, const struct usage_line *line)
{
    const struct tenant_rule *best = NULL, *other = NULL;

    for (uint32_t i = 0; i < map->rules_n; i++) {
        const struct tenant_rule *rule = &map->rules[i];

        if (best != NULL && rule->by > best->by) /* weaker than what matched: no need to look */
            continue;
        if (!rule_matches(rule, line))
            continue;
        if (best == NULL || rule->by < best->by) {
            best = rule;
            other = NULL;
        } else if (other == NULL && !bytes_equal(rule->tenant, best->tenant)) {
            other = rule;
        }
    }
    struct tenant_match match = {BYTES_LITERAL(TENANT_UNATTRIBUTED), "none", best, other};

    if (other != NULL) {
        match.matched_by = "tie";
    } else if (best != NULL) {
        match.tenant = best->tenant;
        match.matched_by = tenant_evidence_name(best->by);
    }
    return match;
}

void tenant_match_explain(const struct tenant_match *match, const struct usage_line *line,
                          char *text, size_t cap)
{
    struct bytes enclave = (line->run.has & RUN_HAS_ENCLAVE_ID) != 0 ? line->run.enclave_id
                           : line->run.name.len > 0                  ? line->run.name
                                                                     : line->run.run_id;

    if (match->rule == NULL) {
        (void)snprintf(
            text, cap,
            "enclave %.*s belongs to nobody: no rule of the tenant map matches its PCR8, "
            "PCR0, metadata, instance tags, EIF path or name",
            BYTES_ARGS(enclave));
    } else if (match->other != NULL) {
        (void)snprintf(text, cap,
                       "enclave %.*s is claimed by two tenants through %s: %.*s (line %u) and %.*s "
                       "(line %u); it stays %s until one of the rules is narrowed",
                       BYTES_ARGS(enclave), tenant_evidence_name(match->rule->by),
                       BYTES_ARGS(match->rule->tenant), match->rule->source_line,
                       BYTES_ARGS(match->other->tenant), match->other->source_line,
                       TENANT_UNATTRIBUTED);
    } else {
        (void)snprintf(text, cap, "enclave %.*s belongs to %.*s by %s (line %u of the tenant map)",
                       BYTES_ARGS(enclave), BYTES_ARGS(match->tenant), match->matched_by,
                       match->rule->source_line);
    }
}
