/*
 * Statements become events: which runs there are, how far each one is, what was said about it.
 * Pure, of fixed size, deterministic: the same statements give the same events and the same saved
 * bytes. Not here: reading anything (edge), what a line means (log_line.h), the wire format
 * (schemas/c).
 *
 *     tracker_init → tracker_load (state of the epoch before, if there is one)
 *     per statement:  tracker_step(tracker, statement, out)  →  journal out->events + tracker_save
 *
 * Time moves by HOST_FACTS, CLOCK_TICK and CAUGHT_UP only. What lists runs (SNAPSHOT, HEARTBEAT)
 * waits for the first CAUGHT_UP, so that a list never lacks a run that the log already knows.
 *
 * Watermark (R3): CAUGHT_UP at T says that everything which the sources held when the wall clock
 * showed T has been delivered; the watermark is T less the write slack, and never falls. The edge
 * reads T before it looks at the files, and sends it only when every open one was read to its end.
 *
 * Suspect statements (log_line.h) are accepted from the log alone, except where they contradict
 * what is already known: a second start of a process that is running, other arguments or another ID
 * than those stated, anything older than the newest evidence of the run. /proc will be asked in
 * addition.
 *
 * Invariants (tracker_check_all; those marked * are asserted in every step)
 *   K1* seq counts every event but heartbeats from 1; a heartbeat repeats the last one (R2)
 *   K2* the first event of the epoch, and no other, carries prev_epoch and prev_seq, if known (R1)
 *   K3* low_watermark never falls; 0 in a backfill (R3)
 *   K4  run_ids of all runs kept are distinct and of the form <pid>-<hex Unix ms>
 *   K5  at most one run that has not ended per pid, and per slot
 *   K6  at most TRACKER_LIVE_MAX runs have not ended, at most TRACKER_ENDED_MAX have
 *   K7  a run that has not ended has a slot exactly when it is RUNNING; its ID ends with the slot
 *   K8  a run in state ALLOCATED has an allocated_time; in STARTED no facts but its pid. Both of
 *       STARTED and REQUESTED were never stated, ALLOCATED and ENDED were
 *   K9  texts are valid UTF-8 and within their limits
 */
#ifndef PRODUCER_CORE_TRACKER_H
#define PRODUCER_CORE_TRACKER_H

#include "common/err.h"
#include "producer/core/evidence.h"
#include "producer/core/log_line.h"

enum {
    TRACKER_LIVE_MAX = EVENT_RUNS_MAX, /* runs that have not ended */
    TRACKER_ENDED_MAX = 64,            /* ended ones, remembered for lines that only confirm */
    TRACKER_RUNS_MAX = TRACKER_LIVE_MAX + TRACKER_ENDED_MAX,
    TRACKER_EVENTS_MAX = TRACKER_LIVE_MAX + 4, /* events of one step */
    TRACKER_RUN_ID_MAX = 32,
    TRACKER_INSTANCE_ID_MAX = 256,
    TRACKER_HOST_TEXT_MAX = 32 * 1024,  /* bytes of all host facts and tags together */
    TRACKER_LIST_TEXT_MAX = 256 * 1024, /* bytes of names and paths in one SNAPSHOT; later runs go
                                           without, so that the record fits EVENT_RECORD_MAX */
    TRACKER_SAVE_MAX = 640 * 1024,      /* bytes of tracker_save, at most; a few hundred usually */
};

struct tracker_options {
    struct bytes instance_id;
    struct event_uuid epoch;   /* new at every start of the producer */
    struct event_uuid boot_id; /* nil = not known: history, `parse` */
    bool backfill;             /* history: run events only, no watermark (R3) */
    int64_t heartbeat_interval_ms;
    int64_t snapshot_interval_ms;
    int64_t watermark_slack_ms;
};

/* What the contract says: 60 s, 15 min, 2 s. */
struct tracker_options tracker_standard_options(void);

enum run_state {
    RUN_NONE,
    RUN_STARTED,   /* a process, nothing asked for yet: never stated */
    RUN_REQUESTED, /* resources were asked for */
    RUN_ALLOCATED, /* memory is held; ALLOCATED was stated */
    RUN_RUNNING,   /* it has an ID */
    RUN_ENDED,     /* ENDED or FAILED was stated; kept to recognise lines that only confirm */
    RUN_STATE_N
};

