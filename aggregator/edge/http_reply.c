/*
 * JSON of the live view: status, enclaves, usage.
 */
#include "aggregator/edge/http_reply.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/json_out.h"
#include "common/time_text.h"

enum { JSON_FIRST_CAP = 64 * 1024 };

/* Writes JSON of unknown length: `write` is called again with more room until it fits. */
typedef void json_body(struct json_out *json, const void *context);

static enum err append_json(struct buffer *out, json_body *write, const void *context)
{
    for (size_t cap = JSON_FIRST_CAP;; cap *= 2) {
        struct json_out json;
        struct bytes text;
        enum err e = buffer_reserve(out, cap);

        if (e != ERR_OK)
            return e;
        json_out_init(&json, out->ptr + out->len, cap);
        write(&json, context);
        if (json_out_finish(&json, &text) == ERR_OK) {
            out->len += text.len;
            return ERR_OK;
        }
    }
}

static void key_time(struct json_out *json, const char *key, int64_t time)
{
    if (time == NO_TIME)
        json_out_key_null(json, key);
    else
        json_out_key_time(json, key, time);
}

/* ---- status --------------------------------------------------------------------------------- */

static void write_partition(struct json_out *json, const struct http_partition *p)
{
    json_out_object_begin(json);
    json_out_key_int(json, "partition", p->partition);
    json_out_key_text(json, "state", p->state);
    json_out_key_text(json, "reason", p->reason);
    json_out_key_int(json, "lag", p->lag);
    key_time(json, "log_time", p->log_time);
    json_out_key_int(json, "next_offset", p->next_offset);
    json_out_key_int(json, "policy_version", p->policy_version);
    json_out_key_uint(json, "instances", p->instances_n);
    json_out_key_uint(json, "open_runs", p->open_runs_n);
    json_out_key(json, "last_part");
    if (p->last_part.hour == NO_TIME) {
        json_out_null(json);
    } else {
        json_out_object_begin(json);
        json_out_key_time(json, "hour", p->last_part.hour);
        json_out_key_uint(json, "revision", p->last_part.revision);
        json_out_key_bool(json, "complete", p->last_part.complete);
        json_out_key_uint(json, "expected", p->last_part.expected_n);
        json_out_key_uint(json, "missing", p->last_part.missing_n);
        json_out_key_uint(json, "gaps", p->last_part.gaps_n);
        json_out_object_end(json);
    }
    json_out_object_end(json);
}

static void write_status(struct json_out *json, const void *context)
{
    const struct http_snapshot *s = context;
    char reason[ERR_DETAIL_MAX] = "";

    json_out_object_begin(json);
    json_out_key_time(json, "as_of", s->as_of);
    json_out_key_bool(json, "ready", http_snapshot_ready(s, reason, sizeof reason));
    json_out_key_text(json, "reason", reason);
    json_out_key(json, "partitions");
    json_out_array_begin(json);
    for (size_t i = 0; i < s->partitions_n; i++)
        write_partition(json, &s->partitions[i]);
    json_out_array_end(json);
    json_out_key(json, "sealing");
    json_out_object_begin(json);
    key_time(json, "next_hour", s->sealing.next_hour);
    json_out_key_uint(json, "committed", s->sealing.committed);
    json_out_key_text(json, "failure", s->sealing.failure);
    json_out_object_end(json);
    json_out_object_end(json);
}

enum err http_reply_status(const struct http_snapshot *s, struct buffer *out)
{
    return append_json(out, write_status, s);
}

/* ---- enclaves ------------------------------------------------------------------------------- */

/* Chosen runs of a snapshot, in the order in which they are shown. */
struct chosen {
    const struct http_snapshot *s;
    const struct tenant_map *tenants;
    const struct http_run **runs;
    size_t running_n, ended_n, limit; /* running first */
};

/* From when a run is held, until when: an interval, empty if either is not known. */
static int64_t span_ms(int64_t from, int64_t until)
{
    return from == NO_TIME || until == NO_TIME || until < from ? 0 : until - from;
}

static void write_run(struct json_out *json, const struct chosen *c, const struct http_run *r)
{
    const struct partition_run *run = &r->run;
    const char *state = run->ended                     ? "ENDED"
                        : run->running_from != NO_TIME ? "RUNNING"
                                                       : "ALLOCATED";

    json_out_object_begin(json);
    json_out_key_string(json, "tenant",
                        http_run_tenant(r, time_hour_floor(c->s->as_of), c->tenants));
    json_out_key_string(json, "instance_id", run->instance_id);
    json_out_key_string(json, "run_id", run->run.run_id);
    json_out_key_string(json, "enclave_id", run->run.enclave_id);
    json_out_key_string(json, "name", run->run.name);
    json_out_key_text(json, "state", state);
    json_out_key_int(json, "vcpus", run->run.vcpus);
    json_out_key_int(json, "memory_mib", run->run.memory_mib);
    key_time(json, "held_from", run->held_from);
    key_time(json, "running_from", run->running_from);
    key_time(json, "until", run->until);
    json_out_key_int(json, "held_ms", span_ms(run->held_from, run->until));
    json_out_key_int(json, "running_ms", span_ms(run->running_from, run->until));
    json_out_key_bool(json, "provisional", run->provisional);
    if (run->ended) {
        json_out_key_text(json, "end_cause", end_cause_name(run->end_cause));
        json_out_key_string(json, "end_detail", run->end_detail);
    }
    json_out_key_int(json, "partition", r->partition);
    json_out_object_end(json);
}

