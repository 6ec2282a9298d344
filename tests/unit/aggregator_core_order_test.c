/*
 * R6 as a property: final usage is the same for any interleaving that keeps each epoch's order, for
 * any duplication, and for a backfill of what was metered live. Lives are drawn from a seed; the
 * expected usage is computed from the lives, not by the core. SEED=n repeats one.
 */
#include "core_fixture.h"

enum { RUNS = 6, EPOCHS = 3, EVENTS = 64, HOURS = 4, SEEDS = 150 };

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}

/* One true run; the live epochs know it by one id, the backfill by another. */
struct life {
    int64_t from, to;
    char live_id[24], told_id[24], enclave_id[48];
    bool told;
};

/* The records of one epoch, in order. */
struct stream {
    struct event events[EVENTS];
    uint32_t n, next;
};

struct scene {
    struct life lives[RUNS];
    struct host hosts[EPOCHS];
    struct event_run runs[RUNS][2];
    struct stream streams[EPOCHS];
    int64_t restart; /* when the second live epoch begins */
};

static void draw_lives(struct scene *s)
{
    int64_t t = at(0, 1, 0);

    for (int i = 0; i < RUNS; i++) {
        struct life *life = &s->lives[i];
        life->from = t + random_below(1200) * 1000 + i;
        life->to = life->from + random_below(5400) * 1000 + 500;
        t = life->from - i;
        snprintf(life->live_id, sizeof life->live_id, "%d-live", 100 + i);
        snprintf(life->told_id, sizeof life->told_id, "%d-told", 100 + i);
        snprintf(life->enclave_id, sizeof life->enclave_id, "i-1-enc1a1fb7c%02x", i + 1);
        life->told = random_below(2) == 0;
        for (int k = 0; k < 2; k++)
            s->runs[i][k] = (struct event_run){
                .run_id = bytes_of_string(k == 0 ? life->live_id : life->told_id),
                .has = RUN_HAS_PID | RUN_HAS_VCPUS | RUN_HAS_MEMORY_MIB | RUN_HAS_ENCLAVE_ID |
                       RUN_HAS_ALLOCATED_TIME,
                .enclave_id = bytes_of_string(life->enclave_id),
                .pid = 100 + i,
                .vcpus = 2,
                .memory_mib = 64,
                .allocated_time = life->from};
    }
}

static void add(struct stream *stream, struct event event)
{
    assert_true(stream->n < EVENTS);
    stream->events[stream->n++] = event;
}

/* Starts and ends of all lives within [from, to), in the order of time, as `host` sees them. */
static void add_live(struct scene *s, struct stream *stream, struct host *host, int64_t from,
                     int64_t to)
{
    for (int64_t now = from; now < to;) {
        int64_t next = to;
        int which = -1;
        bool end = false;
        for (int i = 0; i < RUNS; i++) {
            if (s->lives[i].from >= now && s->lives[i].from < next) {
                next = s->lives[i].from;
                which = i;
                end = false;
            }
            if (s->lives[i].to >= now && s->lives[i].to < next) {
                next = s->lives[i].to;
                which = i;
                end = true;
            }
        }
        if (which < 0)
            return;
        struct event e = event_of(host, end ? EVENT_ENDED : EVENT_ALLOCATED, next, next);
        e.run = s->runs[which][0];
        e.end_cause = end ? END_TERMINATED : END_UNKNOWN;
        add(stream, e);
        now = next + 1;
    }
}

