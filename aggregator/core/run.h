/*
 * Runs of an instance: claims by run id, merged when read (R6), and their usage (R8).
 * Private to core/.
 */
#ifndef AGGREGATOR_CORE_RUN_H
#define AGGREGATOR_CORE_RUN_H

#include "aggregator/core/facts.h"

/* The claim with this run id, or 0. */
uint32_t claim_find(const struct partition *p, const struct instance *inst, struct bytes run_id);
uint32_t claim_open(struct partition *p, struct instance *inst, struct bytes run_id);
/* Frees a claim that is not needed any more. */
void claim_forget(struct partition *p, struct instance *inst, uint32_t claim);
/* Joins `news` into the claim and keeps SHARED right. */
void claim_join(struct partition *p, struct instance *inst, uint32_t claim,
                const struct facts *news);
/* The claim was known alive at (epoch, seq). */
void claim_mention(struct partition *p, uint32_t claim, uint32_t epoch, int64_t seq);

/* A run: what all its claims say together, and how far it is billed. */
struct run_view {
    bool exists; /* false: the claim is merged into one with a smaller run id, or says nothing */
    bool ended;
    bool provisional;
    bool no_start;
    bool clock;
    int64_t held_from, running_from; /* NO_TIME: not known */
    int64_t until;                   /* end, or last proof of life; exclusive */
    struct facts facts;              /* joined; no references */
};

/* The run whose smallest run id is this claim's. */
void run_view(const struct partition *p, const struct instance *inst, uint32_t claim,
              struct run_view *view);

/* What a line says of a run in an hour; comparable with memcmp. */
struct line_values {
    uint32_t flags; /* enum line_flag */
    uint32_t end_cause;
    int64_t end_time;
    int64_t held_from, held_to, running_from, running_to;
    int64_t vcpus, memory_mib;
    blob_ref blobs[FACT_BLOBS_N];
    blob_ref end_detail;
};

/* False if the run has no line in the hour; then *values is all zeros. */
bool run_line(const struct run_view *view, int64_t hour, struct line_values *values);
int64_t line_held_ms(const struct line_values *values);
int64_t line_running_ms(const struct line_values *values);

#endif
