/*
 * The sealer; see the header. Here: which hours to look at, and when. What happens to an hour is in
 * seal_scan.c, what a revision consists of in seal_build.c.
 */
#include "aggregator/edge/sealer.h"

#include <stdlib.h>

#include "aggregator/edge/seal_scan.h"

enum {
    ROUND_ROBIN_HOURS = 2, /* older hours that one run looks at without being told */
};

/* What the sealer remembers of an hour: only ever a reason not to look again. */
struct hour_memory {
    int64_t hour;
    bool dirty;            /* a part of it was written since it was looked at */
    bool listed;           /* `listing` is set */
    struct sha256 listing; /* of the names of its parts when there was nothing left to do */
};

struct sealer {
    struct seal_scope scope;
    int64_t next_hour; /* first hour without a committed rev 1; valid when `located` */
    bool located;
    int64_t round_robin; /* how many hours behind next_hour the next unasked look is */
    struct hour_memory next_memory;
    struct hour_memory *window; /* the hours before next_hour, at (hour / HOUR_MS) % window_hours */
};

enum err sealer_new(struct store *store, const struct sealer_options *options,
                    struct sealer **sealer, struct err_detail *detail)
{
    struct sealer *s;

    if (options->era == 0 || options->partitions_n < 1 || options->first_hour % HOUR_MS != 0)
        return err_set(detail, ERR_MALFORMED,
                       "a sealer needs an era, its partitions and its first hour");
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(detail, ERR_NOMEM, "no memory for the sealer");
    s->scope.store = store;
    s->scope.options = *options;
    if (s->scope.options.window_hours == 0)
        s->scope.options.window_hours = SEALER_WINDOW_HOURS;
    s->window = calloc(s->scope.options.window_hours, sizeof *s->window);
    if (s->window == NULL) {
        free(s);
        return err_set(detail, ERR_NOMEM, "no memory for the sealer");
    }
    *sealer = s;
    return ERR_OK;
}

void sealer_free(struct sealer *sealer)
{
    if (sealer == NULL)
        return;
    free(sealer->window);
    free(sealer);
}

void sealer_set_book(struct sealer *sealer, const struct tenant_book *book)
{
    sealer->scope.options.book = book;
}

enum err sealer_scan_hour(struct sealer *sealer, int64_t hour, struct sealer_result *result,
                          struct err_detail *detail)
{
    struct sha256 listing;

    if (hour % HOUR_MS != 0 || hour < sealer->scope.options.first_hour)
        return err_set(detail, ERR_MALFORMED, "not an hour of the era");
    return seal_scan(&sealer->scope, hour, result, &listing, detail);
}

/* ---- which hours ------------------------------------------------------------------------------
 */

static struct hour_memory *memory_of(struct sealer *s, int64_t hour)
{
    int64_t index = hour / HOUR_MS % (int64_t)s->scope.options.window_hours;

    return &s->window[index < 0 ? index + (int64_t)s->scope.options.window_hours : index];
}

/* First hour without a committed rev 1. Rev 1s are committed in order, so doubling and halving find
 * it in a few looks however long the chain is. */
static enum err locate(struct sealer *s, struct err_detail *detail)
{
    int64_t first = s->scope.options.first_hour, sealed_n = 0, step = 1;
    bool committed = true;
    enum err e = ERR_OK;

    while (committed && e == ERR_OK) { /* hours 0 … sealed_n − 1 are committed */
        e = seal_is_committed(&s->scope, first + (sealed_n + step - 1) * HOUR_MS, &committed,
                              detail);
        if (committed) {
            sealed_n += step;
            step *= 2;
        }
    }
    for (step /= 2; step > 0 && e == ERR_OK; step /= 2) {
        e = seal_is_committed(&s->scope, first + (sealed_n + step - 1) * HOUR_MS, &committed,
                              detail);
        if (committed)
            sealed_n += step;
    }
    if (e != ERR_OK)
        return e;
    s->next_hour = first + sealed_n * HOUR_MS;
    s->next_memory = (struct hour_memory){.hour = s->next_hour};
    for (int64_t i = 1; i <= (int64_t)s->scope.options.window_hours && i <= sealed_n; i++) {
        int64_t hour = s->next_hour - i * HOUR_MS;

        *memory_of(s, hour) = (struct hour_memory){.hour = hour, .dirty = true};
    }
    s->located = true;
    return ERR_OK;
}

