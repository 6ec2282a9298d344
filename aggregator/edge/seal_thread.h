/*
 * The sealer on a thread of its own, so that metering never waits for a rollup.
 *
 * The metering thread tells of hours that got a part; the thread seals them, and looks now and then
 * for what other processes wrote. It has a store handle of its own and shares nothing else.
 */
#ifndef AGGREGATOR_EDGE_SEAL_THREAD_H
#define AGGREGATOR_EDGE_SEAL_THREAD_H

#include "aggregator/edge/http_snapshot.h"
#include "aggregator/edge/sealer.h"

struct seal_thread;

/* `options->book` must outlive it. */
enum err seal_thread_start(const char *sink, const struct sealer_options *options,
                           int64_t interval_ms, struct seal_thread **thread,
                           struct err_detail *detail) MUST_CHECK;
/* Waits for the revision that is being made; what is left is left to the next process. NULL is
 * fine. */
void seal_thread_stop(struct seal_thread *thread);

/* A part of this hour became durable. */
void seal_thread_note(struct seal_thread *thread, int64_t hour);

struct http_sealing seal_thread_progress(struct seal_thread *thread);

#endif
