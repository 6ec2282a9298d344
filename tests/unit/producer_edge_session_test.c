/*
 * The producer from log file to Kafka, many lives of it, against a mock cluster: what arrives is
 * decoded and must be dense, linked, in order and complete. Durability against a real kill is
 * tested in tests/integration.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/time_text.h"
#include "producer/edge/session.h"
#include "schemas/c/codec.h"
#include "tests/unit/mock_kafka.h"
#include "tests/unit/temp_dir.h"

#define INSTANCE "i-0a1b2c3d4e5f60718"
#define BOOT_1   "11111111-1111-4111-8111-111111111111\n"
#define BOOT_2   "22222222-2222-4222-8222-222222222222\n"

enum { SEEN_MAX = 8192 };

/* What a test looks at of one record. */
struct seen {
    enum event_type type;
    struct event_uuid epoch, prev_epoch;
    bool has_prev;
    int64_t prev_seq, seq, low_watermark;
    enum end_cause cause;
    bool has_end_earliest;
    size_t running_n;
};

struct world {
    struct mock_kafka mock;
    char *root;
    char log[512], boot[512], journal[512];
    struct producer_settings settings;
    struct config config;
    struct event_decoder *decoder;
    struct event_arena arena;
    struct seen seen[SEEN_MAX];
    size_t seen_n;
};