static void draw_streams(struct scene *s)
{
    s->restart = at(1, 0, 0) + random_below(3600) * 1000;
    s->hosts[0] = (struct host){.id = "i-1", .epoch = 1, .boot = 9};
    s->hosts[1] = (struct host){.id = "i-1", .epoch = 2, .boot = 9};
    s->hosts[2] = (struct host){.id = "i-1", .epoch = 3};
    add(&s->streams[0], event_of(&s->hosts[0], EVENT_HOST_UP, at(0, 0, 30), at(0, 0, 30)));
    add_live(s, &s->streams[0], &s->hosts[0], at(0, 1, 0), s->restart);
    struct event up = event_of(&s->hosts[1], EVENT_HOST_UP, s->restart, s->restart);
    up.has = EVENT_HAS_PREV_EPOCH | EVENT_HAS_PREV_SEQ;
    up.prev_epoch = uuid_of(1);
    up.prev_seq = s->hosts[0].seq;
    add(&s->streams[1], up);
    add_live(s, &s->streams[1], &s->hosts[1], s->restart, at(HOURS, 0, 0));
    add(&s->streams[1], event_of(&s->hosts[1], EVENT_HEARTBEAT, at(HOURS, 1, 0), at(HOURS, 1, 0)));
    for (int i = 0; i < RUNS; i++) {
        if (!s->lives[i].told)
            continue;
        struct event e = event_of(&s->hosts[2], EVENT_ALLOCATED, s->lives[i].from, 0);
        e.run = s->runs[i][1];
        add(&s->streams[2], e);
        e = event_of(&s->hosts[2], EVENT_ENDED, s->lives[i].to, 0);
        e.run = s->runs[i][1];
        e.end_cause = END_TERMINATED;
        add(&s->streams[2], e);
    }
}

/* Plays the streams in a random interleaving, now and then repeating a record, over some hours of
 * log time, so that some news come before and some after the hours are cut. */
static void play(struct scene *s, struct fixture *f)
{
    uint32_t left = s->streams[0].n + s->streams[1].n + s->streams[2].n;
    int64_t log_time = at(HOURS, 2, 0);

    for (int i = 0; i < EPOCHS; i++)
        s->streams[i].next = 0;
    while (left > 0) {
        struct stream *stream = &s->streams[random_below(EPOCHS)];
        if (stream->next == stream->n)
            continue;
        log_time += random_below(120) * 1000;
        take(f, log_time, &stream->events[stream->next++]);
        if (random_below(4) == 0)
            take(f, log_time, &stream->events[random_below(stream->next)]);
        left--;
    }
    ticks_until(f, log_time + 40 * 60000);
}

static int64_t overlap(int64_t from, int64_t to, int64_t hour)
{
    int64_t a = from > hour ? from : hour;
    int64_t b = to < hour + HOUR_MS ? to : hour + HOUR_MS;

    return b > a ? b - a : 0;
}

static void check_usage(const struct scene *s, const struct fixture *f, uint64_t seed)
{
    for (int h = 0; h < HOURS; h++)
        for (int i = 0; i < RUNS; i++) {
            const struct life *life = &s->lives[i];
            int64_t want = overlap(life->from, life->to, at(h, 0, 0));
            if (life->to >= at(HOURS, 0, 0)) /* open when the log ends: to the last watermark */
                want = overlap(life->from, at(HOURS, 1, 0), at(h, 0, 0));
            int64_t live = held_ms(f, at(h, 0, 0), life->live_id);
            int64_t told = held_ms(f, at(h, 0, 0), life->told_id);
            if (live + told != want)
                fail_msg("SEED=%llu: run %s, hour %d: %lld + %lld ms, true %lld ms",
                         (unsigned long long)seed, life->live_id, h, (long long)live,
                         (long long)told, (long long)want);
        }
}

static void r6_final_usage_is_the_same_for_any_interleaving_and_duplication(void **state)
{
    const char *one = getenv("SEED");
    uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
    uint64_t last = one != NULL ? first : SEEDS;

    (void)state;
    for (uint64_t seed = first; seed <= last; seed++) {
        static struct scene scene;
        memset(&scene, 0, sizeof scene);
        random_state = seed;
        draw_lives(&scene);
        draw_streams(&scene);
        for (int order = 0; order < 3; order++) {
            struct fixture *f = fixture_new();
            f->round_trip = order == 0;
            play(&scene, f);
            check_usage(&scene, f, seed);
            fixture_free(f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r6_final_usage_is_the_same_for_any_interleaving_and_duplication),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
