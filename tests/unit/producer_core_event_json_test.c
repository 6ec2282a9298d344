/*
 * Events as JSON lines: names, forms, what is left out, and what text cannot do to a line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "producer/core/event_json.h"

static char out[64 * 1024];

static const char *json_of(const struct event *event)
{
    size_t len;

    assert_int_equal(event_json_write(event, out, sizeof out - 1, &len), ERR_OK);
    assert_int_equal(out[len - 1], '\n');
    out[len - 1] = '\0';
    assert_null(strchr(out, '\n'));
    return out;
}

static struct event_run a_run(void)
{
    static const int32_t ids[] = {1, 5};

    return (struct event_run){
        .run_id = BYTES_LITERAL("7-3e8"),
        .has = RUN_HAS_PID | RUN_HAS_VCPUS | RUN_HAS_CPU_IDS | RUN_HAS_MEMORY_MIB |
               RUN_HAS_DEBUG_MODE | RUN_HAS_ALLOCATED_TIME,
        .pid = 7,
        .vcpus = 2,
        .cpu_ids = {ids, 2},
        .memory_mib = 64,
        .allocated_time = INT64_C(1795220632560),
    };
}

static void an_event_of_a_run_names_what_is_known_and_nothing_else(void **state)
{
    struct event e = {.type = EVENT_ENDED,
                      .instance_id = BYTES_LITERAL("i-1"),
                      .seq = 3,
                      .event_time = INT64_C(1795220632560),
                      .observed_time = INT64_C(1795220632561),
                      .evidence = EVIDENCE_LOG,
                      .run = a_run(),
                      .end_cause = END_SIGNALLED,
                      .end_detail = BYTES_LITERAL("SIGTERM")};

    (void)state;
    assert_string_equal(
        json_of(&e),
        "{\"type\":\"ENDED\",\"instance_id\":\"i-1\",\"seq\":3,\"event_time\":"
        "\"2026-11-21T00:23:52.560Z\",\"observed_time\":\"2026-11-21T00:23:52.561Z\",\"evidence\":"
        "\"LOG\",\"run_id\":\"7-3e8\",\"pid\":7,\"vcpus\":2,\"cpu_ids\":[1,5],\"memory_mib\":64,"
        "\"debug_mode\":false,\"allocated_time\":\"2026-11-21T00:23:52.560Z\",\"end_cause\":"
        "\"SIGNALLED\",\"end_detail\":\"SIGTERM\"}");
}

static void uuids_watermark_and_links_appear_when_they_are_stated(void **state)
{
    struct event e = {.type = EVENT_HEARTBEAT,
                      .has = EVENT_HAS_PREV_EPOCH | EVENT_HAS_PREV_SEQ | EVENT_HAS_DISPUTED_BY |
                             EVENT_HAS_END_TIME_EARLIEST,
                      .producer_epoch = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01,
                                          0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}},
                      .prev_epoch = {{1}},
                      .prev_seq = 9,
                      .boot_id = {{2}},
                      .low_watermark = 1,
                      .disputed_by = EVIDENCE_PROC};

    (void)state;
    assert_string_equal(json_of(&e),
                        "{\"type\":\"HEARTBEAT\",\"producer_epoch\":"
                        "\"01234567-89ab-cdef-0123-456789abcdef\",\"prev_epoch\":"
                        "\"01000000-0000-0000-0000-000000000000\",\"prev_seq\":9,\"seq\":0,"
                        "\"boot_id\":\"02000000-0000-0000-0000-000000000000\",\"event_time\":"
                        "\"1970-01-01T00:00:00.000Z\",\"observed_time\":"
                        "\"1970-01-01T00:00:00.000Z\",\"low_watermark\":"
                        "\"1970-01-01T00:00:00.001Z\",\"evidence\":\"UNKNOWN\",\"disputed_by\":"
                        "\"PROC\",\"end_time_earliest\":\"1970-01-01T00:00:00.000Z\","
                        "\"running\":[]}");
}

static void a_snapshot_lists_runs_and_host(void **state)
{
    static const struct event_pair tags[] = {{BYTES_LITERAL("a\"b"), BYTES_LITERAL("c\n")}};
    static const uint8_t pcr[48] = {0xab};
    struct event_run runs[2] = {a_run(), {.run_id = BYTES_LITERAL("8-1")}};
    struct event e = {.type = EVENT_SNAPSHOT,
                      .has = EVENT_HAS_HOST,
                      .running = runs,
                      .running_n = 2,
                      .host = {.region = BYTES_LITERAL("eu-west-1"),
                               .pool_vcpus = 4,
                               .pool_memory_mib = -1,
                               .boottime_ms = -1,
                               .clock_error_us = 12,
                               .tags = {tags, 1}}};

    (void)state;
    runs[1].has = RUN_HAS_PCR0 | RUN_HAS_METADATA;
    runs[1].pcr0 = bytes_of(pcr, sizeof pcr);
    runs[1].metadata = (struct event_map){tags, 1};
    cJSON *json = cJSON_Parse(json_of(&e));
    assert_non_null(json);
    const cJSON *running = cJSON_GetObjectItem(json, "running");
    assert_int_equal(cJSON_GetArraySize(running), 2);
    const cJSON *second = cJSON_GetArrayItem(running, 1);
    assert_string_equal(cJSON_GetObjectItem(second, "run_id")->valuestring, "8-1");
    assert_int_equal(strlen(cJSON_GetObjectItem(second, "pcr0")->valuestring), 96);
    assert_string_equal(
        cJSON_GetObjectItem(cJSON_GetObjectItem(second, "metadata"), "a\"b")->valuestring, "c\n");
    const cJSON *host = cJSON_GetObjectItem(json, "host");
    assert_int_equal(cJSON_GetObjectItem(host, "pool_vcpus")->valueint, 4);
    assert_null(cJSON_GetObjectItem(host, "pool_memory_mib"));
    assert_null(cJSON_GetObjectItem(host, "boottime_ms"));
    assert_null(cJSON_GetObjectItem(host, "account"));
    cJSON_Delete(json);
}

static void hostile_text_cannot_break_a_line(void **state)
{
    struct event e = {.type = EVENT_RUNNING, .run = a_run()};

    (void)state;
    e.run.has |= RUN_HAS_NAME;
    e.run.name = BYTES_LITERAL("\"}\n{\"type\":\"ENDED\"\0\xFF\x1b\xE2\x80\xA8");
    cJSON *json = cJSON_Parse(json_of(&e));
    assert_non_null(json);
    assert_string_equal(cJSON_GetObjectItem(json, "type")->valuestring, "RUNNING");
    cJSON_Delete(json);
}

static void a_buffer_that_is_too_small_is_refused_at_every_size(void **state)
{
    struct event e = {.type = EVENT_RUNNING, .run = a_run()};
    size_t full, len;

    (void)state;
    assert_int_equal(event_json_write(&e, out, sizeof out, &full), ERR_OK);
    for (size_t cap = 0; cap < full; cap++) {
        char *exact = malloc(cap + 1);
        assert_non_null(exact);
        exact[cap] = 'G';
        assert_int_equal(event_json_write(&e, exact, cap, &len), ERR_CAPACITY);
        assert_int_equal(exact[cap], 'G');
        free(exact);
    }
    assert_int_equal(event_json_write(&e, out, full, &len), ERR_OK);
    assert_int_equal(len, full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_of_a_run_names_what_is_known_and_nothing_else),
        cmocka_unit_test(uuids_watermark_and_links_appear_when_they_are_stated),
        cmocka_unit_test(a_snapshot_lists_runs_and_host),
        cmocka_unit_test(hostile_text_cannot_break_a_line),
        cmocka_unit_test(a_buffer_that_is_too_small_is_refused_at_every_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