/* One run. Texts stand in the run itself; a length of 0 with a clear `has` bit is "not known". */
struct tracker_run {
    enum run_state state;
    bool stated;           /* an event named it: lists show it until it ends */
    bool boot_wait_failed; /* so an end before the ID is BOOT_FAILED */
    uint32_t has;          /* enum event_run_field: which facts are known */
    int64_t first_ms;      /* time of the first evidence; part of run_id */
    int64_t last_ms;       /* time of the newest evidence: proof of life */
    struct event_uuid boot_id;
    int64_t pid;
    uint64_t slot;         /* 0 = not known */
    uint64_t order;        /* when it was created or, later, ended: rises by one per change */
    enum end_cause marker; /* of the first stop marker; END_UNKNOWN = none yet */
    uint8_t signal_len, code_len;
    char signal[16]; /* of the marker */
    char code[8];    /* the last E-code since the start or the marker */
    uint8_t run_id_len, enclave_id_len;
    char run_id[TRACKER_RUN_ID_MAX];
    char enclave_id[LOG_ENCLAVE_ID_MAX];
    int64_t enclave_cid, memory_mib_requested, memory_mib, allocated_time, running_time;
    int32_t vcpus;
    bool debug_mode;
    uint16_t name_len, eif_path_len, cpu_ids_n;
    int32_t cpu_ids[RUN_ARGS_CPU_IDS_MAX];
    uint8_t name[EVENT_STRING_MAX];
    uint8_t eif_path[EVENT_STRING_MAX];
};

/* Since tracker_init; for `status`, /metrics and the log. */
struct tracker_counters {
    uint64_t statements;
    uint64_t events;         /* heartbeats included */
    uint64_t unmatched;      /* about no run that is known: ignored */
    uint64_t contradictions; /* against what was known: ignored */
    uint64_t suspect;        /* accepted although suspect */
    uint64_t runs_dropped;   /* no room: a run was not followed */
    uint64_t stale_sockets;
    uint64_t clock_steps;
};

/* The host's facts with their texts. */
struct tracker_host {
    bool known;
    struct event_host facts;
    struct event_pair tags[EVENT_PAIRS_MAX];
    size_t text_len;
    uint8_t text[TRACKER_HOST_TEXT_MAX];
};

/* About 1.2 MiB, of which only what is used is ever touched. */
struct tracker {
    struct tracker_options options; /* instance_id points to instance_text */
    uint8_t instance_text[TRACKER_INSTANCE_ID_MAX];
    struct tracker_counters counters;

    bool has_prev;
    struct event_uuid prev_epoch;
    int64_t prev_seq;
    int64_t seq; /* the last one given; 0 = none yet */
    int64_t low_watermark;
    int64_t old_watermark; /* of the epoch before: proof of life of runs that a reboot ended */

    bool caught_up;               /* there was a CAUGHT_UP */
    bool has_clock;               /* wall_ms and boottime_ms are known */
    int64_t wall_ms, boottime_ms; /* as last read together */
    int64_t boot_wall_ms;         /* the wall clock at boot, as first read; valid with has_clock */
    int64_t next_heartbeat_ms;    /* CLOCK_BOOTTIME; INT64_MAX = not planned */
    int64_t next_snapshot_ms;     /* CLOCK_BOOTTIME; INT64_MAX = not planned */

    uint64_t order;
    struct tracker_run runs[TRACKER_RUNS_MAX];
    struct tracker_host hosts[2];
    uint32_t host_at; /* which of the two is in force */
};

/* The caller's memory for one step. Events and their slices live until the next step or load. */
struct tracker_out {
    struct event *events;
    size_t events_cap; /* TRACKER_EVENTS_MAX is always enough */
    size_t events_n;
    struct event_run *running; /* for the list of a SNAPSHOT or HEARTBEAT */
    size_t running_cap;        /* TRACKER_LIVE_MAX is always enough */
};

/* ERR_LIMIT: instance_id is empty or too long, or an interval is not positive. */
enum err tracker_init(struct tracker *tracker, const struct tracker_options *options,
                      struct err_detail *detail) MUST_CHECK;

/*
 * Canonical bytes of what must survive a restart: runs, epoch, seq, watermark. `out` has
 * TRACKER_SAVE_MAX. Returns their number.
 */
size_t tracker_save(const struct tracker *tracker, uint8_t out[TRACKER_SAVE_MAX]);

/* Goes on from saved bytes under the new epoch; right after tracker_init. On an error the tracker
 * is as tracker_init made it. ERR_MALFORMED, ERR_TRUNCATED, ERR_LIMIT, ERR_UNSUPPORTED (version).
 */
enum err tracker_load(struct tracker *tracker, struct bytes saved,
                      struct err_detail *detail) MUST_CHECK;

/*
 * Takes one statement; sets out->events_n. ERR_CAPACITY: `out` is too small, nothing was changed.
 * ERR_LIMIT: host facts longer than TRACKER_HOST_TEXT_MAX, nothing was changed.
 */
enum err tracker_step(struct tracker *tracker, const struct statement *statement,
                      struct tracker_out *out) MUST_CHECK;

/* CLOCK_BOOTTIME in ms at which a CLOCK_TICK would state something; INT64_MAX: not by itself. */
int64_t tracker_next_deadline(const struct tracker *tracker);

/* First evidence of the oldest run that has not ended; INT64_MAX if there is none. For the tailer:
 * such a run may still write to a rotated file. */
int64_t tracker_oldest_live_ms(const struct tracker *tracker);

/* Stated runs that have not ended. */
size_t tracker_live_n(const struct tracker *tracker);

/* K1…K9; NULL or the invariant that does not hold. */
const char *tracker_check_all(const struct tracker *tracker);

#endif