static void write_some(struct json_out *json, const struct chosen *c, const char *key,
                       const struct http_run *const *runs, size_t n)
{
    json_out_key(json, key);
    json_out_array_begin(json);
    for (size_t i = 0; i < n && i < c->limit; i++)
        write_run(json, c, runs[i]);
    json_out_array_end(json);
}

static void write_enclaves(struct json_out *json, const void *context)
{
    const struct chosen *c = context;

    json_out_object_begin(json);
    json_out_key_time(json, "as_of", c->s->as_of);
    json_out_key_uint(json, "running_total", c->running_n);
    json_out_key_uint(json, "ended_total", c->ended_n);
    write_some(json, c, "running", c->runs, c->running_n);
    write_some(json, c, "ended", c->runs + c->running_n, c->ended_n);
    json_out_object_end(json);
}

static int newest_end_first(const void *a, const void *b)
{
    const struct http_run *x = *(const struct http_run *const *)a;
    const struct http_run *y = *(const struct http_run *const *)b;

    if (x->run.until != y->run.until)
        return x->run.until < y->run.until ? 1 : -1;
    int by_instance = bytes_compare(x->run.instance_id, y->run.instance_id);
    return by_instance != 0 ? by_instance : bytes_compare(x->run.run.run_id, y->run.run.run_id);
}

static enum err parse_limit(const char *text, size_t *limit, struct err_detail *detail)
{
    char *end;

    *limit = HTTP_LIMIT_STANDARD;
    if (text == NULL)
        return ERR_OK;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > HTTP_LIMIT_MAX)
        return err_set(detail, ERR_USAGE, "limit: a number up to %d", HTTP_LIMIT_MAX);
    *limit = (size_t)n;
    return ERR_OK;
}

static void choose(struct chosen *c, const char *tenant)
{
    size_t n = 0;

    for (int ended = 0; ended <= 1; ended++) {
        for (size_t i = 0; i < c->s->runs_n; i++) {
            const struct http_run *run = &c->s->runs[i];
            struct bytes whose = http_run_tenant(run, time_hour_floor(c->s->as_of), c->tenants);

            if (run->run.ended == (ended != 0) &&
                (tenant == NULL || bytes_equal(whose, bytes_of_string(tenant))))
                c->runs[n++] = run;
        }
        if (!ended)
            c->running_n = n;
    }
    c->ended_n = n - c->running_n;
    qsort(c->runs + c->running_n, c->ended_n, sizeof *c->runs, newest_end_first);
}

enum err http_reply_enclaves(const struct http_snapshot *s, const struct tenant_map *tenants,
                             const struct http_query *query, struct buffer *out,
                             struct err_detail *detail)
{
    struct chosen c = {.s = s, .tenants = tenants};
    enum err e = parse_limit(query->limit, &c.limit, detail);

