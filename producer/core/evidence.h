/*
 * Evidence: one typed statement about an enclave process, an enclave or this host, with its source
 * and its time. Everything that the tracker ever learns comes as one of these. (`enum evidence`,
 * the source, is part of the event's schema; hence the struct is called `statement`.)
 *
 * So far statements come from the log, the clocks and the host's facts. Statements from /proc,
 * pidfd and inotify use the same struct with another source.
 */
#ifndef PRODUCER_CORE_EVIDENCE_H
#define PRODUCER_CORE_EVIDENCE_H

#include "schemas/c/event.h"

enum {
    RUN_ARGS_CPU_IDS_MAX = 256, /* more CPUs than the largest instance has; further ids are counted
                                   in vcpus, not listed */
};

enum statement_kind {
    STATEMENT_NONE,

    /* Start, in the usual order (facts: nitro-cli's log). All need `pid`. */
    STATEMENT_PROCESS_STARTED, /* an enclave process exists */
    STATEMENT_RUN_ARGS,        /* args: what was asked for */
    STATEMENT_ALLOCATING,      /* bytes: asked for, being taken from now on */
    STATEMENT_ALLOCATED,       /* bytes: held */
    STATEMENT_MEMORY_DONE,
    STATEMENT_ENCLAVE_ID, /* slot and enclave_id: it has booted */

    /* Life. */
    STATEMENT_ALIVE,         /* the process did something that changes nothing */
    STATEMENT_NOT_PERMITTED, /* it refused a command: lives on */

    /* Why it will end: markers. */
    STATEMENT_TERMINATE_RECEIVED,
    STATEMENT_HANG_UP,
    STATEMENT_SIGNAL,         /* text: "SIGTERM" */
    STATEMENT_SOCKET_DELETED, /* also the end: the process exits at once and says no more */
    STATEMENT_ERROR,          /* text: "E36", empty if it has no code; boot_wait_failed */

    /* That it ended: the first counts, the others confirm. */
    STATEMENT_TERMINATION_COMPLETED,
    STATEMENT_TERMINATED,
    STATEMENT_LISTENER_STOPPED,
    STATEMENT_LOOP_EXITED,

    /* Somebody else about an enclave. */
    STATEMENT_STALE_SOCKET, /* slot: a CLI found nobody behind its socket; claims no end */

    /* The host. Only these move time on. */
    STATEMENT_HOST_FACTS,      /* host: all facts, as often as the edge likes */
    STATEMENT_CLOCK_TICK,      /* time_ms and boottime_ms, read together */
    STATEMENT_CAUGHT_UP,       /* all that the sources held at time_ms has been delivered */
    STATEMENT_HOST_GOING_DOWN, /* shutdown or reboot of the host, never of the producer (R9) */

    STATEMENT_KIND_N
};

/* "PROCESS_STARTED"; out of range gives "NONE". */
const char *statement_kind_name(enum statement_kind kind);

/* What run-enclave was asked for. */
struct run_args {
    bool has_eif_path, has_name, has_memory, has_debug, has_cid, has_cpus, has_cpu_ids;
    bool shortened; /* a string was longer than EVENT_STRING_MAX and was cut */
    bool debug_mode;
    struct bytes eif_path;
    struct bytes name;
    int64_t memory_mib;
    int64_t enclave_cid;
    int32_t vcpus; /* cpu_count, or the length of cpu_ids */
    uint32_t cpu_ids_n;
    const int32_t *cpu_ids;
};

/* Slices belong to whoever made the statement and are copied by whoever keeps them. */
struct statement {
    enum evidence source;
    enum statement_kind kind;
    bool suspect;            /* stands inside the text of an ERROR record: possibly forged (R5) */
    int64_t time_ms;         /* Unix ms on the host's clock: when it was so */
    int64_t observed_ms;     /* Unix ms: when the producer saw it */
    int64_t boottime_ms;     /* CLOCK_BOOTTIME; CLOCK_TICK and HOST_FACTS only */
    int64_t pid;             /* of the enclave process; 0 = not known */
    uint64_t slot;           /* 0 = not known */
    uint64_t bytes;          /* ALLOCATING, ALLOCATED */
    bool boot_wait_failed;   /* ERROR: "Waiting on enclave to boot failed" */
    struct bytes text;       /* SIGNAL, ERROR */
    struct bytes enclave_id; /* ENCLAVE_ID */
    struct run_args args;    /* RUN_ARGS */
    const struct event_host *host; /* HOST_FACTS */
};

#endif
