/*
 * The HTTP server over a real loopback socket, in front of a worker with two enclaves.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "aggregator/edge/http.h"
#include "aggregator/edge/http_reply.h"
#include "common/clock.h"
#include "common/log.h"
#include "schemas/c/codec.h"
#include "tests/unit/memory_store.h"

#define T0 (INT64_C(490000) * HOUR_MS) /* 2025-11-24T16:00:00Z */

enum { MINUTE = 60 * 1000, ANSWER_MAX = 256 * 1024 };

struct fixture {
    struct memory_store *m;
    struct decoder_cache *decoders;
    struct worker *w;
    struct http *http;
    struct tenant_map tenants;
    struct tenant_rule rule;
    int64_t offset;
    int64_t silent_ms;
    char answer[ANSWER_MAX];
    unsigned status;
};

static enum err ask_range(void *context, int32_t partition, struct worker_log_range *range,
                          struct err_detail *detail)
{
    (void)context, (void)partition, (void)detail;
    *range = (struct worker_log_range){0, 0};
    return ERR_OK;
}

static void take(struct fixture *f, const struct event *event, int64_t append_time)
{
    uint8_t buffer[1024];
    size_t frame = frame_put_single_object(buffer), len;
    struct err_detail why;

    assert_int_equal(event_encode(event, buffer + frame, sizeof buffer - frame, &len), ERR_OK);
    const struct worker_record record = {
        .offset = f->offset++,
        .append_time = append_time,
        .log_append_time = true,
        .value = bytes_of(buffer, frame + len),
    };
    assert_int_equal(worker_take(f->w, &record, append_time, &why), ERR_OK);
}

static struct event host_event(enum event_type type, int64_t seq, int64_t time)
{
    return (struct event){
        .type = type,
        .instance_id = BYTES_LITERAL("i-1"),
        .producer_epoch = {{7}},
        .boot_id = {{9}},
        .seq = seq,
        .event_time = time,
        .observed_time = time,
        .low_watermark = time,
        .evidence = EVIDENCE_LOG,
    };
}

static struct event_run run_named(const char *id, const char *name)
{
    return (struct event_run){
        .run_id = bytes_of_string(id),
        .has = RUN_HAS_NAME | RUN_HAS_VCPUS | RUN_HAS_MEMORY_MIB | RUN_HAS_ALLOCATED_TIME |
               RUN_HAS_RUNNING_TIME | RUN_HAS_PID,
        .name = bytes_of_string(name),
        .vcpus = 2,
        .memory_mib = 1024,
        .pid = id[0],
        .allocated_time = T0 + 10 * MINUTE,
        .running_time = T0 + 11 * MINUTE,
    };
}

