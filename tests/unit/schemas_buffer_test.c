/*
 * Avro's binary primitives: bytes of known numbers, bounds of both reader and writer, names of
 * enumerators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schemas/c/avro_buffer.h"
#include "schemas/c/event.h"

static const struct {
    int64_t value;
    size_t len;
    const char *bytes;
} numbers[] = {
    {0, 1, "\x00"},
    {-1, 1, "\x01"},
    {1, 1, "\x02"},
    {-64, 1, "\x7f"},
    {64, 2, "\x80\x01"},
    {8191, 2, "\xfe\x7f"},
    {8192, 3, "\x80\x80\x01"},
    {INT32_MAX, 5, "\xfe\xff\xff\xff\x0f"},
    {1795000000123, 6, "\xf6\xf9\xb2\xe5\xbd\x68"},
    {INT64_MAX, 10, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
    {INT64_MIN, 10, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
};

/* Reads from an exact-size copy, so that the sanitizer sees a read past the end. */
static enum err get_long(const char *bytes, size_t len, int64_t *value)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    struct avro_reader r = avro_reader_over(bytes_of(copy, len));
    enum err err;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    err = avro_get_long(&r, value);
    if (err == ERR_OK)
        assert_ptr_equal(r.ptr, r.end);
    free(copy);
    return err;
}

static void numbers_have_the_bytes_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint8_t buffer[AVRO_LONG_MAX_BYTES];
        struct avro_writer w = avro_writer_over(buffer, sizeof buffer);
        int64_t value;
        size_t len;

        avro_put_long(&w, numbers[i].value);
        assert_int_equal(avro_writer_finish(&w, &len), ERR_OK);
        assert_int_equal(len, numbers[i].len);
        assert_memory_equal(buffer, numbers[i].bytes, len);
        assert_int_equal(get_long(numbers[i].bytes, len, &value), ERR_OK);
        assert_true(value == numbers[i].value);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(get_long(numbers[i].bytes, cut, &value), ERR_TRUNCATED);
    }
}

static void a_number_has_at_most_64_bits(void **state)
{
    int64_t value;

    (void)state;
    assert_int_equal(get_long("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, &value),
                     ERR_MALFORMED);
    assert_int_equal(get_long("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, &value),
                     ERR_MALFORMED);
    assert_int_equal(get_long("\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10, &value), ERR_OK);
    assert_int_equal(value, 1); /* longer than need be, but a number */
}

static void a_number_reads_the_same_wherever_the_input_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        for (size_t behind = 0; behind < 12; behind++) {
            uint8_t bytes[AVRO_LONG_MAX_BYTES + 12];
            struct avro_reader r;
            int64_t value;

            memset(bytes, 0xff, sizeof bytes);
            memcpy(bytes, numbers[i].bytes, numbers[i].len);
            r = avro_reader_over(bytes_of(bytes, numbers[i].len + behind));
            assert_int_equal(avro_get_long(&r, &value), ERR_OK);
            assert_true(value == numbers[i].value);
            assert_int_equal(r.end - r.ptr, behind);
        }
}

static void a_boolean_is_zero_or_one(void **state)
{
    (void)state;
    for (unsigned int byte = 0; byte < 256; byte++) {
        uint8_t input = (uint8_t)byte;
        struct avro_reader r = avro_reader_over(bytes_of(&input, 1));
        bool value;

        assert_int_equal(avro_get_bool(&r, &value), byte <= 1 ? ERR_OK : ERR_MALFORMED);
        if (byte <= 1)
            assert_int_equal(value, byte);
    }
}

static void a_length_beyond_the_input_is_truncated_a_negative_one_malformed(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum err err;
    } cases[] = {
        {"", 0, ERR_TRUNCATED},
        {"\x00", 1, ERR_OK},
        {"\x04"
         "ab",
         3, ERR_OK},
        {"\x04"
         "a",
         2, ERR_TRUNCATED},
        {"\x01", 1, ERR_MALFORMED},
        {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, ERR_TRUNCATED},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, ERR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct avro_reader r = avro_reader_over(bytes_of(cases[i].bytes, cases[i].len));
        struct bytes value;

        assert_int_equal(avro_get_bytes(&r, &value), cases[i].err);
    }
}

static void a_full_writer_stays_full(void **state)
{
    uint8_t buffer[4] = {9, 9, 9, 9};
    struct avro_writer w = avro_writer_over(buffer, 3);
    size_t len = 77;

    (void)state;
    avro_put_raw(&w, "ab", 2);
    avro_put_bytes(&w, BYTES_LITERAL("xy"));
    avro_put_byte(&w, 1); /* would fit by itself */
    avro_put_bool(&w, true);
    assert_int_equal(avro_writer_finish(&w, &len), ERR_CAPACITY);
    assert_int_equal(len, 77);
    assert_int_equal(buffer[3], 9);
}

static void enumerators_have_the_names_of_the_schema(void **state)
{
    (void)state;
    assert_string_equal(event_type_name(EVENT_HOST_UP), "HOST_UP");
    assert_string_equal(event_type_name(EVENT_HOST_GONE), "HOST_GONE");
    assert_string_equal(event_type_name((enum event_type)EVENT_TYPE_N), "UNKNOWN");
    assert_string_equal(evidence_name(EVIDENCE_EC2), "EC2");
    assert_string_equal(evidence_name((enum evidence)EVIDENCE_N), "UNKNOWN");
    assert_string_equal(end_cause_name(END_HOST_LOST), "HOST_LOST");
    assert_string_equal(end_cause_name((enum end_cause)END_CAUSE_N), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_the_bytes_of_the_specification),
        cmocka_unit_test(a_number_has_at_most_64_bits),
        cmocka_unit_test(a_number_reads_the_same_wherever_the_input_ends),
        cmocka_unit_test(a_boolean_is_zero_or_one),
        cmocka_unit_test(a_length_beyond_the_input_is_truncated_a_negative_one_malformed),
        cmocka_unit_test(a_full_writer_stays_full),
        cmocka_unit_test(enumerators_have_the_names_of_the_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
