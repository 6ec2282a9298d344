/*
 * The bytes of a checkpoint: what goes in comes out, and every damaged byte is noticed and located.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregator/core/checkpoint.h"
#include "common/crc32.h"

enum { FILE_MAX = 1024 };

static const struct checkpoint_effect two_effects[] = {
    {EFFECT_OBJECT,
     {(const uint8_t *)"dead/era=0001/p=0003/1.bin", 26},
     {(const uint8_t *)"abc", 3}},
    {EFFECT_OBJECT, {(const uint8_t *)"empty", 5}, {NULL, 0}},
};

static struct checkpoint example(void)
{
    return (struct checkpoint){
        .era = 1,
        .partition = 3,
        .number = 42,
        .writer_id = "0123456789abcde",
        .created_ms = 1700000000123,
        .next_offset = 1001,
        .has_last = true,
        .last_offset = 1000,
        .last_append_time = 1700000000000,
        .last_crc = 0xdeadbeef,
        .state = BYTES_LITERAL("the state of a partition"),
        .outbox = two_effects,
        .outbox_n = 2,
    };
}

static struct bytes encoded(const struct checkpoint *c, uint8_t *buffer)
{
    size_t len;

    assert_int_equal(checkpoint_encode(c, buffer, FILE_MAX, &len), ERR_OK);
    assert_int_equal(len, checkpoint_encoded_bytes(c));
    return bytes_of(buffer, len);
}

static void what_goes_in_comes_out(void **unused)
{
    uint8_t buffer[FILE_MAX];
    struct checkpoint in = example(), out;
    struct checkpoint_effect outbox[2];
    struct err_detail detail;

    (void)unused;
    assert_int_equal(checkpoint_decode(encoded(&in, buffer), &out, outbox, 2, &detail), ERR_OK);
    assert_int_equal(out.era, in.era);
    assert_int_equal(out.partition, in.partition);
    assert_int_equal(out.number, in.number);
    assert_memory_equal(out.writer_id, in.writer_id, sizeof in.writer_id);
    assert_int_equal(out.created_ms, in.created_ms);
    assert_int_equal(out.next_offset, in.next_offset);
    assert_true(out.has_last);
    assert_int_equal(out.last_offset, in.last_offset);
    assert_int_equal(out.last_append_time, in.last_append_time);
    assert_int_equal(out.last_crc, in.last_crc);
    assert_true(bytes_equal(out.state, in.state));
    assert_int_equal(out.outbox_n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(outbox[i].kind, EFFECT_OBJECT);
        assert_true(bytes_equal(outbox[i].name, two_effects[i].name));
        assert_true(bytes_equal(outbox[i].content, two_effects[i].content));
    }
}

static void a_partition_without_records_has_no_last_record(void **unused)
{
    uint8_t buffer[FILE_MAX];
    struct checkpoint in = {.era = 1, .number = 1}, out;
    struct err_detail detail;

    (void)unused;
    assert_int_equal(checkpoint_decode(encoded(&in, buffer), &out, NULL, 0, &detail), ERR_OK);
    assert_false(out.has_last);
    assert_int_equal(out.state.len, 0);
    assert_int_equal(out.outbox_n, 0);
}

static void every_damaged_byte_is_noticed(void **unused)
{
    uint8_t buffer[FILE_MAX];
    struct checkpoint in = example(), out;
    struct checkpoint_effect outbox[2];
    struct bytes file = encoded(&in, buffer);
    struct err_detail detail;

    (void)unused;
    for (size_t i = 0; i < file.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            buffer[i] ^= (uint8_t)(1u << bit);
            if (checkpoint_decode(file, &out, outbox, 2, &detail) == ERR_OK)
                fail_msg("bit %u of byte %zu may be flipped unnoticed", bit, i);
            buffer[i] ^= (uint8_t)(1u << bit);
        }
    }
}

static void every_shortened_file_is_noticed(void **unused)
{
    uint8_t buffer[FILE_MAX];
    struct checkpoint in = example(), out;
    struct checkpoint_effect outbox[2];
    struct bytes file = encoded(&in, buffer);
    struct err_detail detail;

    (void)unused;
    for (size_t len = 0; len < file.len; len++) {
        enum err e = checkpoint_decode(bytes_of(buffer, len), &out, outbox, 2, &detail);

        if (e != ERR_TRUNCATED)
            fail_msg("cut to %zu bytes: %s instead of truncated", len, err_name(e));
    }
}

static void bytes_after_the_end_are_noticed(void **unused)
{
    uint8_t buffer[FILE_MAX] = {0};
    struct checkpoint in = example(), out;
    struct checkpoint_effect outbox[2];
    struct bytes file = encoded(&in, buffer);
    struct err_detail detail;

    (void)unused;
    file.len++;
    assert_int_equal(checkpoint_decode(file, &out, outbox, 2, &detail), ERR_MALFORMED);
}

static void an_error_names_the_section_and_its_offset(void **unused)
{
    uint8_t buffer[FILE_MAX];
    struct checkpoint in = example(), out;
    struct checkpoint_effect outbox[2];
    struct bytes file = encoded(&in, buffer);
    struct err_detail detail;
    char wanted[64];
    const uint8_t *state = memmem(file.ptr, file.len, in.state.ptr, in.state.len);

    (void)unused;
    assert_non_null(state);
    buffer[state - buffer] ^= 1;
    assert_int_equal(checkpoint_decode(file, &out, outbox, 2, &detail), ERR_CHECKSUM);
    snprintf(wanted, sizeof wanted, "section STAT at offset %d", (int)(state - buffer) - 16);
    assert_non_null(strstr(detail.text, wanted));
}

static void too_little_room_for_the_outbox_says_how_much_would_do(void **unused)
{
    uint8_t buffer[FILE_MAX];
    struct checkpoint in = example(), out;
    struct checkpoint_effect outbox[2];
    struct err_detail detail;

    (void)unused;
    assert_int_equal(checkpoint_decode(encoded(&in, buffer), &out, outbox, 1, &detail),
                     ERR_CAPACITY);
    assert_int_equal(out.outbox_n, 2);
}

static void too_small_a_buffer_is_refused_before_anything_is_written(void **unused)
{
    uint8_t buffer[FILE_MAX] = {0};
    static const uint8_t untouched[FILE_MAX];
    struct checkpoint c = example();
    size_t len;

    (void)unused;
    assert_int_equal(checkpoint_encode(&c, buffer, checkpoint_encoded_bytes(&c) - 1, &len),
                     ERR_CAPACITY);
    assert_memory_equal(buffer, untouched, sizeof buffer);
    assert_int_equal(checkpoint_encode(&c, buffer, checkpoint_encoded_bytes(&c), &len), ERR_OK);
}

static void names_of_effects_have_a_limit(void **unused)
{
    static uint8_t name[CHECKPOINT_EFFECT_NAME_MAX + 1];
    static const struct {
        size_t len;
        enum err wanted;
    } cases[] = {{0, ERR_LIMIT},
                 {1, ERR_OK},
                 {CHECKPOINT_EFFECT_NAME_MAX - 1, ERR_OK},
                 {CHECKPOINT_EFFECT_NAME_MAX, ERR_OK},
                 {CHECKPOINT_EFFECT_NAME_MAX + 1, ERR_LIMIT}};

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t buffer[FILE_MAX];
        struct checkpoint_effect effect = {EFFECT_OBJECT, bytes_of(name, cases[i].len), {NULL, 0}};
        struct checkpoint c = {.era = 1, .number = 1, .outbox = &effect, .outbox_n = 1};
        size_t len;

        assert_int_equal(checkpoint_encode(&c, buffer, sizeof buffer, &len), cases[i].wanted);
    }
}

static void the_number_of_effects_has_a_limit(void **unused)
{
    (void)unused;
    for (uint32_t n = CHECKPOINT_OUTBOX_MAX - 1; n <= CHECKPOINT_OUTBOX_MAX + 1; n++) {
        struct checkpoint_effect *effects = calloc(n, sizeof *effects);
        struct checkpoint_effect *outbox = calloc(n, sizeof *outbox);
        struct checkpoint c = {.era = 1, .number = 1, .outbox = effects, .outbox_n = n}, out;
        struct err_detail detail;
        size_t len;

        for (uint32_t i = 0; i < n; i++)
            effects[i] = two_effects[1];
        size_t cap = checkpoint_encoded_bytes(&c);
        uint8_t *buffer = malloc(cap);
        enum err e = checkpoint_encode(&c, buffer, cap, &len);
        assert_int_equal(e, n > CHECKPOINT_OUTBOX_MAX ? ERR_LIMIT : ERR_OK);
        if (e == ERR_OK)
            assert_int_equal(checkpoint_decode(bytes_of(buffer, len), &out, outbox, n, &detail),
                             ERR_OK);
        free(buffer);
        free(outbox);
        free(effects);
    }
}

/* Rewrites a field of HEAD and its checksum: what is left is the judgement of the content. */
static enum err decode_with_head_byte(size_t at, uint8_t value)
{
    enum { HEAD_AT = 8, PAYLOAD_AT = HEAD_AT + 16, HEAD_LEN = 80 };
    uint8_t buffer[FILE_MAX];
    struct checkpoint in = example(), out;
    struct checkpoint_effect outbox[2];
    struct bytes file = encoded(&in, buffer);
    struct err_detail detail;

