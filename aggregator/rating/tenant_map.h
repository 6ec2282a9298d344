/*
 * Whose enclave is it: rules from a tenant map, strongest evidence first. Pure.
 *
 * The edge (books.c) parses the YAML into these arrays. PCR8 (who signed the image) is stronger
 * than PCR0 (the image), then custom metadata, an instance tag, the path of the image, the
 * enclave's name. Only the strongest kind of evidence that matches at all decides; if it points to
 * two tenants, that is a tie, and the usage belongs to nobody until the map is mended.
 */
#ifndef AGGREGATOR_RATING_TENANT_MAP_H
#define AGGREGATOR_RATING_TENANT_MAP_H

#include "aggregator/core/part.h"
#include "common/err.h"

enum {
    TENANT_ID_MAX = 63,
    TENANT_RULES_MAX = 100 * 1000,
};

/* The pseudo tenant of what no rule, or more than one tenant's rule, claims. */
#define TENANT_UNATTRIBUTED "unattributed"

/* Strongest first. The names are the keys of the YAML and the values of matched_by. */
#define TENANT_EVIDENCE_TABLE(X)                                                                   \
    X(PCR8, "pcr8")                                                                                \
    X(PCR0, "pcr0")                                                                                \
    X(METADATA, "metadata")                                                                        \
    X(INSTANCE_TAG, "instance_tag")                                                                \
    X(EIF_PATH, "eif_path")                                                                        \
    X(NAME, "name")

#define X(symbol, name) TENANT_BY_##symbol,
enum tenant_evidence { TENANT_EVIDENCE_TABLE(X) TENANT_EVIDENCE_N };
#undef X

struct tenant_rule {
    struct bytes tenant; /* [a-z0-9-]{1,63} */
    int64_t from, to; /* in force for hours with from ≤ hour < to; INT64_MIN, INT64_MAX: open */
    enum tenant_evidence by;
    struct bytes key;   /* METADATA, INSTANCE_TAG */
    struct bytes value; /* PCR8, PCR0: raw bytes; METADATA, INSTANCE_TAG: the text; else a glob */
    uint32_t source_line;
};

struct tenant_map {
    const struct tenant_rule *rules;
    uint32_t rules_n;
};

struct tenant_match {
    struct bytes tenant;    /* points into the map, or is TENANT_UNATTRIBUTED */
    const char *matched_by; /* "pcr8" … "name", "tie", or "none" */
    const struct tenant_rule
        *rule; /* the rule that decided; in a tie the first of the two; or NULL */
    const struct tenant_rule *other; /* in a tie the first rule of another tenant; else NULL */
};

/* [a-z0-9-]{1,63} and not TENANT_UNATTRIBUTED. */
bool tenant_id_valid(struct bytes id);

const char *tenant_evidence_name(enum tenant_evidence by);

/* Who had the run of `line` in the hour the line is about (line->hour). */
struct tenant_match tenant_map_match(const struct tenant_map *map, const struct usage_line *line);

/* Why, in words for a person: the rule and its line in the map, or the two rules of a tie and the
 * enclave. Truncated to `cap`. */
void tenant_match_explain(const struct tenant_match *match, const struct usage_line *line,
                          char *text, size_t cap);

#endif
