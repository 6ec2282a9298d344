/*
 * Encoder and decoder with our own schema: round trips, limits, framing, hostile bytes. Other
 * writers' schemas: schemas_evolution_test.c; other implementations: schemas_avro_c_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/c/avro_buffer.h"
#include "schemas/c/codec.h"
#include "schemas/c/schema_text.h"
#include "tests/unit/schemas_random_event.h"

static struct event_decoder *decoder;
static struct event_arena arena;
static struct random_event random_one;
static uint8_t buffer[EVENT_RECORD_MAX];
static uint8_t text[EVENT_RECORD_MAX];

static int make_decoder(void **state)
{
    struct err_detail detail;

    (void)state;
    if (event_decoder_new(event_schema_json(), &decoder, &detail) != ERR_OK) {
        print_error("%s\n", detail.text);
        return -1;
    }
    return 0;
}

static int free_decoder(void **state)
{
    (void)state;
    event_decoder_free(decoder);
    return 0;
}

/* An exact-size copy, so that the sanitizer sees a read past the end. */
static enum err decode_copy(const uint8_t *body, size_t len, struct event *event)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    enum err err;

    assert_non_null(copy);
    memcpy(copy, body, len);
    err = event_decode(decoder, bytes_of(copy, len), &arena, event);
    free(copy);
    return err;
}

static size_t encode(const struct event *event)
{
    size_t len = 0;

    assert_int_equal(event_encode(event, buffer, sizeof buffer, &len), ERR_OK);
    return len;
}

static void an_event_that_is_encoded_and_decoded_is_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct event read;
        const char *difference;
        size_t len;

        random_event_make(&random_one, seed);
        len = encode(&random_one.event);
        assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
        difference = event_difference(&random_one.event, &read);
        if (difference != NULL)
            fail_msg("seed %llu: %s differs", (unsigned long long)seed, difference);
    }
}

static void a_heartbeat_with_four_runs_takes_at_most_200_bytes(void **state)
{
    struct event_run runs[4];
    struct event heartbeat = heartbeat_sample(runs);
    struct event read;
    size_t len;

    (void)state;
    heartbeat.seq = INT32_MAX;
    len = encode(&heartbeat);
    assert_true(len + FRAME_SINGLE_OBJECT_BYTES <= 200);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    assert_null(event_difference(&heartbeat, &read));
    assert_int_equal(read.running[3].has, 0);
}

static void every_prefix_of_a_record_is_an_error(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        size_t len;

        random_event_make(&random_one, seed);
        len = encode(&random_one.event);
        for (size_t cut = 0; cut < len; cut += 1 + len / 400) {
            struct event read;

            assert_int_equal(decode_copy(buffer, cut, &read), ERR_TRUNCATED);
        }
    }
}

static void bytes_left_over_are_malformed(void **state)
{
    struct event event = ended_sample(), read;
    size_t len = encode(&event);

    (void)state;
    buffer[len] = 0;
    assert_int_equal(decode_copy(buffer, len + 1, &read), ERR_MALFORMED);
}

static void a_record_with_any_byte_changed_never_reads_outside(void **state)
{
    struct event event = ended_sample(), read;
    size_t len = encode(&event);
    uint32_t errors = 0;

    (void)state;
    for (size_t i = 0; i < len; i++) {
        uint8_t right = buffer[i];

        for (unsigned int value = 0; value < 256; value++) {
            buffer[i] = (uint8_t)value;
            errors += decode_copy(buffer, len, &read) != ERR_OK;
        }
        buffer[i] = right;
    }
    assert_true(errors > len); /* most changes of a length or an index are noticed */
}

static void an_encoder_without_room_says_so_and_stays_inside(void **state)
{
    struct event event = ended_sample();
    size_t len = encode(&event);

    (void)state;
    for (size_t cap = 0; cap <= len; cap++) {
        uint8_t *exact = malloc(cap == 0 ? 1 : cap);
        size_t written = 0;

        assert_non_null(exact);
        assert_int_equal(event_encode(&event, exact, cap, &written),
                         cap < len ? ERR_CAPACITY : ERR_OK);
        free(exact);
    }
}

