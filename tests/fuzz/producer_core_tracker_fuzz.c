/*
 * Any sequence of statements, restarts included: 12 bytes each choose kind, pid, slot, times and
 * texts from small alphabets, so that they meet. After every step: K1…K9, dense seq, a watermark
 * that never falls, events that can be encoded, and state that survives saving.
 */
#include <stdio.h>
#include <stdlib.h>

#include "producer/core/tracker.h"
#include "schemas/c/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STATEMENT_BYTES = 12, STATEMENTS_MAX = 2000, RESTART = STATEMENT_KIND_N };

static struct tracker tracker;
static struct tracker_options options;
static int64_t seq, watermark;

static void require(int condition)
{
    if (!condition)
        abort();
}

static void require_invariants(void)
{
    const char *problem = tracker_check_all(&tracker);

    if (problem != NULL)
        fprintf(stderr, "%s\n", problem);
    require(problem == NULL);
}

static void restart(uint8_t how)
{
    static uint8_t saved[TRACKER_SAVE_MAX], again[TRACKER_SAVE_MAX];
    size_t n = tracker_save(&tracker, saved);

    options.epoch.bytes[0]++;
    options.boot_id.bytes[0] = (uint8_t)(options.boot_id.bytes[0] + (how & 1));
    require(tracker_init(&tracker, &options, NULL) == ERR_OK);
    require(tracker_load(&tracker, bytes_of(saved, n), NULL) == ERR_OK);
    require(tracker_save(&tracker, again) == n);
    require(memcmp(saved, again, n) == 0);
    seq = watermark = 0;
}

static void check_event(const struct event *e)
{
    static uint8_t record[EVENT_RECORD_MAX];
    size_t len;

    require(e->seq == (e->type == EVENT_HEARTBEAT ? seq : seq + 1));
    seq = e->seq;
    require(e->low_watermark >= watermark);
    watermark = e->low_watermark;
    require(event_encode(e, record, sizeof record, &len) == ERR_OK);
}

static void step(const uint8_t *b)
{
    static struct event events[TRACKER_EVENTS_MAX];
    static struct event_run running[TRACKER_LIVE_MAX];
    static const char *const texts[] = {"", "E36", "E19", "SIGTERM", "EXTREMELYLONGTEXTINDEED"};
    static int32_t cpu_ids[RUN_ARGS_CPU_IDS_MAX];
    struct tracker_out out = {events, TRACKER_EVENTS_MAX, 0, running, TRACKER_LIVE_MAX};
    struct event_host host = {
        .pool_vcpus = b[8] & 3, .boottime_ms = b[9] * 1000, .wall_time = b[10]};
    int64_t time_ms = (b[3] << 8 | b[4]) * (b[5] & 0x80 ? INT64_C(7919) : 1);
    uint64_t slot = b[2] & 7;
    char id[32];

    snprintf(id, sizeof id, "i-1-enc%x", b[6] & 1 ? b[2] & 7u : b[6]);
    struct statement s = {
        .source = (enum evidence)(b[5] & 7),
        .kind = (enum statement_kind)(b[0] % STATEMENT_KIND_N),
        .suspect = (b[5] & 0x40) != 0,
        .time_ms = b[5] == 0xFF ? INT64_MIN : time_ms,
        .observed_ms = time_ms,
        .boottime_ms = b[7] * 30000,
        .pid = b[1] < 0xF0 ? b[1] & 0x0F : b[1] * (INT64_MAX / 256),
        .slot = b[5] & 0x20 ? slot : 0,
        .bytes = (uint64_t)b[7] << 20,
        .boot_wait_failed = (b[5] & 0x10) != 0,
        .text = bytes_of_string(texts[b[8] % 5]),
        .enclave_id = bytes_of_string(id),
        .host = &host,
        .args = {.has_memory = b[9] & 1,
                 .memory_mib = b[10],
                 .has_cpus = (b[9] & 2) != 0,
                 .vcpus = b[11],
                 .has_cpu_ids = (b[9] & 4) != 0,
                 .cpu_ids = cpu_ids,
                 .cpu_ids_n = b[11],
                 .has_name = (b[9] & 8) != 0,
                 .name = bytes_of_string(texts[b[10] % 5])},
    };
    if (s.kind == STATEMENT_ENCLAVE_ID)
        s.slot = slot;
    if (s.kind == STATEMENT_HOST_FACTS && (b[6] & 3) == 0)
        s.host = NULL;
    enum err err = tracker_step(&tracker, &s, &out);
    require(err == ERR_OK || (s.kind == STATEMENT_HOST_FACTS && s.host == NULL));
    for (size_t i = 0; i < out.events_n; i++)
        check_event(&out.events[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    options = tracker_standard_options();
    options.instance_id = BYTES_LITERAL("i-1");
    options.boot_id.bytes[0] = size > 0 ? data[0] & 1 : 0;
    options.backfill = size > 0 && (data[0] & 2) != 0;
    require(tracker_init(&tracker, &options, NULL) == ERR_OK);
    seq = watermark = 0;
    for (size_t n = 0; size >= STATEMENT_BYTES && n < STATEMENTS_MAX; n++) {
        if (data[0] % (STATEMENT_KIND_N + 1) == RESTART)
            restart(data[1]);
        else
            step(data);
        require_invariants();
        data += STATEMENT_BYTES;
        size -= STATEMENT_BYTES;
    }
    return 0;
}