/* One enclave ran from minute 10 to 20, one runs on; the host was heard of at minute 40. */
static void live(struct fixture *f)
{
    struct event_run ended = run_named("a", "payments-1"), running = run_named("b", "<b>evil\"");
    struct event e = host_event(EVENT_RUNNING, 1, T0 + 11 * MINUTE);

    e.run = ended;
    take(f, &e, T0 + 11 * MINUTE);
    e.seq = 2;
    e.run = running;
    take(f, &e, T0 + 11 * MINUTE + 1);
    e = host_event(EVENT_ENDED, 3, T0 + 20 * MINUTE);
    e.run = ended;
    e.end_cause = END_TERMINATED;
    take(f, &e, T0 + 20 * MINUTE);
    e = host_event(EVENT_SNAPSHOT, 4, T0 + 40 * MINUTE);
    e.running = &running;
    e.running_n = 1;
    take(f, &e, T0 + 40 * MINUTE);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err_detail detail;

    f->m = memory_store_new();
    assert_int_equal(decoder_cache_new(&f->decoders, &detail), ERR_OK);
    const struct worker_options options = {
        .store = &f->m->store,
        .decoders = f->decoders,
        .era = 1,
        .partition = 3,
        .first_hour = T0,
        .checkpoint_interval_ms = MINUTE,
        .log_range = ask_range,
    };
    assert_int_equal(worker_open(&options, T0, &f->w, &detail), ERR_OK);
    f->rule = (struct tenant_rule){
        .tenant = BYTES_LITERAL("acme"),
        .from = INT64_MIN,
        .to = INT64_MAX,
        .by = TENANT_BY_NAME,
        .value = BYTES_LITERAL("payments-*"),
    };
    f->tenants = (struct tenant_map){&f->rule, 1};
    if (http_start("127.0.0.1:0", &f->tenants, &f->http, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    http_stop(f->http);
    worker_free(f->w);
    decoder_cache_free(f->decoders);
    store_close(&f->m->store);
    free(f);
    return 0;
}

static void publish(struct fixture *f, const char *reason, bool joined)
{
    const struct consumer_view view = {
        .partition = 3,
        .worker = f->w,
        .reason = reason,
        .caught_up = true,
        .lag = 7,
        .silent_ms = f->silent_ms,
    };
    const struct http_sealing sealing = {.next_hour = T0, .committed = 2};
    struct http_snapshot *snapshot;
    struct err_detail detail;

    assert_int_equal(
        http_snapshot_of_views(&view, 1, joined, &sealing, T0 + 40 * MINUTE, &snapshot, &detail),
        ERR_OK);
    http_publish(f->http, snapshot);
}

/* Sends a request and reads to the end; gives what follows the headers. */
static const char *request(struct fixture *f, const char *method, const char *path,
                           const char *host)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(http_port(f->http)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char text[512];
    size_t len = 0;
    ssize_t n;

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method,
             path, host);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    while ((n = read(fd, f->answer + len, ANSWER_MAX - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    f->answer[len] = '\0';
    assert_int_equal(sscanf(f->answer, "HTTP/1.1 %u", &f->status), 1);
    const char *body = strstr(f->answer, "\r\n\r\n");
    assert_non_null(body);
    return body + 4;
}

static const char *get(struct fixture *f, const char *path)
{
    return request(f, "GET", path, "localhost");
}

static cJSON *get_json(struct fixture *f, const char *path)
{
    cJSON *json = cJSON_Parse(get(f, path));

    assert_int_equal(f->status, 200);
    assert_non_null(json);
    return json;
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *text(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void enclaves_show_what_runs_and_what_has_ended(void **state)
{
    struct fixture *f = *state;

    live(f);
    publish(f, "", true);
    cJSON *json = get_json(f, "/v1/enclaves");
    const cJSON *running = cJSON_GetObjectItem(json, "running");
    const cJSON *ended = cJSON_GetObjectItem(json, "ended");
    assert_int_equal(cJSON_GetArraySize(running), 1);
    assert_int_equal(cJSON_GetArraySize(ended), 1);
    const cJSON *one = cJSON_GetArrayItem(running, 0);
    assert_string_equal(text(one, "name"), "<b>evil\"");
    assert_string_equal(text(one, "tenant"), "unattributed");
    assert_string_equal(text(one, "state"), "RUNNING");
    assert_true(number(one, "held_ms") == 30 * MINUTE);
    one = cJSON_GetArrayItem(ended, 0);
    assert_string_equal(text(one, "tenant"), "acme");
    assert_string_equal(text(one, "end_cause"), "TERMINATED");
    assert_true(number(one, "held_ms") == 10 * MINUTE);
    assert_true(number(one, "running_ms") == 9 * MINUTE);
    cJSON_Delete(json);
}

static void enclaves_of_one_tenant_and_up_to_a_limit(void **state)
{
    struct fixture *f = *state;

    live(f);
    publish(f, "", true);
    cJSON *json = get_json(f, "/v1/enclaves?tenant=acme");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "running")), 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "ended")), 1);
    cJSON_Delete(json);
    json = get_json(f, "/v1/enclaves?limit=0");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "running")), 0);
    assert_true(number(json, "running_total") == 1);
    cJSON_Delete(json);
    get(f, "/v1/enclaves?limit=100000");
    assert_int_equal(f->status, 200);
    get(f, "/v1/enclaves?limit=100001");
    assert_int_equal(f->status, 400);
    get(f, "/v1/enclaves?limit=-1");
    assert_int_equal(f->status, 400);
}

static void usage_adds_up_per_tenant_within_the_hour(void **state)
{
    struct fixture *f = *state;

    live(f);
    publish(f, "", true);
    cJSON *json = get_json(f, "/v1/usage?hour=2025-11-24T16:00:00Z");
    const cJSON *tenants = cJSON_GetObjectItem(json, "tenants");
    assert_int_equal(cJSON_GetArraySize(tenants), 2);
    const cJSON *acme = cJSON_GetArrayItem(tenants, 0);
    assert_string_equal(text(acme, "tenant"), "acme");
    assert_true(number(acme, "enclaves") == 1);
    assert_true(number(acme, "held_ms") == 10 * MINUTE);
    assert_true(number(acme, "vcpu_ms") == 2 * 10 * MINUTE);
    assert_true(number(acme, "mib_ms") == 1024.0 * 10 * MINUTE);
    assert_string_equal(text(cJSON_GetArrayItem(tenants, 1), "tenant"), "unattributed");
    cJSON_Delete(json);
}

static void usage_of_an_hour_that_may_be_closed_is_looked_for_in_the_sink(void **state)
{
    struct fixture *f = *state;

    live(f);
    publish(f, "", true);
    assert_non_null(strstr(get(f, "/v1/usage?hour=2025-11-24T15:00:00Z"), "rollup/"));
    assert_int_equal(f->status, 404);
    get(f, "/v1/usage?hour=2025-11-24T16:30:00Z");
    assert_int_equal(f->status, 400);
    get(f, "/v1/usage?hour=yesterday");
    assert_int_equal(f->status, 400);
}

