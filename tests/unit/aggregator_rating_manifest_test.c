/*
 * inputs.json, manifests, Merkle proofs and the JSON reader behind them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/rating/json_reader.h"
#include "aggregator/rating/manifest.h"
#include "tests/unit/usage_fixture.h"

enum { ROOM = 16384 };

static void inputs_survive_the_way_through_json(void **state)
{
    static uint8_t buffer[ROOM];
    struct avro_writer w = avro_writer_over(buffer, sizeof buffer);
    struct inputs_part parts[] = {
        {1, 0, 1, {{1}}}, {1, 0, 2, {{2}}}, {1, 7, 1, {{3}}}, {2, 0, 1, {{4}}}};
    struct inputs_part read_parts[4];
    struct inputs inputs = {.hour = FIXTURE_HOUR,
                            .revision = 3,
                            .reasons = REASON_IDENTITY | REASON_LATE_EVENT,
                            .previous = {{9}},
                            .has_tenant_map = true,
                            .tenant_map = {{8}},
                            .parts = parts,
                            .parts_n = 4};
    struct inputs read;

    (void)state;
    inputs_write(&w, &inputs);
    struct bytes json = bytes_of(buffer, w.len);

    assert_int_equal(inputs_read(json, NULL, 0, &read), ERR_OK);
    assert_int_equal(read.parts_n, 4);
    assert_int_equal(inputs_read(json, read_parts, 3, &read), ERR_CAPACITY);
    assert_int_equal(inputs_read(json, read_parts, 4, &read), ERR_OK);
    assert_int_equal(read.hour, inputs.hour);
    assert_int_equal(read.revision, 3);
    assert_int_equal(read.reasons, inputs.reasons);
    assert_true(read.has_tenant_map);
    assert_memory_equal(&read.previous, &inputs.previous, sizeof read.previous);
    assert_memory_equal(read_parts, parts, sizeof parts);
}

static enum err read_inputs(const char *json)
{
    struct inputs inputs;

    return inputs_read(bytes_of_string(json), NULL, 0, &inputs);
}

#define ZEROS      "0000000000000000000000000000000000000000000000000000000000000000"
#define PART(p, r) "{\"era\":1,\"partition\":" #p ",\"revision\":" #r ",\"sha256\":\"" ZEROS "\"}"
#define INPUTS(parts, more)                                                                        \
    "{\"format\":1,\"hour\":\"2026-11-20T13:00:00.000Z\",\"parts\":[" parts                        \
    "],\"previous\":\"" ZEROS "\",\"revision\":1" more "}"

static void inputs_that_are_not_what_we_write_are_refused(void **state)
{
    (void)state;
    assert_int_equal(read_inputs(INPUTS(PART(0, 1), ",\"later\":[{}]")), ERR_OK);
    assert_int_equal(read_inputs(INPUTS("", "")), ERR_MALFORMED);
    assert_int_equal(read_inputs(INPUTS(PART(0, 2), "")), ERR_MALFORMED);
    assert_int_equal(read_inputs(INPUTS(PART(0, 1) "," PART(0, 3), "")), ERR_MALFORMED);
    assert_int_equal(read_inputs(INPUTS(PART(1, 1) "," PART(0, 1), "")), ERR_MALFORMED);
    assert_int_equal(read_inputs(INPUTS(PART(0, 1), ",\"price_book\":null")), ERR_OK);
    assert_int_equal(read_inputs(INPUTS(PART(0, 1), ",\"price_book\":\"x\"")), ERR_UNSUPPORTED);
    assert_int_equal(read_inputs(INPUTS(PART(0, 1), ",\"format\":2")), ERR_UNSUPPORTED);
    assert_int_equal(read_inputs(INPUTS(PART(0, 1), "") "x"), ERR_MALFORMED);
}

static void the_json_reader_takes_integers_and_nothing_odd(void **state)
{
    static const struct {
        const char *json;
        enum err expected;
    } cases[] = {
        {"9223372036854775807", ERR_OK},
        {"-9223372036854775808", ERR_OK},
        {"9223372036854775808", ERR_LIMIT},
        {"-9223372036854775809", ERR_LIMIT},
        {"01", ERR_MALFORMED},
        {"1.5", ERR_MALFORMED},
        {"1e3", ERR_MALFORMED},
        {"-", ERR_TRUNCATED},
        {"[1,]", ERR_MALFORMED},
        {"[1 2]", ERR_MALFORMED},
        {"{\"a\":1,}", ERR_MALFORMED},
        {"{,}", ERR_MALFORMED},
        {"[", ERR_TRUNCATED},
        {"\"a", ERR_TRUNCATED},
        {"\"a\n\"", ERR_MALFORMED},
        {"nul", ERR_MALFORMED},
        {"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", ERR_OK},
        {"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", ERR_LIMIT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_reader r = json_reader_over(bytes_of_string(cases[i].json), NULL, 0);

        json_skip(&r);
        if (json_finish(&r) != cases[i].expected)
            fail_msg("%s gave %s", cases[i].json, err_name(json_finish(&r)));
    }
}

static void strings_are_unescaped_into_the_callers_text(void **state)
{
    uint8_t text[8];
    struct json_reader r =
        json_reader_over(BYTES_LITERAL("[\"plain\",\"a\\n\\u00e4\\\"\",\"\\\\\"]"), text, 8);

    (void)state;
    json_array_begin(&r);
    assert_true(json_array_next(&r));
    assert_true(bytes_equal(json_get_string(&r), BYTES_LITERAL("plain")));
    assert_true(json_array_next(&r));
    assert_true(bytes_equal(json_get_string(&r), BYTES_LITERAL("a\n\xc3\xa4\"")));
    assert_true(json_array_next(&r));
    assert_true(bytes_equal(json_get_string(&r), BYTES_LITERAL("\\")));
    assert_false(json_array_next(&r));
    assert_int_equal(json_finish(&r), ERR_OK);
    assert_int_equal(r.text_len, 6);
    r = json_reader_over(BYTES_LITERAL("\"\\n\\n\""), text, 1);
    (void)json_get_string(&r);
    assert_int_equal(json_finish(&r), ERR_CAPACITY);
    r = json_reader_over(BYTES_LITERAL("\"\\ud800\""), text, 8);
    (void)json_get_string(&r);
    assert_int_equal(json_finish(&r), ERR_MALFORMED);
}

static void every_leaf_of_every_tree_is_proved_and_no_other(void **state)
{
    enum { LEAVES_MAX = 17 };

    (void)state;
    for (size_t n = 1; n <= LEAVES_MAX; n++) {
        struct merkle_hash tree[3 * LEAVES_MAX], path[MERKLE_PATH_MAX];

        assert_true(merkle_nodes(n) <= sizeof tree / sizeof tree[0]);
        for (size_t i = 0; i < n; i++) {
            uint8_t content = (uint8_t)i;

            tree[i] = merkle_leaf(bytes_of(&content, 1));
        }
        merkle_build(tree, n);
        struct merkle_hash root = merkle_root(tree, n);

        for (size_t i = 0; i < n; i++) {
            size_t path_n = merkle_path(tree, n, i, path);
            struct merkle_hash wrong = tree[i];

            assert_true(merkle_check(&tree[i], i, n, path, path_n, &root));
            wrong.bytes[5] ^= 1;
            assert_false(merkle_check(&wrong, i, n, path, path_n, &root));
            assert_false(merkle_check(&tree[i], i, n, path, path_n + 1, &root));
            assert_false(merkle_check(&tree[i], n, n, path, path_n, &root));
            if (path_n > 0)
                assert_false(merkle_check(&tree[i], i, n, path, path_n - 1, &root));
        }
    }
}

static void a_tree_is_that_of_rfc_6962(void **state)
{
    struct merkle_hash tree[8], left, right;
    uint8_t joined[65] = {1};
    struct sha256 expected;

    (void)state; /* three leaves: node(node(0, 1), 2) */
    for (int i = 0; i < 3; i++)
        tree[i] = merkle_leaf(bytes_of(&"abc"[i], 1));
    memcpy(joined + 1, &tree[0], 32);
    memcpy(joined + 33, &tree[1], 32);
    sha256_of(bytes_of(joined, 65), left.bytes);
    right = tree[2];
    memcpy(joined + 1, &left, 32);
    memcpy(joined + 33, &right, 32);
    sha256_of(bytes_of(joined, 65), expected.bytes);
    merkle_build(tree, 3);
    struct merkle_hash root = merkle_root(tree, 3);

    assert_memory_equal(&root, &expected, 32);
    merkle_build(tree, 0);
    sha256_of(bytes_of(NULL, 0), expected.bytes);
    assert_memory_equal(tree, &expected, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_survive_the_way_through_json),
        cmocka_unit_test(inputs_that_are_not_what_we_write_are_refused),
        cmocka_unit_test(the_json_reader_takes_integers_and_nothing_odd),
        cmocka_unit_test(strings_are_unescaped_into_the_callers_text),
        cmocka_unit_test(every_leaf_of_every_tree_is_proved_and_no_other),
        cmocka_unit_test(a_tree_is_that_of_rfc_6962),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