    if (e != ERR_OK)
        return e;
    c.runs = calloc(s->runs_n + 1, sizeof *c.runs);
    if (c.runs == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    choose(&c, query->tenant);
    e = append_json(out, write_enclaves, &c);
    free(c.runs);
    return e == ERR_OK ? ERR_OK : err_set(detail, e, "out of memory");
}

/* ---- usage ---------------------------------------------------------------------------------- */

/* The usage of one run in the hour, later of one tenant. */
struct share {
    struct bytes tenant;
    uint64_t enclaves;
    int64_t running_ms, held_ms, vcpu_ms, mib_ms;
};

struct usage {
    const struct http_snapshot *s;
    int64_t hour;
    struct share *shares;
    size_t n;
};

static int64_t within_hour_ms(int64_t hour, int64_t from, int64_t until)
{
    if (from == NO_TIME || until == NO_TIME)
        return 0;
    from = from < hour ? hour : from;
    until = until > hour + HOUR_MS ? hour + HOUR_MS : until;
    return until > from ? until - from : 0;
}

static int by_tenant(const void *a, const void *b)
{
    return bytes_compare(((const struct share *)a)->tenant, ((const struct share *)b)->tenant);
}

static void take_shares(struct usage *u, const struct tenant_map *tenants, const char *tenant)
{
    for (size_t i = 0; i < u->s->runs_n; i++) {
        const struct http_run *r = &u->s->runs[i];
        struct share share = {
            .tenant = http_run_tenant(r, u->hour, tenants),
            .enclaves = 1,
            .running_ms = within_hour_ms(u->hour, r->run.running_from, r->run.until),
            .held_ms = within_hour_ms(u->hour, r->run.held_from, r->run.until),
        };

        if ((share.held_ms == 0 && share.running_ms == 0) ||
            (tenant != NULL && !bytes_equal(share.tenant, bytes_of_string(tenant))))
            continue;
        /* An hour in ms times what 32 and 41 bits can say stays below 2^63. */
        share.vcpu_ms = share.held_ms * r->run.run.vcpus;
        if (__builtin_mul_overflow(share.held_ms, r->run.run.memory_mib, &share.mib_ms))
            share.mib_ms = INT64_MAX;
        u->shares[u->n++] = share;
    }
    qsort(u->shares, u->n, sizeof *u->shares, by_tenant);
}

static int64_t sum(int64_t a, int64_t b)
{
    int64_t total;

    return __builtin_add_overflow(a, b, &total) ? INT64_MAX : total;
}

/* Neighbours of one tenant become one. */
static void fold_shares(struct usage *u)
{
    size_t kept = 0;

    for (size_t i = 0; i < u->n; i++) {
        struct share *last = kept > 0 ? &u->shares[kept - 1] : NULL;
        const struct share *next = &u->shares[i];

        if (last == NULL || !bytes_equal(last->tenant, next->tenant)) {
            u->shares[kept++] = *next;
            continue;
        }
        last->enclaves += next->enclaves;
        last->running_ms = sum(last->running_ms, next->running_ms);
        last->held_ms = sum(last->held_ms, next->held_ms);
        last->vcpu_ms = sum(last->vcpu_ms, next->vcpu_ms);
        last->mib_ms = sum(last->mib_ms, next->mib_ms);
    }
    u->n = kept;
}

static void write_usage(struct json_out *json, const void *context)
{
    const struct usage *u = context;

    json_out_object_begin(json);
    json_out_key_time(json, "hour", u->hour);
    json_out_key_time(json, "as_of", u->s->as_of);
    json_out_key_bool(json, "provisional", true);
    json_out_key(json, "tenants");
    json_out_array_begin(json);
    for (size_t i = 0; i < u->n; i++) {
        const struct share *share = &u->shares[i];

        json_out_object_begin(json);
        json_out_key_string(json, "tenant", share->tenant);
        json_out_key_uint(json, "enclaves", share->enclaves);
        json_out_key_int(json, "running_ms", share->running_ms);
        json_out_key_int(json, "held_ms", share->held_ms);
        json_out_key_int(json, "vcpu_ms", share->vcpu_ms);
        json_out_key_int(json, "mib_ms", share->mib_ms);
        json_out_object_end(json);
    }
    json_out_array_end(json);
    json_out_object_end(json);
}

/* Only hours of which every run is still in memory: not yet closed anywhere. */
static enum err parse_hour(const struct http_snapshot *s, const char *text, int64_t *hour,
                           struct err_detail *detail)
{
    char begins[TIME_TEXT_SIZE];

    *hour = time_hour_floor(s->as_of);
    if (text != NULL && (time_text_parse_loose(bytes_of_string(text), hour) != ERR_OK ||
                         *hour != time_hour_floor(*hour)))
        return err_set(detail, ERR_USAGE, "hour: a whole hour, as 2026-11-20T13:00:00Z");
    for (size_t i = 0; i < s->partitions_n; i++) {
        if (s->partitions[i].open_from != NO_TIME && *hour < s->partitions[i].open_from)
            return err_set(
                detail, ERR_NOT_FOUND,
                "the hour %s is being closed or has been: its usage is in the sink, below"
                " rollup/",
                time_text_format(*hour, begins));
    }
    return ERR_OK;
}

enum err http_reply_usage(const struct http_snapshot *s, const struct tenant_map *tenants,
                          const struct http_query *query, struct buffer *out,
                          struct err_detail *detail)
{
    struct usage u = {.s = s};
    enum err e = parse_hour(s, query->hour, &u.hour, detail);

    if (e != ERR_OK)
        return e;
    u.shares = calloc(s->runs_n + 1, sizeof *u.shares);
    if (u.shares == NULL)
        return err_set(detail, ERR_NOMEM, "out of memory");
    take_shares(&u, tenants, query->tenant);
    fold_shares(&u);
    e = append_json(out, write_usage, &u);
    free(u.shares);
    return e == ERR_OK ? ERR_OK : err_set(detail, e, "out of memory");
}
