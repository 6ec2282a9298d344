/*
 * Run arguments as Rust prints them, across versions of nitro-cli and as nobody should print them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "producer/core/rust_debug.h"

static uint8_t text_memory[2 * EVENT_STRING_MAX];
static int32_t cpu_memory[RUN_ARGS_CPU_IDS_MAX];
static struct rust_debug_failure failure;

static enum err parse(struct bytes text, struct run_args *args)
{
    struct rust_debug_memory memory = {.text = text_memory, .cpu_ids = cpu_memory};

    /* An exact-size copy, so that the sanitizer sees reads past the end. */
    uint8_t *copy = malloc(text.len + 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    enum err err = rust_debug_run_args(bytes_of(copy, text.len), &memory, args, &failure);
    free(copy);
    return err;
}

static struct run_args parse_ok(const char *text)
{
    struct run_args args;

    if (parse(bytes_of_string(text), &args) != ERR_OK)
        fail_msg("refused at %zu: %s", failure.at, text);
    return args;
}

static void parse_bad(const char *text)
{
    struct run_args args;

    if (parse(bytes_of_string(text), &args) != ERR_MALFORMED)
        fail_msg("accepted: %s", text);
    assert_false(args.has_eif_path || args.has_name || args.has_memory);
}

static void is_text(struct bytes value, const char *expected)
{
    assert_int_equal(value.len, strlen(expected));
    assert_memory_equal(value.ptr, expected, value.len);
}

static void every_version_is_understood(void **state)
{
    (void)state;
    struct run_args a = parse_ok("RunEnclavesArgs { eif_path: \"hello.eif\", enclave_cid: None, "
                                 "memory_mib: 64, cpu_ids: None, debug_mode: Some(true), "
                                 "cpu_count: Some(2) }"); /* 1.0.x */
    is_text(a.eif_path, "hello.eif");
    assert_true(a.has_eif_path && a.has_memory && a.has_debug && a.has_cpus);
    assert_false(a.has_name || a.has_cid || a.has_cpu_ids);
    assert_int_equal(a.memory_mib, 64);
    assert_true(a.debug_mode);
    assert_int_equal(a.vcpus, 2);

    a = parse_ok("RunEnclavesArgs { eif_path: \"a\", enclave_cid: Some(16), memory_mib: 128, "
                 "cpu_ids: Some([2, 6]), debug_mode: None, cpu_count: None, enclave_name: "
                 "Some(\"n\") }"); /* 1.1.0 */
    is_text(a.name, "n");
    assert_true(a.has_debug && !a.debug_mode);
    assert_int_equal(a.enclave_cid, 16);
    assert_int_equal(a.vcpus, 2);
    assert_int_equal(a.cpu_ids_n, 2);
    assert_int_equal(a.cpu_ids[0], 2);
    assert_int_equal(a.cpu_ids[1], 6);

    a = parse_ok("RunEnclavesArgs { eif_path: \"a\", enclave_cid: None, memory_mib: 1, cpu_ids: "
                 "None, debug_mode: false, attach_console: true, cpu_count: Some(4), "
                 "enclave_name: None }"); /* 1.2.1 and later */
    assert_false(a.has_name || a.debug_mode);
    assert_int_equal(a.vcpus, 4);
}

static void order_is_free_and_unknown_fields_of_any_shape_are_skipped(void **state)
{
    (void)state;
    struct run_args a = parse_ok(
        "RunEnclavesArgs { cpu_count: Some(2), extra: Some(Config { a: [1, -2, 3.5e-7], b: "
        "{\"k, memory_mib: 9\": (1, 'x', '\\''), \"z\": None}, c: Unit, d: std::Thing(\"}\") }), "
        "tuple: (), list: [], map: {}, nested: [[1], [2, [3]]], memory_mib: 7, eif_path: \"e\" }");
    assert_int_equal(a.memory_mib, 7);
    assert_int_equal(a.vcpus, 2);
    is_text(a.eif_path, "e");
}

