/*
 * One life of the producer: journal, source, pipeline and publisher put together, and the loop that
 * waits for them. `run` and `run --backfill` differ in the source and in when they are done. Not
 * for signals: the caller brings a descriptor that becomes readable when it is time to stop.
 */
#ifndef PRODUCER_EDGE_SESSION_H
#define PRODUCER_EDGE_SESSION_H

#include "producer/edge/pipeline.h"
#include "producer/edge/publisher.h"

struct session_options {
    const struct producer_settings *settings;
    const char *journal_dir;
    const char *const *files; /* a backfill of these, oldest first; NULL: follow log.path */
    size_t files_n;
    int stop_fd; /* readable = stop */
};

struct session;

/* Errors of its parts, each with what to do. */
enum err session_open(const struct session_options *options, struct session **session,
                      struct err_detail *detail) MUST_CHECK;
void session_close(struct session *session);

/*
 * Turns the loop until the stop descriptor is readable or, with `until_idle`, until the source has
 * been read to its end and everything is acknowledged. *is_idle says which. Errors are final.
 */
enum err session_run(struct session *session, bool until_idle, bool *is_idle,
                     struct err_detail *detail) MUST_CHECK;

/* Commits what is known and delivers for up to `timeout_ms`. What is not delivered stays in the
 * journal: that is no error; *left says how many events. */
enum err session_stop(struct session *session, int64_t timeout_ms, uint64_t *left,
                      struct err_detail *detail) MUST_CHECK;

/* A backfill is complete: the next one begins anew. */
enum err session_finish_backfill(struct session *session, struct err_detail *detail) MUST_CHECK;

struct pipeline_counters session_get_counters(const struct session *session);

#endif