/* ---- limits: one below, at, one above -------------------------------------------------------- */

static void check_limit(const struct event *event, bool within)
{
    struct event read;
    size_t len;

    if (!within) {
        assert_int_equal(event_encode(event, buffer, sizeof buffer, &len), ERR_LIMIT);
        return;
    }
    assert_int_equal(event_encode(event, buffer, sizeof buffer, &len), ERR_OK);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    assert_null(event_difference(event, &read));
}

static void a_string_may_have_up_to_its_limit_of_bytes(void **state)
{
    struct event event = ended_sample();

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t len = EVENT_STRING_MAX - 1; len <= EVENT_STRING_MAX + 1; len++) {
        event.run.name = bytes_of(text, len);
        check_limit(&event, len <= EVENT_STRING_MAX);
    }
}

static void a_record_may_list_up_to_its_limit_of_runs(void **state)
{
    static struct event_run runs[EVENT_RUNS_MAX + 1];
    struct event_run four[4];
    struct event event = heartbeat_sample(four);

    (void)state;
    event.running = runs;
    for (event.running_n = EVENT_RUNS_MAX - 1; event.running_n <= EVENT_RUNS_MAX + 1;
         event.running_n++)
        check_limit(&event, event.running_n <= EVENT_RUNS_MAX);
}

static void cpu_ids_count_over_all_runs_of_a_record(void **state)
{
    static int32_t ids[EVENT_CPU_IDS_MAX + 1];
    struct event_run runs[2] = {{.has = RUN_HAS_CPU_IDS, .cpu_ids = {ids, EVENT_CPU_IDS_MAX / 2}},
                                {.has = RUN_HAS_CPU_IDS, .cpu_ids = {ids, 0}}};
    struct event_run four[4];
    struct event event = heartbeat_sample(four);

    (void)state;
    event.running = runs;
    event.running_n = 2;
    for (uint32_t n = EVENT_CPU_IDS_MAX / 2 - 1; n <= EVENT_CPU_IDS_MAX / 2 + 1; n++) {
        runs[1].cpu_ids.n = n;
        check_limit(&event, n <= EVENT_CPU_IDS_MAX / 2);
    }
}

static void map_entries_count_over_all_maps_of_a_record(void **state)
{
    static struct event_pair pairs[EVENT_PAIRS_MAX + 1];
    struct event event = ended_sample();

    (void)state;
    event.has |= EVENT_HAS_HOST;
    event.run.metadata = (struct event_map){pairs, 10};
    for (uint32_t n = EVENT_PAIRS_MAX - 11; n <= EVENT_PAIRS_MAX - 9; n++) {
        event.host.tags = (struct event_map){pairs, n};
        check_limit(&event, n <= EVENT_PAIRS_MAX - 10);
    }
}

/* Makes the encoding of `event` exactly `target` bytes long: full runs, then four long strings. */
static void fill_to(struct event *event, struct event_run *runs, size_t target)
{
    enum { GROWN_N = 4, BASE = 1000, GROWTH = EVENT_STRING_MAX - BASE };
    struct bytes *grown[GROWN_N] = {&event->run.name, &event->run.eif_path, &event->run.enclave_id,
                                    &event->end_detail};
    struct bytes longest = bytes_of(text, EVENT_STRING_MAX);

    for (size_t i = 0; i < GROWN_N; i++)
        *grown[i] = bytes_of(text, BASE);
    event->running = runs;
    event->running_n = 0;
    while (target - encode(event) > GROWN_N * (size_t)GROWTH)
        runs[event->running_n++] = (struct event_run){.run_id = longest,
                                                      .has = RUN_HAS_NAME | RUN_HAS_EIF_PATH,
                                                      .name = longest,
                                                      .eif_path = longest};
    for (size_t i = 0; i < GROWN_N; i++) {
        size_t missing = target - encode(event);

        grown[i]->len += missing < GROWTH ? missing : GROWTH;
    }
    assert_int_equal(encode(event), target);
}