void sealer_note_part(struct sealer *sealer, int64_t hour)
{
    if (!sealer->located || hour >= sealer->next_hour || hour < sealer->scope.options.first_hour)
        return; /* it is looked at anyway */
    struct hour_memory *memory = memory_of(sealer, hour);

    if (memory->hour <= hour)
        *memory = (struct hour_memory){.hour = hour, .dirty = true};
}

/* Looks at an hour unless its parts are those of the last look. */
static enum err look(struct sealer *s, struct hour_memory *memory, struct sealer_result *result,
                     struct err_detail *detail)
{
    struct seal_available available;
    enum err e = ERR_OK;

    *result = (struct sealer_result){0};
    if (memory->listed) {
        e = seal_list_parts(&s->scope, memory->hour, &available, detail);
        if (e != ERR_OK)
            return e;
        bool same = memcmp(&available.listing, &memory->listing, sizeof memory->listing) == 0;

        seal_available_fini(&available);
        if (same) {
            memory->dirty = false;
            return ERR_OK;
        }
    }
    e = seal_scan(&s->scope, memory->hour, result, &memory->listing, detail);
    memory->listed = e == ERR_OK;
    if (e == ERR_OK)
        memory->dirty = false;
    return e;
}

/* Seals hour after hour until one has to wait. */
static enum err run_new_hours(struct sealer *s, struct sealer_progress *progress,
                              struct err_detail *detail)
{
    for (int i = 0; i < SEALER_RUN_HOURS_MAX; i++) {
        struct sealer_result result;
        enum err e = look(s, &s->next_memory, &result, detail);

        progress->finished += result.finished;
        if (e != ERR_OK || result.revision == 0)
            return e;
        *memory_of(s, s->next_hour) = s->next_memory;
        s->next_hour += HOUR_MS;
        s->next_memory = (struct hour_memory){.hour = s->next_hour};
    }
    progress->more = true;
    return ERR_OK;
}

static enum err run_old_hours(struct sealer *s, struct sealer_progress *progress,
                              struct err_detail *detail)
{
    int64_t window = s->scope.options.window_hours, asked = 0;

    for (int64_t i = 1; i <= window; i++) {
        int64_t hour = s->next_hour - i * HOUR_MS;
        struct hour_memory *memory = memory_of(s, hour);
        bool in_turn = i > s->round_robin && i <= s->round_robin + ROUND_ROBIN_HOURS;
        struct sealer_result result;

        if (hour < s->scope.options.first_hour || memory->hour != hour ||
            (!memory->dirty && !in_turn))
            continue;
        if (memory->dirty && !in_turn && asked++ == SEALER_RUN_HOURS_MAX) {
            progress->more = true;
            break;
        }
        enum err e = look(s, memory, &result, detail);

        progress->finished += result.finished;
        if (e != ERR_OK)
            return e;
    }
    s->round_robin += ROUND_ROBIN_HOURS;
    if (s->round_robin >= window)
        s->round_robin = 0;
    return ERR_OK;
}

enum err sealer_run(struct sealer *sealer, struct sealer_progress *progress,
                    struct err_detail *detail)
{
    enum err e = ERR_OK;

    *progress = (struct sealer_progress){0};
    if (!sealer->located)
        e = locate(sealer, detail);
    if (e == ERR_OK)
        e = run_new_hours(sealer, progress, detail);
    if (e == ERR_OK)
        e = run_old_hours(sealer, progress, detail);
    progress->next_hour = sealer->next_hour;
    return e;
}
