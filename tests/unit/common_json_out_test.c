/*
 * The JSON writer (common/json_out.h), read back by cJSON, at every capacity.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "common/json_out.h"

static void write_sample(struct json_out *json)
{
    json_out_object_begin(json);
    json_out_key_text(json, "text", "a\"b\\c\n\t\x01\x7F\xC2\x85");
    json_out_key_int(json, "least", INT64_MIN);
    json_out_key_uint(json, "most", UINT64_MAX);
    json_out_key_bool(json, "yes", true);
    json_out_key_bool(json, "no", false);
    json_out_key_null(json, "none");
    json_out_key_hex(json, "hex", BYTES_LITERAL("\x00\xff"));
    json_out_key_time(json, "time", 0);
    json_out_key(json, "list");
    json_out_array_begin(json);
    json_out_int(json, 1);
    json_out_object_begin(json);
    json_out_object_end(json);
    json_out_array_begin(json);
    json_out_array_end(json);
    json_out_text(json, "");
    json_out_array_end(json);
    json_out_key(json, "raw");
    json_out_raw(json, BYTES_LITERAL("[1,2]"));
    json_out_object_end(json);
}

static const char sample[] =
    "{\"text\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\\u0085\",\"least\":-9223372036854775808,"
    "\"most\":18446744073709551615,\"yes\":true,\"no\":false,\"none\":null,\"hex\":\"00ff\","
    "\"time\":\"1970-01-01T00:00:00.000Z\",\"list\":[1,{},[],\"\"],\"raw\":[1,2]}";

static void every_kind_of_value_is_written(void **state)
{
    (void)state;
    char out[512];
    struct json_out json;
    struct bytes text;

    json_out_init(&json, out, sizeof out);
    write_sample(&json);
    assert_int_equal(json_out_finish(&json, &text), ERR_OK);
    assert_int_equal(text.len, sizeof sample - 1);
    assert_memory_equal(text.ptr, sample, text.len);
    cJSON *read = cJSON_ParseWithLength((const char *)text.ptr, text.len);
    assert_non_null(read);
    cJSON_Delete(read);
}

static void a_buffer_one_byte_too_small_is_noticed_and_not_overrun(void **state)
{
    (void)state;
    size_t needed = sizeof sample - 1;

    for (size_t cap = 0; cap <= needed; cap++) {
        char *out = malloc(cap + 1);
        struct json_out json;
        struct bytes text;

        assert_non_null(out);
        out[cap] = '#';
        json_out_init(&json, out, cap);
        write_sample(&json);
        assert_int_equal(json_out_finish(&json, &text), cap < needed ? ERR_CAPACITY : ERR_OK);
        assert_int_equal(out[cap], '#');
        free(out);
    }
}

static void bytes_that_are_not_utf_8_become_replacement_characters(void **state)
{
    (void)state;
    char out[64];
    struct json_out json;
    struct bytes text;

    json_out_init(&json, out, sizeof out);
    json_out_string(&json, BYTES_LITERAL("\xFF-\xE2\x82-€-\xE2\x80\xA8-\xF0\x9F\x98\x80"));
    assert_int_equal(json_out_finish(&json, &text), ERR_OK);
    struct bytes expected = BYTES_LITERAL("\"\xEF\xBF\xBD-\xEF\xBF\xBD\xEF\xBF\xBD-€-\\u2028-"
                                          "\xF0\x9F\x98\x80\"");
    assert_int_equal(text.len, expected.len);
    assert_memory_equal(text.ptr, expected.ptr, expected.len);
}

static void every_byte_pair_survives_a_reader(void **state)
{
    (void)state;
    char out[64];

    for (unsigned pair = 1; pair < 0x8080; pair++) {
        uint8_t raw[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        struct json_out json;
        struct bytes text;

        if (raw[0] == 0 || raw[1] == 0 || raw[0] > 0x7F || raw[1] > 0x7F)
            continue;
        json_out_init(&json, out, sizeof out);
        json_out_string(&json, bytes_of(raw, 2));
        assert_int_equal(json_out_finish(&json, &text), ERR_OK);
        cJSON *read = cJSON_ParseWithLength((const char *)text.ptr, text.len);
        assert_non_null(read);
        assert_memory_equal(cJSON_GetStringValue(read), raw, 2);
        cJSON_Delete(read);
    }
}

static void nesting_reaches_the_limit(void **state)
{
    (void)state;
    char out[2 * JSON_OUT_DEPTH_MAX];
    struct json_out json;
    struct bytes text;

    json_out_init(&json, out, sizeof out);
    for (int i = 0; i < JSON_OUT_DEPTH_MAX; i++)
        json_out_array_begin(&json);
    for (int i = 0; i < JSON_OUT_DEPTH_MAX; i++)
        json_out_array_end(&json);
    assert_int_equal(json_out_finish(&json, &text), ERR_OK);
    assert_int_equal(text.len, sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_written),
        cmocka_unit_test(a_buffer_one_byte_too_small_is_noticed_and_not_overrun),
        cmocka_unit_test(bytes_that_are_not_utf_8_become_replacement_characters),
        cmocka_unit_test(every_byte_pair_survives_a_reader),
        cmocka_unit_test(nesting_reaches_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
