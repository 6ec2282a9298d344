/*
 * Parts as bytes: what goes in comes out, equal parts give equal bytes, hostile bytes give errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/edge/part_file.h"
#include "tests/unit/usage_fixture.h"

static uint8_t *encode(const struct part *part, size_t *len)
{
    size_t cap = part_encoded_bound(part);
    uint8_t *buffer = malloc(cap);

    assert_non_null(buffer);
    assert_int_equal(part_encode(part, buffer, cap, len), ERR_OK);
    return buffer;
}

/* A part that uses every field there is. */
static struct part full_part(void)
{
    static const struct event_pair metadata[] = {
        {{(const uint8_t *)"owner", 5}, {(const uint8_t *)"acme", 4}},
        {{(const uint8_t *)"stage", 5}, {(const uint8_t *)"", 0}},
    };
    static const uint8_t pcr[48] = {1, 2, 3, [47] = 0xff};
    static const int32_t cpus[] = {1, 5};
    static struct usage_line lines[2];
    static struct part_missing missing[2];
    static struct part_gap gaps[1];
    static const int64_t dead_letters[] = {17, 99};

    lines[0] = fixture_line("i-a", "run-1", "web", FIXTURE_HOUR, 30);
    lines[0].run.metadata = (struct event_map){metadata, 2};
    lines[0].run.cpu_ids = (struct event_cpu_ids){cpus, 2};
    lines[0].run.enclave_id = bytes_of_string("i-a-enc1");
    lines[0].run.eif_path = bytes_of_string("/srv/web.eif");
    lines[0].run.pcr0 = lines[0].run.pcr8 = bytes_of(pcr, sizeof pcr);
    lines[0].run.debug_mode = true;
    lines[0].run.pid = 4711;
    lines[0].run.memory_mib_requested = 500;
    lines[0].run.has |= RUN_HAS_METADATA | RUN_HAS_CPU_IDS | RUN_HAS_ENCLAVE_ID | RUN_HAS_EIF_PATH |
                        RUN_HAS_PCR0 | RUN_HAS_PCR8 | RUN_HAS_DEBUG_MODE | RUN_HAS_PID |
                        RUN_HAS_MEMORY_MIB_REQUESTED;
    lines[0].flags = LINE_PROVISIONAL | LINE_CLOCK | LINE_NO_START;
    lines[1] = fixture_line("i-b", "run-2", "db", FIXTURE_HOUR - 100 * (int64_t)HOUR_MS, 5);
    lines[1].kind = LINE_CORRECTION;
    lines[1].held_ms = -5;
    lines[1].vcpu_ms = INT64_MIN;
    lines[1].end_time = lines[1].running_from = lines[1].running_to = NO_TIME;
    missing[0] = (struct part_missing){bytes_of_string("i-\"quoted\"\n"), NO_TIME, false};
    missing[1] = (struct part_missing){bytes_of_string("i-lost"), FIXTURE_HOUR - 1, true};
    gaps[0] = (struct part_gap){bytes_of_string("i-b"), {{0xde, 0xad}}, 5, -1};

    struct part part = fixture_part(3, FIXTURE_HOUR, 2, lines, 2);

    part.status = PART_PROVISIONAL;
    part.complete = false;
    part.lead_in = true;
    part.reasons = REASON_NEW_INSTANCE | REASON_HOST_LIFE;
    part.expected_sha256[31] = 0xab;
    part.missing = missing;
    part.missing_n = 2;
    part.gaps = gaps;
    part.gaps_n = 1;
    part.dead_letters = dead_letters;
    part.dead_letters_n = 2;
    return part;
}

static void a_part_is_named_after_era_day_hour_partition_and_revision(void **state)
{
    char name[PART_NAME_MAX];
    int32_t partition;
    uint32_t revision;

    (void)state;
    part_object_name(name, 1, 3, FIXTURE_HOUR, 1);
    assert_string_equal(name, "usage/era=0001/dt=2026-11-20/hour=13/p=0003/rev=0001.avro");
    assert_true(part_parse_name(name, 1, FIXTURE_HOUR, &partition, &revision));
    assert_int_equal(partition, 3);
    assert_int_equal(revision, 1);
    assert_false(part_parse_name(name, 2, FIXTURE_HOUR, &partition, &revision));
    assert_false(part_parse_name(name, 1, FIXTURE_HOUR + HOUR_MS, &partition, &revision));
    assert_false(part_parse_name("usage/era=0001/dt=2026-11-20/hour=13/p=3/rev=0001.avro", 1,
                                 FIXTURE_HOUR, &partition, &revision));
}