static void strings_are_unescaped_and_never_looked_into(void **state)
{
    (void)state;
    struct run_args a = parse_ok(
        "RunEnclavesArgs { eif_path: \"q\\\"b\\\\n\\nr\\rt\\t0\\0a\\'u\\u{1f980}\\u{7}\", "
        "memory_mib: 5, enclave_name: Some(\"\\\"), memory_mib: 999, cpu_count: Some(99) }\") }");
    static const char path[] = "q\"b\\n\nr\rt\t0\0a'u\xF0\x9F\xA6\x80\a";
    assert_int_equal(a.eif_path.len, sizeof path - 1);
    assert_memory_equal(a.eif_path.ptr, path, sizeof path - 1);
    is_text(a.name, "\"), memory_mib: 999, cpu_count: Some(99) }");
    assert_int_equal(a.memory_mib, 5);
    assert_false(a.has_cpus);
}

static void broken_utf8_becomes_the_replacement_character(void **state)
{
    (void)state;
    struct run_args a = parse_ok("RunEnclavesArgs { eif_path: \"a\xFF\xC3z\xED\xA0\x80\", "
                                 "memory_mib: 5 }");
    is_text(a.eif_path, "a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void every_cut_of_a_good_text_is_refused(void **state)
{
    static const char text[] =
        "RunEnclavesArgs { eif_path: \"h\\u{e9}.eif\", enclave_cid: Some(4), memory_mib: 64, "
        "cpu_ids: Some([1, 5]), debug_mode: true, x: Y { z: (1, \"]\") }, cpu_count: None, "
        "enclave_name: Some(\"\\\"n\") }";
    struct run_args args;

    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        assert_int_equal(parse(bytes_of(text, n), &args), ERR_MALFORMED);
        assert_true(failure.at <= n);
    }
    assert_int_equal(parse(bytes_of(text, sizeof text - 1), &args), ERR_OK);
    assert_int_equal(parse(bytes_of(text, sizeof text), &args), ERR_MALFORMED);
}

static void what_rust_does_not_print_is_refused(void **state)
{
    (void)state;
    parse_bad("");
    parse_bad("RunEnclavesArgs { }");
    parse_bad("RunEnclavesArgs {eif_path: \"a\"}");
    parse_bad("DescribeArgs { eif_path: \"a\" }");
    parse_bad("RunEnclavesArgs { eif_path: 1 }");
    parse_bad("RunEnclavesArgs { eif_path: \"a\\q\" }");
    parse_bad("RunEnclavesArgs { eif_path: \"\\u{}\" }");
    parse_bad("RunEnclavesArgs { eif_path: \"\\u{d800}\" }");
    parse_bad("RunEnclavesArgs { eif_path: \"\\u{110000}\" }");
    parse_bad("RunEnclavesArgs { eif_path: \"\\u{0000001}\" }");
    parse_bad("RunEnclavesArgs { memory_mib: -1 }");
    parse_bad("RunEnclavesArgs { memory_mib: 9223372036854775808 }");
    parse_bad("RunEnclavesArgs { cpu_count: Some(2147483648) }");
    parse_bad("RunEnclavesArgs { cpu_ids: Some([1 2]) }");
    parse_bad("RunEnclavesArgs { debug_mode: maybe }");
    parse_bad("RunEnclavesArgs { memory_mib: Some(5 }");
    parse_bad("RunEnclavesArgs { memory_mib: 5 } trailing");
}

static void a_failure_says_whether_it_was_inside_a_string(void **state)
{
    (void)state;
    parse_bad("RunEnclavesArgs { eif_path: \"abc");
    assert_true(failure.in_string);
    parse_bad("RunEnclavesArgs { eif_path: \"abc\", memory_mib: 6[enc");
    assert_false(failure.in_string);
    assert_int_equal(failure.at, strlen("RunEnclavesArgs { eif_path: \"abc\", memory_mib: 6"));
}

/* `n` bytes of name, made of `unit`. */
static enum err parse_name(size_t n, const char *unit, struct run_args *args)
{
    static char text[4 * EVENT_STRING_MAX];
    size_t at = (size_t)snprintf(text, sizeof text, "RunEnclavesArgs { enclave_name: Some(\"");

    for (size_t i = 0; i < n; i++)
        text[at++] = unit[i % strlen(unit)];
    at += (size_t)snprintf(text + at, sizeof text - at, "\"), memory_mib: 3 }");
    return parse(bytes_of(text, at), args);
}

static void a_long_string_is_cut_at_a_character_and_the_rest_still_read(void **state)
{
    struct run_args a;

    (void)state;
    assert_int_equal(parse_name(EVENT_STRING_MAX - 1, "n", &a), ERR_OK);
    assert_int_equal(a.name.len, EVENT_STRING_MAX - 1);
    assert_int_equal(parse_name(EVENT_STRING_MAX, "n", &a), ERR_OK);
    assert_int_equal(a.name.len, EVENT_STRING_MAX);
    assert_false(a.shortened);
    assert_int_equal(parse_name(EVENT_STRING_MAX + 1, "n", &a), ERR_OK);
    assert_int_equal(a.name.len, EVENT_STRING_MAX);
    assert_true(a.shortened);
    assert_int_equal(a.memory_mib, 3);
    assert_int_equal(parse_name(EVENT_STRING_MAX + 2, "\xE6\x97\xA5", &a), ERR_OK);
    assert_int_equal(a.name.len, EVENT_STRING_MAX - EVENT_STRING_MAX % 3);
    assert_true(a.shortened);
}

static void more_cpus_than_can_be_listed_are_still_counted(void **state)
{
    static char text[16 * RUN_ARGS_CPU_IDS_MAX];

    (void)state;
    for (int n = RUN_ARGS_CPU_IDS_MAX - 1; n <= RUN_ARGS_CPU_IDS_MAX + 1; n++) {
        size_t at = (size_t)snprintf(text, sizeof text, "RunEnclavesArgs { cpu_ids: Some([0");
        for (int i = 1; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, ", %d", i);
        snprintf(text + at, sizeof text - at, "]), cpu_count: None }");
        struct run_args a = parse_ok(text);
        assert_int_equal(a.vcpus, n);
        assert_int_equal(a.cpu_ids_n, n < RUN_ARGS_CPU_IDS_MAX ? n : RUN_ARGS_CPU_IDS_MAX);
    }
}

static void nesting_is_bounded(void **state)
{
    char text[256];

    (void)state;
    for (int depth = RUST_DEBUG_DEPTH_MAX - 1; depth <= RUST_DEBUG_DEPTH_MAX + 2; depth++) {
        size_t at = (size_t)snprintf(text, sizeof text, "RunEnclavesArgs { x: ");
        memset(text + at, '[', (size_t)depth);
        memset(text + at + depth, ']', (size_t)depth);
        snprintf(text + at + 2 * depth, sizeof text - at - 2 * (size_t)depth, " }");
        if (depth <= RUST_DEBUG_DEPTH_MAX + 1)
            parse_ok(text);
        else
            parse_bad(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_is_understood),
        cmocka_unit_test(order_is_free_and_unknown_fields_of_any_shape_are_skipped),
        cmocka_unit_test(strings_are_unescaped_and_never_looked_into),
        cmocka_unit_test(broken_utf8_becomes_the_replacement_character),
        cmocka_unit_test(every_cut_of_a_good_text_is_refused),
        cmocka_unit_test(what_rust_does_not_print_is_refused),
        cmocka_unit_test(a_failure_says_whether_it_was_inside_a_string),
        cmocka_unit_test(a_long_string_is_cut_at_a_character_and_the_rest_still_read),
        cmocka_unit_test(more_cpus_than_can_be_listed_are_still_counted),
        cmocka_unit_test(nesting_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