static void setting(struct world *w, const char *name, const char *value)
{
    char text[1024];
    struct err_detail detail = {{0}};

    snprintf(text, sizeof text, "%s=%s", name, value);
    if (config_set(&w->config, text, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
}

static struct world *setup(void)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    mock_kafka_start(&w->mock);
    w->root = temp_dir_new();
    snprintf(w->log, sizeof w->log, "%s/nitro_enclaves.log", w->root);
    snprintf(w->boot, sizeof w->boot, "%s/boot_id", w->root);
    snprintf(w->journal, sizeof w->journal, "%s/journal", w->root);
    temp_write_file(w->boot, BOOT_1, strlen(BOOT_1));
    assert_int_equal(config_init(&w->config, &producer_option_table, &w->settings, NULL), ERR_OK);
    setting(w, "instance.id", INSTANCE);
    setting(w, "log.path", w->log);
    setting(w, "log.poll_interval", "10ms");
    setting(w, "journal.dir", w->journal);
    setting(w, "host.boot_id_file", w->boot);
    setting(w, "kafka.bootstrap.servers", mock_kafka_servers(&w->mock));
    setting(w, "kafka.reconnect.backoff.max.ms", "100");
    assert_int_equal(event_decoder_new(event_schema_json(), &w->decoder, NULL), ERR_OK);
    return w;
}

static void teardown(struct world *w)
{
    event_decoder_free(w->decoder);
    config_free(&w->config);
    mock_kafka_stop(&w->mock);
    temp_dir_free(w->root);
    free(w);
}

/* ---- lives --------------------------------------------------------------------------------- */

enum way { UNTIL_IDLE, STOP_AT_ONCE };

/* One life. Returns the events that stayed in the journal. */
static uint64_t live_on(struct world *w, enum way way, const char *const *files, size_t files_n)
{
    char backfill[600];
    struct session *session;
    struct err_detail detail = {{0}};
    uint64_t left = 0;
    bool idle;
    int stop = eventfd(way == STOP_AT_ONCE, EFD_CLOEXEC);

    snprintf(backfill, sizeof backfill, "%s/backfill", w->journal);
    if (files != NULL && mkdir(w->journal, 0700) != 0)
        assert_int_equal(access(w->journal, W_OK), 0);
    struct session_options options = {.settings = &w->settings,
                                      .journal_dir = files == NULL ? w->journal : backfill,
                                      .files = files,
                                      .files_n = files_n,
                                      .stop_fd = stop};
    if (session_open(&options, &session, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    enum err err = session_run(session, true, &idle, &detail);
    if (err == ERR_OK && files != NULL && idle)
        err = session_finish_backfill(session, &detail);
    if (err == ERR_OK)
        err = session_stop(session, way == UNTIL_IDLE ? MOCK_TIMEOUT_MS : 0, &left, &detail);
    if (err != ERR_OK)
        fail_msg("%s: %s", err_name(err), detail.text);
    assert_int_equal(idle, way == UNTIL_IDLE);
    session_close(session);
    close(stop);
    return left;
}

static void live(struct world *w)
{
    assert_int_equal(live_on(w, UNTIL_IDLE, NULL, 0), 0);
}

static void see(void *user, const rd_kafka_message_t *message)
{
    struct world *w = user;
    struct frame frame;
    struct event e;

    assert_int_equal(frame_parse(bytes_of(message->payload, message->len), &frame), ERR_OK);
    assert_int_equal(frame.fingerprint, event_decoder_fingerprint(w->decoder));
    assert_int_equal(event_decode(w->decoder, frame.body, &w->arena, &e), ERR_OK);
    assert_true(bytes_equal(e.instance_id, BYTES_LITERAL(INSTANCE)));
    assert_true(bytes_equal(bytes_of(message->key, message->key_len), BYTES_LITERAL(INSTANCE)));
    assert_true(w->seen_n < SEEN_MAX);
    w->seen[w->seen_n++] = (struct seen){
        .type = e.type,
        .epoch = e.producer_epoch,
        .prev_epoch = e.prev_epoch,
        .has_prev = (e.has & EVENT_HAS_PREV_EPOCH) != 0 && (e.has & EVENT_HAS_PREV_SEQ) != 0,
        .prev_seq = e.prev_seq,
        .seq = e.seq,
        .low_watermark = e.low_watermark,
        .cause = e.end_cause,
        .has_end_earliest = (e.has & EVENT_HAS_END_TIME_EARLIEST) != 0,
        .running_n = e.running_n};
}

/* Reads the topic and checks what holds of every producer (R1, R2, R3): the numbers of an epoch are
 * dense from 1, heartbeats repeat the last, epochs follow each other linked, watermarks never fall.
 */
static void read_topic(struct world *w)
{
    const struct seen *last = NULL;

    w->seen_n = 0;
    mock_kafka_read(&w->mock, see, w);
    for (size_t i = 0; i < w->seen_n; i++) {
        const struct seen *s = &w->seen[i];
        bool is_first = last == NULL || !event_uuid_equal(&last->epoch, &s->epoch);

        if (is_first) {
            assert_int_equal(s->seq, 1);
            assert_int_equal(s->has_prev, last != NULL);
            if (last != NULL) {
                assert_true(event_uuid_equal(&s->prev_epoch, &last->epoch));
                assert_int_equal(s->prev_seq, last->seq);
            }
        } else {
            assert_false(s->has_prev);
            assert_int_equal(s->seq, last->seq + (s->type != EVENT_HEARTBEAT));
            assert_true(s->low_watermark >= last->low_watermark);
        }
        last = s;
    }
}

static size_t count(const struct world *w, enum event_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < w->seen_n; i++)
        n += w->seen[i].type == type;
    return n;
}

static size_t count_epochs(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->seen_n; i++)
        n += i == 0 || !event_uuid_equal(&w->seen[i].epoch, &w->seen[i - 1].epoch);
    return n;
}

/* ---- logs ---------------------------------------------------------------------------------- */

/* A recorded log: one enclave, started, described and terminated. */
static uint8_t *recorded_log(size_t *len)
{
    struct stat st;
    uint8_t *data = temp_read_file(EM_TEST_DATA "/nitro-cli-logs/a_one/nitro_enclaves.log", &st);

    *len = (size_t)st.st_size;
    return data;
}

/* The lines of enclave `i`, as nitro-cli writes them: its start, and its end if `ended`. */
static void append_enclave(const char *path, uint32_t i, int64_t at_ms, bool ended)
{
    unsigned int pid = 1000 + i, slot = i + 1;
    char at[TIME_TEXT_SIZE], text[2048];
    int len;

    time_text_format(at_ms, at);
    len = snprintf(
        text, sizeof text,
        "[enc-xxxxxxx:%u][INFO][%s][src/enclave_proc/mod.rs:1] Enclave process PID: %u\n"
        "[enc-xxxxxxx:%u][INFO][%s][src/x.rs:1] Run args = RunEnclavesArgs { eif_path: "
        "\"hello.eif\", enclave_cid: None, memory_mib: 512, cpu_ids: None, debug_mode: false, "
        "attach_console: false, cpu_count: Some(2), enclave_name: Some(\"e%u\") }\n"
        "[enc-xxxxxxx:%u][INFO][%s][src/x.rs:1] Allocating memory regions to hold 536870912 "
        "bytes.\n"
        "[enc-xxxxxxx:%u][INFO][%s][src/x.rs:1] Allocated 256 region(s): 256 page(s) of 2 MB\n"
        "[enc-xxxxxxx:%u][INFO][%s][src/x.rs:1] Finished initializing memory.\n"
        "[enc-xxxxxxx:%u][INFO][%s][src/x.rs:1] Enclave ID = " INSTANCE "-enc1a1fb7cf%07x\n",
        pid, at, pid, pid, at, i, pid, at, pid, at, pid, at, pid, at, slot);
    assert_true(len > 0 && (size_t)len < sizeof text);
    temp_append_file(path, text, (size_t)len);
    if (!ended)
        return;
    len = snprintf(text, sizeof text,
                   "[enc-1a1fb7cf%07x:%u][INFO][%s][src/x.rs:1] Received command: Terminate\n"
                   "[enc-1a1fb7cf%07x:%u][INFO][%s][src/x.rs:1] Enclave has completed "
                   "termination.\n",
                   slot, pid, at, slot, pid, at);
    assert_true(len > 0 && (size_t)len < sizeof text);
    temp_append_file(path, text, (size_t)len);
}

/* `n` enclaves, one after the other, each started and terminated. */
static void append_enclaves(const char *path, uint32_t first, uint32_t n)
{
    static const int64_t base_ms = INT64_C(1795219200000); /* 2026-11-21 */

    for (uint32_t i = first; i < first + n; i++)
        append_enclave(path, i, base_ms + (int64_t)i * 1000, true);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void a_log_read_to_its_end_is_published(void **unused)
{
    (void)unused;
    struct world *w = setup();
    size_t len;
    uint8_t *log = recorded_log(&len);

    temp_write_file(w->log, log, len);
    free(log);
    live(w);
    read_topic(w);
    assert_int_equal(w->seen[0].type, EVENT_HOST_UP);
    assert_int_equal(count(w, EVENT_HOST_UP), 1);
    assert_int_equal(count(w, EVENT_ALLOCATED), 1);
    assert_int_equal(count(w, EVENT_RUNNING), 1);
    assert_int_equal(count(w, EVENT_ENDED), 1);
    assert_true(count(w, EVENT_SNAPSHOT) >= 1);
    assert_int_equal(count(w, EVENT_HOST_DOWN), 0); /* R9 */
    teardown(w);
}

static void the_next_life_links_to_the_one_before_and_repeats_nothing(void **unused)
{
    (void)unused;
    struct world *w = setup();
    size_t len;
    uint8_t *log = recorded_log(&len);

    temp_write_file(w->log, log, len);
    free(log);
    for (int i = 0; i < 3; i++)
        live(w);
    read_topic(w);
    assert_int_equal(count_epochs(w), 3);
    assert_int_equal(count(w, EVENT_ALLOCATED), 1);
    assert_int_equal(count(w, EVENT_RUNNING), 1);
    assert_int_equal(count(w, EVENT_ENDED), 1);
    teardown(w);
}

static void a_log_cut_anywhere_between_two_lives_gives_the_same_runs(void **unused)
{
    (void)unused;
    size_t len;
    uint8_t *log = recorded_log(&len);

    for (size_t part = 1; part < 8; part++) {
        struct world *w = setup();
        size_t cut = len * part / 8; /* in the middle of a line, mostly */

        temp_write_file(w->log, log, cut);
        live(w);
        temp_append_file(w->log, log + cut, len - cut);
        live(w);
        read_topic(w);
        assert_int_equal(count_epochs(w), 2);
        assert_int_equal(count(w, EVENT_ALLOCATED), 1);
        assert_int_equal(count(w, EVENT_RUNNING), 1);
        assert_int_equal(count(w, EVENT_ENDED), 1);
        teardown(w);
    }
    free(log);
}

static void a_reboot_ends_what_was_running(void **unused)
{
    (void)unused;
    struct world *w = setup();

    append_enclave(w->log, 0, clock_wall_ms(), false);
    append_enclave(w->log, 1, clock_wall_ms(), true);
    live(w);
    read_topic(w);
    assert_int_equal(count(w, EVENT_RUNNING), 2);
    assert_int_equal(count(w, EVENT_ENDED), 1);
    live(w); /* same boot: it runs on */
    read_topic(w);
    assert_int_equal(count(w, EVENT_ENDED), 1);
    assert_int_equal(w->seen[w->seen_n - 1].running_n, 1);
    temp_write_file(w->boot, BOOT_2, strlen(BOOT_2));
    live(w);
    read_topic(w);
    assert_int_equal(count(w, EVENT_ENDED), 2);
    assert_int_equal(w->seen[w->seen_n - 1].running_n, 0);
    for (size_t i = w->seen_n; i-- > 0;)
        if (w->seen[i].type == EVENT_ENDED) {
            assert_int_equal(w->seen[i].cause, END_HOST_REBOOT);
            assert_true(w->seen[i].has_end_earliest);
            break;
        }
    teardown(w);
}

static void what_was_not_delivered_is_published_first_by_the_next_life(void **unused)
{
    (void)unused;
    struct world *w = setup();

    append_enclaves(w->log, 0, 3);
    assert_int_equal(rd_kafka_mock_broker_set_down(w->mock.cluster, -1), 0);
    uint64_t left = live_on(w, STOP_AT_ONCE, NULL, 0);
    assert_true(left >= 1);
    assert_int_equal(rd_kafka_mock_broker_set_up(w->mock.cluster, -1), 0);
    live(w);
    read_topic(w); /* checks that the old epoch comes first and is linked to */
    assert_int_equal(count_epochs(w), 2);
    assert_int_equal(count(w, EVENT_ALLOCATED), 3);
    assert_int_equal(count(w, EVENT_ENDED), 3);
    teardown(w);
}

static void a_full_journal_delays_and_loses_nothing(void **unused)
{
    (void)unused;
    struct world *w = setup();
    enum { ENCLAVES = 1500 };

    /* Below what configuration allows, so that a few hundred events fill it. */
    w->settings.journal_segment_bytes = JOURNAL_SEGMENT_BYTES_MIN;
    w->settings.journal_max_bytes = 2 * JOURNAL_SEGMENT_BYTES_MIN;
    append_enclaves(w->log, 0, ENCLAVES);
    assert_int_equal(rd_kafka_mock_broker_set_down(w->mock.cluster, -1), 0);
    uint64_t before = 0, left = 0;
    for (int i = 0; i < 40; i++) {
        before = left;
        left = live_on(w, STOP_AT_ONCE, NULL, 0);
    }
    assert_true(left > 0);
    assert_int_equal(left, before); /* full: nothing was added any more */
    assert_int_equal(rd_kafka_mock_broker_set_up(w->mock.cluster, -1), 0);
    live(w);
    read_topic(w);
    assert_int_equal(count(w, EVENT_ALLOCATED), ENCLAVES);
    assert_int_equal(count(w, EVENT_RUNNING), ENCLAVES);
    assert_int_equal(count(w, EVENT_ENDED), ENCLAVES);
    teardown(w);
}

static void the_journal_of_another_instance_is_refused(void **unused)
{
    (void)unused;
    struct world *w = setup();
    struct session *session;
    struct err_detail detail = {{0}};

    temp_write_file(w->log, "", 0);
    live(w);
    setting(w, "instance.id", "i-00000000000000002");
    struct session_options options = {
        .settings = &w->settings, .journal_dir = w->journal, .stop_fd = -1};
    assert_int_equal(session_open(&options, &session, &detail), ERR_CONFLICT);
    assert_non_null(strstr(detail.text, INSTANCE));
    teardown(w);
}

static void without_a_broker_configured_it_says_so(void **unused)
{
    (void)unused;
    struct world *w = setup();
    struct session *session;
    struct err_detail detail = {{0}};

    w->settings.kafka.n = 0;
    struct session_options options = {
        .settings = &w->settings, .journal_dir = w->journal, .stop_fd = -1};
    assert_int_equal(session_open(&options, &session, &detail), ERR_CONFIG);
    assert_non_null(strstr(detail.text, "kafka.bootstrap.servers"));
    teardown(w);
}

/* ---- backfill ------------------------------------------------------------------------------ */

static void a_backfill_states_no_watermark_and_lists_nothing(void **unused)
{
    (void)unused;
    struct world *w = setup();
    char old[600];

    snprintf(old, sizeof old, "%s/old.log", w->root);
    append_enclaves(old, 0, 4);
    append_enclaves(w->log, 4, 2);
    const char *files[] = {old, w->log};
    assert_int_equal(live_on(w, UNTIL_IDLE, files, 2), 0);
    read_topic(w);
    assert_int_equal(count_epochs(w), 1);
    assert_int_equal(count(w, EVENT_ALLOCATED), 6);
    assert_int_equal(count(w, EVENT_ENDED), 6);
    assert_int_equal(count(w, EVENT_SNAPSHOT), 0);
    assert_int_equal(count(w, EVENT_HEARTBEAT), 0);
    for (size_t i = 0; i < w->seen_n; i++)
        assert_int_equal(w->seen[i].low_watermark, 0);
    teardown(w);
}

static void an_interrupted_backfill_goes_on_where_it_was(void **unused)
{
    (void)unused;
    struct world *w = setup();

    append_enclaves(w->log, 0, 2000);
    const char *files[] = {w->log};
    w->settings.journal_segment_bytes = JOURNAL_SEGMENT_BYTES_MIN; /* small batches */
    for (int i = 0; i < 5; i++)
        live_on(w, STOP_AT_ONCE, files, 1);
    assert_int_equal(live_on(w, UNTIL_IDLE, files, 1), 0);
    read_topic(w);
    assert_true(count_epochs(w) > 1);
    assert_int_equal(count(w, EVENT_ALLOCATED), 2000);
    assert_int_equal(count(w, EVENT_ENDED), 2000);
    teardown(w);
}

static void an_interrupted_backfill_is_not_mixed_with_other_files(void **unused)
{
    (void)unused;
    struct world *w = setup();
    char other[600], backfill[600];
    struct session *session;
    struct err_detail detail = {{0}};

    snprintf(other, sizeof other, "%s/other.log", w->root);
    snprintf(backfill, sizeof backfill, "%s/backfill", w->journal);
    append_enclaves(other, 0, 1);
    append_enclaves(w->log, 0, 2000);
    const char *files[] = {w->log}, *others[] = {other};
    w->settings.journal_segment_bytes = JOURNAL_SEGMENT_BYTES_MIN;
    live_on(w, STOP_AT_ONCE, files, 1);
    struct session_options options = {.settings = &w->settings,
                                      .journal_dir = backfill,
                                      .files = others,
                                      .files_n = 1,
                                      .stop_fd = -1};
    assert_int_equal(session_open(&options, &session, &detail), ERR_CONFLICT);
    assert_non_null(strstr(detail.text, "unfinished backfill"));
    live_on(w, UNTIL_IDLE, files, 1);
    live_on(w, UNTIL_IDLE, others, 1); /* finished: now others may follow */
    w->seen_n = 0;
    mock_kafka_read(&w->mock, see, w);
    assert_int_equal(count(w, EVENT_ALLOCATED), 2001);
    assert_int_equal(w->seen[w->seen_n - 1].seq, 3);
    teardown(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_read_to_its_end_is_published),
        cmocka_unit_test(the_next_life_links_to_the_one_before_and_repeats_nothing),
        cmocka_unit_test(a_log_cut_anywhere_between_two_lives_gives_the_same_runs),
        cmocka_unit_test(a_reboot_ends_what_was_running),
        cmocka_unit_test(what_was_not_delivered_is_published_first_by_the_next_life),
        cmocka_unit_test(a_full_journal_delays_and_loses_nothing),
        cmocka_unit_test(the_journal_of_another_instance_is_refused),
        cmocka_unit_test(without_a_broker_configured_it_says_so),
        cmocka_unit_test(a_backfill_states_no_watermark_and_lists_nothing),
        cmocka_unit_test(an_interrupted_backfill_goes_on_where_it_was),
        cmocka_unit_test(an_interrupted_backfill_is_not_mixed_with_other_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