static void a_record_may_have_up_to_its_limit_of_bytes(void **state)
{
    static struct event_run runs[EVENT_RUNS_MAX];
    struct event event = ended_sample(), read;
    size_t len;

    (void)state;
    memset(text, 'x', sizeof text);
    fill_to(&event, runs, EVENT_RECORD_MAX - 1);
    check_limit(&event, true);
    fill_to(&event, runs, EVENT_RECORD_MAX);
    check_limit(&event, true);
    event.run.run_id.len++;
    assert_int_equal(event_encode(&event, buffer, sizeof buffer, &len), ERR_LIMIT);
    assert_int_equal(event_encode(&event, buffer, sizeof buffer - 1, &len), ERR_CAPACITY);
    memset(text, 0, sizeof text);
    assert_int_equal(event_decode(decoder, bytes_of(text, EVENT_RECORD_MAX + 1), &arena, &read),
                     ERR_LIMIT);
}

/* ---- bytes that no encoder of ours writes ---------------------------------------------------- */

/* Everything up to `running`, whose encoding the caller writes. */
static struct avro_writer begin_hostile(void)
{
    struct event event = {.type = EVENT_HEARTBEAT, .instance_id = BYTES_LITERAL("i-1")};
    size_t len = encode(&event);

    return (struct avro_writer){.ptr = buffer, .cap = sizeof buffer, .len = len - 3};
}

static enum err end_hostile(struct avro_writer *w, struct event *read)
{
    avro_put_long(w, 0); /* host */
    avro_put_long(w, 0); /* policy */
    return decode_copy(w->ptr, w->len, read);
}

static void an_array_in_blocks_with_and_without_byte_sizes_is_read(void **state)
{
    struct avro_writer w = begin_hostile();
    struct event read;

    (void)state;
    avro_put_long(&w, 1);
    avro_put_bytes(&w, BYTES_LITERAL("a"));
    avro_put_long(&w, 0);
    avro_put_long(&w, -2); /* two elements in six bytes */
    avro_put_long(&w, 6);
    avro_put_bytes(&w, BYTES_LITERAL("b"));
    avro_put_long(&w, 0);
    avro_put_bytes(&w, BYTES_LITERAL("c"));
    avro_put_long(&w, 0);
    avro_put_long(&w, 0);
    assert_int_equal(end_hostile(&w, &read), ERR_OK);
    assert_int_equal(read.running_n, 3);
    assert_int_equal(read.running[2].run_id.len, 1);
}

static void a_block_whose_byte_size_is_wrong_is_malformed(void **state)
{
    (void)state;
    for (int64_t size = -1; size <= 5; size++) {
        struct avro_writer w = begin_hostile();
        struct event read;

        avro_put_long(&w, -1);
        avro_put_long(&w, size);
        avro_put_bytes(&w, BYTES_LITERAL("b"));
        avro_put_long(&w, 0);
        avro_put_long(&w, 0);
        assert_int_equal(end_hostile(&w, &read), size == 3 ? ERR_OK : ERR_MALFORMED);
    }
}

static void absurd_counts_are_refused_at_once(void **state)
{
    static const int64_t counts[] = {INT64_MAX,          INT64_MIN,  -INT64_MAX,
                                     EVENT_RUNS_MAX + 1, UINT32_MAX, 1ll << 32};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct avro_writer w = begin_hostile();
        struct event read;

        avro_put_long(&w, counts[i]);
        avro_put_long(&w, 0);
        assert_int_equal(end_hostile(&w, &read), ERR_LIMIT);
    }
}

/* Runs of nothing but an id, in two blocks: n are left for the second. */
static enum err decode_runs_in_two_blocks(uint32_t n)
{
    struct avro_writer w = begin_hostile();
    struct event read;

    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || i == 40)
            avro_put_long(&w, i == 0 ? 40 : n - 40);
        avro_put_bytes(&w, BYTES_LITERAL("r"));
        avro_put_long(&w, 0);
    }
    avro_put_long(&w, 0);
    return end_hostile(&w, &read);
}

/* One run in full, of whose nullable facts all but the one at `fact` are null. */
static struct avro_writer begin_fact(int fact)
{
    struct avro_writer w = begin_hostile();