static void metrics_name_partitions_and_no_enclave(void **state)
{
    struct fixture *f = *state;

    live(f);
    publish(f, "", true);
    const char *metrics = get(f, "/metrics");
    assert_int_equal(f->status, 200);
    assert_non_null(strstr(metrics, "enclave_aggregator_records_total{partition=\"3\"} 4\n"));
    assert_non_null(strstr(metrics, "enclave_aggregator_lag_records{partition=\"3\"} 7\n"));
    assert_non_null(strstr(metrics, "enclave_aggregator_open_runs{partition=\"3\"} 1\n"));
    assert_non_null(strstr(metrics, "enclave_aggregator_notices_total{kind=\"duplicate\"} 0\n"));
    assert_non_null(strstr(metrics, "enclave_aggregator_seals_total 2\n"));
    assert_null(strstr(metrics, "payments"));
    assert_null(strstr(metrics, "i-1"));
}

static void readiness_follows_group_and_partitions(void **state)
{
    struct fixture *f = *state;

    publish(f, "", false);
    get(f, "/readyz");
    assert_int_equal(f->status, 503);
    publish(f, "", true);
    get(f, "/readyz");
    assert_int_equal(f->status, 200);
    /* a record that the broker did not stamp makes the partition wait */
    const struct worker_record record = {.offset = 0, .append_time = T0};
    struct err_detail why;
    assert_int_equal(worker_take(f->w, &record, T0, &why), ERR_AGAIN);
    publish(f, worker_reason(f->w), true);
    assert_non_null(strstr(get(f, "/readyz"), "LogAppendTime"));
    assert_int_equal(f->status, 503);
}

static void a_log_that_does_not_even_return_ticks_is_not_ready(void **state)
{
    struct fixture *f = *state;

    f->silent_ms = 3 * MINUTE + HTTP_SILENCE_GRACE_MS; /* tick_interval is a minute */
    publish(f, "", true);
    get(f, "/readyz");
    assert_int_equal(f->status, 200);
    f->silent_ms++;
    publish(f, "", true);
    assert_non_null(strstr(get(f, "/readyz"), "TICK"));
    assert_int_equal(f->status, 503);
}

static void health_needs_no_snapshot(void **state)
{
    struct fixture *f = *state;

    get(f, "/healthz");
    assert_int_equal(f->status, 200);
}

static void snapshots_are_due_only_while_somebody_asks(void **state)
{
    struct fixture *f = *state;
    int64_t now_ms = clock_monotonic_ms();

    assert_false(http_beat(f->http, now_ms));
    publish(f, "", true);
    get(f, "/metrics");
    assert_false(http_beat(f->http, now_ms)); /* the newest is young enough */
    assert_true(http_beat(f->http, now_ms + 2 * HTTP_SNAPSHOT_INTERVAL_MS));
    assert_false(http_beat(f->http, now_ms + 2 * HTTP_ASKED_MS)); /* nobody asked any more */
}

static void the_page_needs_nothing_from_elsewhere(void **state)
{
    struct fixture *f = *state;
    const char *page = get(f, "/");

    assert_int_equal(f->status, 200);
    assert_null(strstr(page, "http://"));
    assert_null(strstr(page, "https://"));
    assert_null(strstr(page, "innerHTML"));
    assert_non_null(strstr(f->answer, "default-src 'none'"));
}

static void other_methods_paths_and_hosts_are_refused(void **state)
{
    struct fixture *f = *state;

    request(f, "POST", "/metrics", "localhost");
    assert_int_equal(f->status, 405);
    get(f, "/etc/passwd");
    assert_int_equal(f->status, 404);
    request(f, "GET", "/healthz", "attacker.example");
    assert_int_equal(f->status, 403);
    request(f, "GET", "/healthz", "127.0.0.1.attacker.example");
    assert_int_equal(f->status, 403);
    request(f, "GET", "/healthz", "127.0.0.1:8080");
    assert_int_equal(f->status, 200);
}

static void only_loopback_addresses_are_listened_to(void **state)
{
    static const char *const good[] = {"off", "127.0.0.1:8080", "127.1.2.3:1", "[::1]:65535"};
    static const char *const bad[] = {"",           "0.0.0.0:8080",   "10.0.0.1:80",
                                      "[::]:80",    "127.0.0.1",      "127.0.0.1:65536",
                                      "127.0.0.1:", "localhost:8080", "on"};
    struct err_detail detail;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(http_listen_check(good[i], &detail), ERR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (http_listen_check(bad[i], &detail) != ERR_CONFIG)
            fail_msg("\"%s\" was accepted", bad[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(enclaves_show_what_runs_and_what_has_ended),
        TEST(enclaves_of_one_tenant_and_up_to_a_limit),
        TEST(usage_adds_up_per_tenant_within_the_hour),
        TEST(usage_of_an_hour_that_may_be_closed_is_looked_for_in_the_sink),
        TEST(metrics_name_partitions_and_no_enclave),
        TEST(readiness_follows_group_and_partitions),
        TEST(a_log_that_does_not_even_return_ticks_is_not_ready),
        TEST(health_needs_no_snapshot),
        TEST(snapshots_are_due_only_while_somebody_asks),
        TEST(the_page_needs_nothing_from_elsewhere),
        TEST(other_methods_paths_and_hosts_are_refused),
        cmocka_unit_test(only_loopback_addresses_are_listened_to),
    };
    const struct log_settings quiet = {LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, STDERR_FILENO};

    log_configure(&quiet);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
