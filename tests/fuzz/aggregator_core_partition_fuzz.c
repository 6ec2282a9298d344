/*
 * Any sequence of events: no assertion, no sanitizer report, invariants hold after every record,
 * and a state saved and loaded goes on with the same bytes. 12 bytes of input make one event.
 */
#include <stdlib.h>

#include "aggregator/core/partition.h"

enum { EVENT_BYTES = 12, OUT_N = 4096, SAVED_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct partition *p;
    void *memory;
    struct partition_out out;
    struct usage_line lines[OUT_N];
    struct part_missing missing[OUT_N];
    struct part_gap gaps[OUT_N];
    struct event_pair pairs[OUT_N];
    int64_t dead_letters[OUT_N];
    int64_t offset, now;
};

static void replace(struct world *w, struct partition *p, void *memory)
{
    free(w->memory);
    w->p = p;
    w->memory = memory;
}

static void grow(struct world *w)
{
    struct partition_capacity c = partition_capacity_grown(w->p);
    void *memory = aligned_alloc(16, partition_bytes(&c));

    replace(w, partition_move(w->p, memory, &c), memory);
}

static void round_trip(struct world *w)
{
    static uint8_t saved[SAVED_MAX], again[SAVED_MAX];
    struct partition_capacity c;
    struct partition *p;
    size_t n, m;

    if (partition_save(w->p, saved, sizeof saved, &n) != ERR_OK ||
        partition_saved_capacity(bytes_of(saved, n), &c) != ERR_OK)
        abort();
    void *memory = aligned_alloc(16, partition_bytes(&c));
    if (partition_load(bytes_of(saved, n), memory, &c, &p, NULL) != ERR_OK ||
        partition_save(p, again, sizeof again, &m) != ERR_OK || n != m ||
        memcmp(saved, again, n) != 0)
        abort();
    replace(w, p, memory);
}

static void take(struct world *w, const struct partition_record *record)
{
    enum err e;

    do {
        e = partition_step(w->p, record, &w->out);
        while (e == ERR_CAPACITY && w->out.need.state) {
            grow(w);
            e = partition_step(w->p, record, &w->out);
        }
        if (e == ERR_CAPACITY)
            abort(); /* inputs are too short to fill OUT_N */
    } while (e == ERR_OK && w->out.more);
    partition_check_all(w->p);
    w->offset++;
}

static const char *const names[] = {"i-a", "i-b", "1-a", "2-b", "3-c", "4-d", "x-enc1", "x-enc2"};

static struct bytes name_of(uint8_t byte)
{
    return bytes_of_string(names[byte % 8]);
}

static void fill_run(struct event_run *run, const uint8_t *b, int64_t when)
{
    run->run_id = name_of((uint8_t)(2 + b[4] % 4));
    run->has =
        (uint32_t)(b[5] | b[6] << 8) & 0x1ffff & ~(uint32_t)(RUN_HAS_CPU_IDS | RUN_HAS_METADATA);
    run->enclave_id = name_of((uint8_t)(6 + b[7] % 2));
    run->name = run->eif_path = name_of(b[7]);
    run->pcr0 = run->pcr1 = run->pcr2 = run->pcr8 = name_of(b[8]);
    run->pid = b[7] % 3;
    run->vcpus = (int8_t)b[8];
    run->memory_mib = (int8_t)b[9];
    run->allocated_time = when - (int64_t)b[10] * 60000;
    run->running_time = when - (int64_t)b[11] * 60000;
}

static void one_event(struct world *w, const uint8_t *b)
{
    struct event e = {0};
    struct event_run listed = {0};
    /* Steps of log time from 0 to about nine days, backwards now and then. */
    int64_t step = (int64_t)b[1] * b[1] * b[1] * 50;
    int64_t when;

    w->now += (b[0] & 0x80) != 0 ? -step / 16 : step;
    if (w->now < 0)
        w->now = 0;
    when = w->now - (int64_t)b[2] * b[2] * 3000;
    e.type = b[0] % EVENT_TYPE_N;
    e.instance_id = name_of(b[3] % 2);
    memset(e.producer_epoch.bytes, 1 + (b[3] >> 1) % 4, EVENT_UUID_BYTES);
    memset(e.boot_id.bytes, (b[3] >> 3) % 3, EVENT_UUID_BYTES);
    e.has = (b[3] & 0x20) != 0 ? EVENT_HAS_PREV_EPOCH | EVENT_HAS_PREV_SEQ : 0;
    memset(e.prev_epoch.bytes, 1 + b[4] % 4, EVENT_UUID_BYTES);
    e.prev_seq = b[5] % 8;
    e.seq = b[9] % 16;
    e.event_time = e.observed_time = when;
    e.low_watermark = (b[3] & 0x40) != 0 ? when : 0;
    e.evidence = b[10] % EVIDENCE_N;
    fill_run(&e.run, b, when);
    e.end_cause = b[11] % END_CAUSE_N;
    e.has |= (b[11] & 0x40) != 0 ? EVENT_HAS_END_TIME_EARLIEST : 0;
    e.end_time_earliest = when - 1000;
    if (e.type == EVENT_SNAPSHOT || e.type == EVENT_HEARTBEAT) {
        fill_run(&listed, b, when);
        e.running = &listed;
        e.running_n = 1;
    }
    struct partition_record record = {.kind = b[0] == 0x7f ? RECORD_UNDECODABLE : RECORD_EVENT,
                                      .offset = w->offset,
                                      .append_time = w->now,
                                      .event = &e};
    take(w, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct partition_capacity c = {.instances = 1,
                                   .epochs = 2,
                                   .intervals = 2,
                                   .runs = 2,
                                   .corrections = 2,
                                   .dead_letters = 1,
                                   .blobs = 16,
                                   .blob_bytes = 1024};
    struct partition_identity id = {.era = 1, .first_hour = 0};

    if (size > EVENT_BYTES * 200)
        return 0;
    w.memory = aligned_alloc(16, partition_bytes(&c));
    w.p = partition_init(w.memory, &c, &id);
    w.offset = 0;
    w.now = HOUR_MS;
    w.out = (struct partition_out){.lines = w.lines,
                                   .lines_cap = OUT_N,
                                   .missing = w.missing,
                                   .missing_cap = OUT_N,
                                   .gaps = w.gaps,
                                   .gaps_cap = OUT_N,
                                   .pairs = w.pairs,
                                   .pairs_cap = OUT_N,
                                   .dead_letters = w.dead_letters,
                                   .dead_letters_cap = OUT_N};
    for (size_t at = 0; at + EVENT_BYTES <= size; at += EVENT_BYTES)
        one_event(&w, data + at);
    round_trip(&w);
    free(w.memory);
    return 0;
}