    avro_put_long(&w, 1);
    avro_put_bytes(&w, BYTES_LITERAL("r"));
    avro_put_long(&w, 1);
    for (int i = 0; i < fact; i++)
        avro_put_long(&w, 0);
    avro_put_long(&w, 1);
    return w;
}

static enum err end_fact(struct avro_writer *w, int fact)
{
    struct event read;

    for (int i = fact + 1; i < 17; i++)
        avro_put_long(w, 0);
    avro_put_long(w, 0);
    return end_hostile(w, &read);
}

static enum err decode_cpu_ids_in_two_blocks(int64_t n)
{
    enum { CPU_IDS_FACT = 6 };
    struct avro_writer w = begin_fact(CPU_IDS_FACT);

    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || i == 1000)
            avro_put_long(&w, i == 0 ? 1000 : n - 1000);
        avro_put_long(&w, i);
    }
    avro_put_long(&w, 0);
    return end_fact(&w, CPU_IDS_FACT);
}

static enum err decode_pairs_in_two_blocks(int64_t n)
{
    enum { METADATA_FACT = 14 };
    struct avro_writer w = begin_fact(METADATA_FACT);

    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || i == 200)
            avro_put_long(&w, i == 0 ? 200 : n - 200);
        avro_put_bytes(&w, BYTES_LITERAL("key"));
        avro_put_bytes(&w, BYTES_LITERAL(""));
    }
    avro_put_long(&w, 0);
    return end_fact(&w, METADATA_FACT);
}

static void elements_count_over_all_blocks(void **state)
{
    (void)state;
    for (int off = -1; off <= 1; off++) {
        enum err err = off <= 0 ? ERR_OK : ERR_LIMIT;

        assert_int_equal(decode_runs_in_two_blocks((uint32_t)(EVENT_RUNS_MAX + off)), err);
        assert_int_equal(decode_cpu_ids_in_two_blocks(EVENT_CPU_IDS_MAX + off), err);
        assert_int_equal(decode_pairs_in_two_blocks(EVENT_PAIRS_MAX + off), err);
    }
}

static void an_int_has_at_most_32_bits(void **state)
{
    enum { VCPUS_FACT = 5 };
    static const struct {
        int64_t value;
        enum err err;
    } cases[] = {{INT32_MAX, ERR_OK},
                 {INT32_MIN, ERR_OK},
                 {1ll << 31, ERR_MALFORMED},
                 {-(1ll << 31) - 1, ERR_MALFORMED},
                 {INT64_MAX, ERR_MALFORMED}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct avro_writer w = begin_fact(VCPUS_FACT);

        avro_put_long(&w, cases[i].value);
        assert_int_equal(end_fact(&w, VCPUS_FACT), cases[i].err);
    }
}

static void indexes_outside_their_enum_or_union_are_malformed(void **state)
{
    struct event event = {.type = EVENT_HEARTBEAT, .instance_id = BYTES_LITERAL("i-1")}, read;
    size_t len = encode(&event);

    (void)state;
    buffer[0] = EVENT_TYPE_N << 1;
    assert_int_equal(decode_copy(buffer, len, &read), ERR_MALFORMED);
    buffer[0] = 1; /* −1 */
    assert_int_equal(decode_copy(buffer, len, &read), ERR_MALFORMED);
    buffer[0] = (EVENT_TYPE_N - 1) << 1;
    assert_int_equal(decode_copy(buffer, len, &read), ERR_OK);
    assert_int_equal(read.type, EVENT_HOST_GONE);
    buffer[len - 1] = 4; /* policy: branch 2 of 2 */
    assert_int_equal(decode_copy(buffer, len, &read), ERR_MALFORMED);
}

static void numbers_of_every_length_are_read_back(void **state)
{
    struct event event = {.type = EVENT_TICK}, read;

    (void)state;
    for (unsigned int bit = 0; bit < 63; bit++)
        for (int64_t off = -1; off <= 1; off++)
            for (int sign = -1; sign <= 1; sign += 2) {
                size_t len;

                event.seq = sign * ((1ll << bit) + off);
                event.event_time = event.seq;
                len = encode(&event);
                assert_int_equal(decode_copy(buffer, len, &read), ERR_OK);
                assert_null(event_difference(&event, &read));
            }
}