static void every_field_survives_the_way_through_bytes(void **state)
{
    struct part part = full_part();
    struct part_file *file;
    struct err_detail detail = {""};
    size_t len, again_len;
    uint8_t *bytes = encode(&part, &len);

    (void)state;
    assert_int_equal(part_file_parse(bytes_of(bytes, len), &file, &detail), ERR_OK);
    const struct part *read = &file->part;

    assert_int_equal(read->lines_n, 2);
    assert_int_equal(read->lines[0].run.metadata.n, 2);
    assert_true(bytes_equal(read->lines[0].run.metadata.pairs[0].value, bytes_of_string("acme")));
    assert_int_equal(read->lines[0].run.cpu_ids.ids[1], 5);
    assert_int_equal(read->lines[0].flags, part.lines[0].flags);
    assert_int_equal(read->lines[1].vcpu_ms, INT64_MIN);
    assert_int_equal(read->lines[1].end_time, NO_TIME);
    assert_true(bytes_equal(read->missing[0].instance_id, part.missing[0].instance_id));
    assert_int_equal(read->missing[0].watermark, NO_TIME);
    assert_true(read->missing[1].lost);
    assert_int_equal(read->gaps[0].last_seq, -1);
    assert_int_equal(read->dead_letters[1], 99);
    assert_int_equal(read->reasons, part.reasons);
    assert_true(read->lead_in);

    uint8_t *again = encode(read, &again_len); /* the rest, all at once */

    assert_int_equal(again_len, len);
    assert_memory_equal(again, bytes, len);
    free(again);
    part_file_free(file);
    free(bytes);
}

static void an_empty_part_is_a_part(void **state)
{
    struct part part = fixture_part(0, FIXTURE_HOUR, 1, NULL, 0);
    struct part_file *file;
    size_t len;
    uint8_t *bytes = encode(&part, &len);

    (void)state;
    assert_int_equal(part_file_parse(bytes_of(bytes, len), &file, NULL), ERR_OK);
    assert_int_equal(file->part.lines_n, 0);
    assert_true(file->part.complete);
    part_file_free(file);
    free(bytes);
}

static void the_bound_of_the_size_holds_for_text_that_must_be_replaced_or_escaped(void **state)
{
    enum { LONG = 4096 };
    static uint8_t wrong[LONG];
    struct usage_line line = fixture_line("i-a", "run-1", "web", FIXTURE_HOUR, 30);
    struct part_missing missing = {bytes_of(wrong, LONG), NO_TIME, false};
    struct part part = fixture_part(0, FIXTURE_HOUR, 1, &line, 1);
    struct part_file *file;
    size_t len;

    (void)state;
    part.missing = &missing;
    part.missing_n = 1;
    for (int pass = 0; pass < 2; pass++) {
        memset(wrong, pass == 0 ? 0xff : 0x01, sizeof wrong);
        line.instance_id = line.run.name = line.end_detail = bytes_of(wrong, LONG);
        uint8_t *bytes = encode(&part, &len);

        assert_int_equal(part_file_parse(bytes_of(bytes, len), &file, NULL), ERR_OK);
        assert_int_equal(file->part.lines[0].instance_id.len, pass == 0 ? 3 * LONG : LONG);
        part_file_free(file);
        free(bytes);
    }
}

static void a_buffer_that_is_too_small_is_refused(void **state)
{
    struct part part = full_part();
    size_t cap = part_encoded_bound(&part), len, needed;
    uint8_t *buffer = malloc(cap);

    (void)state;
    assert_non_null(buffer);
    assert_int_equal(part_encode(&part, buffer, cap, &needed), ERR_OK);
    for (size_t less = 0; less < needed; less += 97)
        assert_int_equal(part_encode(&part, buffer, less, &len), ERR_CAPACITY);
    free(buffer);
}

static void a_file_cut_anywhere_is_an_error(void **state)
{
    struct part part = full_part();
    size_t len;
    uint8_t *bytes = encode(&part, &len);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that reading past the cut is seen */
        struct part_file *file;

        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        enum err e = part_file_parse(bytes_of(exact, cut), &file, NULL);

        if (e == ERR_OK) /* only where the rows' block has not begun yet */
            part_file_free(file);
        assert_true(e != ERR_OK || cut < len - 100);
        free(exact);
    }
    free(bytes);
}

static void a_file_of_another_schema_is_not_guessed_at(void **state)
{
    struct part part = fixture_part(0, FIXTURE_HOUR, 1, NULL, 0);
    struct err_detail detail = {""};
    struct part_file *file;
    size_t len;
    uint8_t *bytes = encode(&part, &len);
    uint8_t *field = memmem(bytes, len, "instance_id", 11);

    (void)state;
    assert_non_null(field);
    field[0] = 'I';
    assert_int_equal(part_file_parse(bytes_of(bytes, len), &file, &detail), ERR_UNSUPPORTED);
    assert_non_null(strstr(detail.text, "schema"));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_named_after_era_day_hour_partition_and_revision),
        cmocka_unit_test(every_field_survives_the_way_through_bytes),
        cmocka_unit_test(an_empty_part_is_a_part),
        cmocka_unit_test(the_bound_of_the_size_holds_for_text_that_must_be_replaced_or_escaped),
        cmocka_unit_test(a_buffer_that_is_too_small_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_an_error),
        cmocka_unit_test(a_file_of_another_schema_is_not_guessed_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
