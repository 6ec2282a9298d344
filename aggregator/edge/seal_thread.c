/*
 * Waking the sealer: after parts, and every interval.
 */
#include "aggregator/edge/seal_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/time_text.h"

struct seal_thread {
    struct store *store;
    struct sealer *sealer; /* the thread's own */
    int64_t interval_ms;
    pthread_t thread;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t wake;
    bool stopping;
    int64_t *hours; /* noted and not taken yet, each once */
    size_t hours_n, hours_cap;
    struct http_sealing progress;
};

/* ---- the thread ----------------------------------------------------------------------------- */

/* Waits for something to do; takes the noted hours. False: stop. */
static bool wait_for_work(struct seal_thread *t)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += t->interval_ms / 1000;
    until.tv_nsec += t->interval_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&t->lock);
    while (!t->stopping && t->hours_n == 0) {
        if (pthread_cond_timedwait(&t->wake, &t->lock, &until) != 0)
            break;
    }
    for (size_t i = 0; i < t->hours_n; i++)
        sealer_note_part(t->sealer, t->hours[i]);
    t->hours_n = 0;
    bool stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return !stopping;
}

static void report(struct seal_thread *t, enum err e, const struct sealer_progress *progress,
                   const struct err_detail *detail)
{
    pthread_mutex_lock(&t->lock);
    bool news = e != ERR_OK && strcmp(t->progress.failure, detail->text) != 0;
    snprintf(t->progress.failure, sizeof t->progress.failure, "%s",
             e == ERR_OK ? "" : detail->text);
    if (e == ERR_OK) {
        t->progress.next_hour = progress->next_hour;
        t->progress.committed += progress->finished;
    }
    pthread_mutex_unlock(&t->lock);
    if (e == ERR_OK && progress->finished > 0)
        log_info("seal", "sealed", field_uint("revisions", progress->finished),
                 field_time("next_hour", progress->next_hour));
    if (news)
        log_error("alarm", "sealing does not go on", field_err(e, detail));
}

static void *seal(void *context)
{
    struct seal_thread *t = context;

    while (wait_for_work(t)) {
        struct sealer_progress progress = {.next_hour = NO_TIME};
        struct err_detail detail = {.text = ""};
        enum err e = sealer_run(t->sealer, &progress, &detail);

        report(t, e, &progress, &detail);
        if (e == ERR_INCIDENT)
            break; /* a person must look; metering goes on */
    }
    return NULL;
}

/* ---- the metering thread's side ------------------------------------------------------------- */

void seal_thread_note(struct seal_thread *t, int64_t hour)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->hours_n; i++) {
        if (t->hours[i] == hour)
            goto noted;
    }
    if (t->hours_n == t->hours_cap) {
        size_t cap = t->hours_cap == 0 ? 16 : t->hours_cap * 2;
        int64_t *larger = reallocarray(t->hours, cap, sizeof *larger);

        if (larger == NULL)
            goto noted; /* the periodic look finds it */
        t->hours = larger;
        t->hours_cap = cap;
    }
    t->hours[t->hours_n++] = hour;
noted:
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

struct http_sealing seal_thread_progress(struct seal_thread *t)
{
    pthread_mutex_lock(&t->lock);
    struct http_sealing progress = t->progress;
    pthread_mutex_unlock(&t->lock);
    return progress;
}

static void seal_thread_free(struct seal_thread *t)
{
    sealer_free(t->sealer);
    store_close(t->store);
    free(t->hours);
    free(t);
}

enum err seal_thread_start(const char *sink, const struct sealer_options *options,
                           int64_t interval_ms, struct seal_thread **thread,
                           struct err_detail *detail)
{
    pthread_condattr_t monotonic;
    struct seal_thread *t = calloc(1, sizeof *t);

    if (t == NULL)
        return err_set(detail, ERR_NOMEM, "sealer: out of memory");
    t->interval_ms = interval_ms;
    t->progress.next_hour = NO_TIME;
    enum err e = store_open(sink, &t->store, detail);
    if (e == ERR_OK)
        e = sealer_new(t->store, options, &t->sealer, detail);
    if (e != ERR_OK) {
        seal_thread_free(t);
        return e;
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&t->thread, NULL, seal, t) != 0) {
        pthread_cond_destroy(&t->wake);
        pthread_mutex_destroy(&t->lock);
        seal_thread_free(t);
        return err_set(detail, ERR_NOMEM, "sealer: no thread");
    }
    *thread = t;
    return ERR_OK;
}

void seal_thread_stop(struct seal_thread *t)
{
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    seal_thread_free(t);
}
