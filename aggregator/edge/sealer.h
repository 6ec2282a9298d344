/*
 * The sealer: turns the parts of an hour into its rollup, once, whoever and however many try (R12).
 *
 * inputs.json, created if absent, decides a revision; everything else is a pure function of it, so
 * winner, losers and whoever comes after a crash write the same bytes, manifest.json last. A sealer
 * keeps no state that matters: what it remembers only saves it from listing the same hour again.
 *
 *     rollup/…/rev=N/:  nothing ──inputs.json──► proposed ──all files──► ──manifest.json──►
 * committed
 *
 * 1. Rev 1 of an hour is proposed when every partition has rev 1 of it and the hour before is
 *    committed, or it is the era's first hour (R13).
 * 2. Rev n+1 is proposed when rev n is committed and there are part revisions that it does not
 * have. Another tenant map alone proposes nothing: two processes with two maps would never end.
 * 3. A proposed revision is finished before anything else is proposed for its hour.
 */
#ifndef AGGREGATOR_EDGE_SEALER_H
#define AGGREGATOR_EDGE_SEALER_H

#include "aggregator/edge/books.h"
#include "aggregator/edge/store.h"

enum {
    SEALER_WINDOW_HOURS = 80,  /* how far back revisions are looked for: 72 h horizon and more */
    SEALER_RUN_HOURS_MAX = 24, /* new hours that one sealer_run seals */
};

struct sealer_options {
    uint32_t era;
    int32_t partitions_n;
    int64_t first_hour;             /* of the era; Unix ms */
    const struct tenant_book *book; /* for new revisions; NULL: everything is unattributed */
    uint32_t window_hours;          /* 0: SEALER_WINDOW_HOURS; more if the horizon is longer */
};

struct sealer;

/* `store` and `options->book` must outlive it. */
enum err sealer_new(struct store *store, const struct sealer_options *options,
                    struct sealer **sealer, struct err_detail *detail) MUST_CHECK;
void sealer_free(struct sealer *sealer);

/* The map for revisions proposed from now on. */
void sealer_set_book(struct sealer *sealer, const struct tenant_book *book);

struct sealer_result {
    uint32_t revision; /* newest committed revision of the hour, 0: none yet */
    uint32_t proposed; /* revisions whose inputs.json this call created */
    uint32_t finished; /* revisions that this call committed or found committed meanwhile */
};

/* Brings one hour as far as its parts allow. ERR_INCIDENT: durable data contradicts itself (an
 * object exists with other bytes, a part is not what inputs.json names): stop and tell a person. */
enum err sealer_scan_hour(struct sealer *sealer, int64_t hour, struct sealer_result *result,
                          struct err_detail *detail) MUST_CHECK;

struct sealer_progress {
    int64_t next_hour; /* the first hour without a committed rev 1 */
    uint32_t finished; /* revisions committed by this call */
    bool more;         /* there may be more to seal: call again soon */
};

/* Tells that a part of this hour was written, so that the next sealer_run looks at it. */
void sealer_note_part(struct sealer *sealer, int64_t hour);

/* Seals from the first unsealed hour as far as it goes (SEALER_RUN_HOURS_MAX hours at most), looks
 * again at the noted hours, and at a few of the window's older hours in turn (parts that other
 * processes wrote). Call it after parts were written and periodically. An hour whose parts are as
 * they were costs one listing, an unsealed one too. */
enum err sealer_run(struct sealer *sealer, struct sealer_progress *progress,
                    struct err_detail *detail) MUST_CHECK;

#endif
