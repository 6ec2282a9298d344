/*
 * Publishes the journal: one idempotent librdkafka client, one topic, one key, in journal order.
 * Acknowledges the journal from delivery reports and from nothing else. Not for deciding what is
 * published (the tracker), nor for keeping it (the journal).
 *
 *             rd_kafka_new                    a failed report, a fatal error,
 *   WAITING ───────────────► PUBLISHING ───── a refused produce ─────┐
 *      ▲    retry_ms passed                                          │ purge, destroy, back off
 *      └──────────────────────────────────────────────────────────── ┘
 *
 * Entering PUBLISHING the journal is read again from the first unacknowledged event, so what the
 * old client had in flight may arrive twice and never out of order within a client (R2: a duplicate
 * is a seq in the seen set).
 *
 * Heartbeats are not in the journal. Only the newest waits; it goes out after all events that were
 * in the journal when it was given and before any later one, or not at all: a heartbeat that a
 * later event has overtaken would state an older watermark (R3).
 */
#ifndef PRODUCER_EDGE_PUBLISHER_H
#define PRODUCER_EDGE_PUBLISHER_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "common/bytes.h"
#include "common/err.h"
#include "producer/edge/journal.h"

enum {
    PUBLISHER_IN_FLIGHT_MAX = 1000,
    PUBLISHER_IN_FLIGHT_BYTES_MAX = 4 * 1024 * 1024,
    PUBLISHER_BACKOFF_MIN_MS = 100,
    PUBLISHER_BACKOFF_MAX_MS = 10000,
    PUBLISHER_KEY_MAX = 256,
};

struct publisher_options {
    const rd_kafka_conf_t *conf; /* copied; what makes it safe is set on top */
    const char *topic;
    struct bytes key;        /* ≤ PUBLISHER_KEY_MAX */
    uint32_t in_flight_max;  /* 1 … PUBLISHER_IN_FLIGHT_MAX messages */
    struct journal *journal; /* outlives the publisher */
    /* Told what the client has to say; syslog levels (3 error … 7 debug). */
    void (*log)(void *user, int level, const char *text);
    void *log_user;
};

struct publisher_counters {
    uint64_t delivered;  /* numbered events acknowledged */
    uint64_t heartbeats; /* acknowledged */
    uint64_t failures;   /* clients thrown away */
    uint32_t in_flight;
};

struct publisher;

/* ERR_CONFIG: librdkafka refuses the configuration; ERR_NOMEM, ERR_IO, ERR_LIMIT (key). */
enum err publisher_new(const struct publisher_options *options, struct publisher **publisher,
                       struct err_detail *detail) MUST_CHECK;
/* Throws away what is in flight: it stays in the journal. */
void publisher_free(struct publisher *publisher);

/* Readable when publisher_serve has something to do. */
int publisher_fd(const struct publisher *publisher);
/* When publisher_serve has to be called even if nothing is readable; INT64_MAX = never. On the
 * clock of publisher_serve's `now_ms`. */
int64_t publisher_next_deadline(const struct publisher *publisher);

/*
 * Handles reports, acknowledges the journal, rebuilds the client when that is due, sends what is in
 * the journal as far as the bounds allow. Never blocks, but for destroying a failed client. Call it
 * also after journal_append and publisher_heartbeat. Errors are the journal's, and final.
 */
enum err publisher_serve(struct publisher *publisher, int64_t now_ms,
                         struct err_detail *detail) MUST_CHECK;

/* Copies an encoded heartbeat (≤ EVENT_RECORD_MAX), which replaces one that is still waiting. */
void publisher_heartbeat(struct publisher *publisher, struct bytes event);

/* Everything in the journal has been acknowledged. */
bool publisher_is_drained(const struct publisher *publisher);

struct publisher_counters publisher_get_counters(const struct publisher *publisher);

/* The client, NULL while WAITING: for rd_kafka_test_fatal_error. */
rd_kafka_t *publisher_client(const struct publisher *publisher);

#endif