/* ---- framing --------------------------------------------------------------------------------- */

static void a_single_object_frame_names_the_schema_by_fingerprint(void **state)
{
    uint8_t value[FRAME_SINGLE_OBJECT_BYTES + 1] = {0};
    struct frame frame;

    (void)state;
    assert_int_equal(frame_put_single_object(value), FRAME_SINGLE_OBJECT_BYTES);
    assert_int_equal(frame_parse(bytes_of(value, sizeof value), &frame), ERR_OK);
    assert_int_equal(frame.kind, FRAME_SINGLE_OBJECT);
    assert_true(frame.fingerprint == event_decoder_fingerprint(decoder));
    assert_int_equal(frame.body.len, 1);
    for (size_t len = 0; len < FRAME_SINGLE_OBJECT_BYTES; len++)
        assert_int_equal(frame_parse(bytes_of(value, len), &frame), ERR_TRUNCATED);
    assert_int_equal(frame_parse(bytes_of(value, FRAME_SINGLE_OBJECT_BYTES), &frame), ERR_OK);
    value[1] = 2;
    assert_int_equal(frame_parse(bytes_of(value, sizeof value), &frame), ERR_MALFORMED);
    value[0] = 1;
    assert_int_equal(frame_parse(bytes_of(value, sizeof value), &frame), ERR_MALFORMED);
}

static void a_confluent_frame_names_the_schema_by_registry_id(void **state)
{
    static const uint32_t ids[] = {0, 1, 0x01020304, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        uint8_t value[FRAME_CONFLUENT_BYTES + 3] = {0};
        struct frame frame;

        assert_int_equal(frame_put_confluent(value, ids[i]), FRAME_CONFLUENT_BYTES);
        assert_int_equal(frame_parse(bytes_of(value, sizeof value), &frame), ERR_OK);
        assert_int_equal(frame.kind, FRAME_CONFLUENT);
        assert_true(frame.schema_id == ids[i]);
        assert_int_equal(frame.body.len, 3);
        assert_int_equal(frame_parse(bytes_of(value, FRAME_CONFLUENT_BYTES - 1), &frame),
                         ERR_TRUNCATED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_that_is_encoded_and_decoded_is_the_same),
        cmocka_unit_test(a_heartbeat_with_four_runs_takes_at_most_200_bytes),
        cmocka_unit_test(every_prefix_of_a_record_is_an_error),
        cmocka_unit_test(bytes_left_over_are_malformed),
        cmocka_unit_test(a_record_with_any_byte_changed_never_reads_outside),
        cmocka_unit_test(an_encoder_without_room_says_so_and_stays_inside),
        cmocka_unit_test(a_string_may_have_up_to_its_limit_of_bytes),
        cmocka_unit_test(a_record_may_list_up_to_its_limit_of_runs),
        cmocka_unit_test(cpu_ids_count_over_all_runs_of_a_record),
        cmocka_unit_test(map_entries_count_over_all_maps_of_a_record),
        cmocka_unit_test(a_record_may_have_up_to_its_limit_of_bytes),
        cmocka_unit_test(an_array_in_blocks_with_and_without_byte_sizes_is_read),
        cmocka_unit_test(a_block_whose_byte_size_is_wrong_is_malformed),
        cmocka_unit_test(absurd_counts_are_refused_at_once),
        cmocka_unit_test(elements_count_over_all_blocks),
        cmocka_unit_test(an_int_has_at_most_32_bits),
        cmocka_unit_test(indexes_outside_their_enum_or_union_are_malformed),
        cmocka_unit_test(numbers_of_every_length_are_read_back),
        cmocka_unit_test(a_single_object_frame_names_the_schema_by_fingerprint),
        cmocka_unit_test(a_confluent_frame_names_the_schema_by_registry_id),
    };

    return cmocka_run_group_tests(tests, make_decoder, free_decoder);
}