    buffer[PAYLOAD_AT + at] = value;
    uint32_t crc = crc32c(crc32c(0, bytes_of(buffer + HEAD_AT, 12)),
                                 bytes_of(buffer + PAYLOAD_AT, HEAD_LEN));
    for (unsigned i = 0; i < 4; i++)
        buffer[HEAD_AT + 12 + i] = (uint8_t)(crc >> (8 * i));
    return checkpoint_decode(file, &out, outbox, 2, &detail);
}

static void impossible_content_is_refused_even_with_a_right_checksum(void **unused)
{
    (void)unused;
    assert_int_equal(decode_with_head_byte(0, 1), ERR_OK);            /* format 1: unchanged */
    assert_int_equal(decode_with_head_byte(0, 2), ERR_UNSUPPORTED);   /* format 2 */
    assert_int_equal(decode_with_head_byte(4, 0), ERR_MALFORMED);     /* era 0 */
    assert_int_equal(decode_with_head_byte(11, 0x80), ERR_MALFORMED); /* partition below 0 */
    assert_int_equal(decode_with_head_byte(12, 1), ERR_MALFORMED);    /* reserved */
    assert_int_equal(decode_with_head_byte(23, 0x80), ERR_MALFORMED); /* number of 20 digits */
    assert_int_equal(decode_with_head_byte(55, 0x80), ERR_MALFORMED); /* next_offset below 0 */
    assert_int_equal(decode_with_head_byte(56, 2), ERR_MALFORMED);    /* has_last */
    assert_int_equal(decode_with_head_byte(56, 0), ERR_MALFORMED);    /* none, and yet described */
    assert_int_equal(decode_with_head_byte(64, 0xff), ERR_MALFORMED); /* last ≥ next */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_partition_without_records_has_no_last_record),
        cmocka_unit_test(every_damaged_byte_is_noticed),
        cmocka_unit_test(every_shortened_file_is_noticed),
        cmocka_unit_test(bytes_after_the_end_are_noticed),
        cmocka_unit_test(an_error_names_the_section_and_its_offset),
        cmocka_unit_test(too_little_room_for_the_outbox_says_how_much_would_do),
        cmocka_unit_test(too_small_a_buffer_is_refused_before_anything_is_written),
        cmocka_unit_test(names_of_effects_have_a_limit),
        cmocka_unit_test(the_number_of_effects_has_a_limit),
        cmocka_unit_test(impossible_content_is_refused_even_with_a_right_checksum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
