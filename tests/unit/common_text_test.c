/*
 * UTF-8 steps, hexadecimal text, nearest names, checksums and UUIDs: the small pure pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/crc32.h"
#include "common/hex.h"
#include "common/nearest.h"
#include "common/sha256.h"
#include "common/utf8.h"
#include "common/uuid.h"

static void assert_character(struct bytes text, uint32_t code_point, size_t expected_len)
{
    size_t len = 0;

    assert_int_equal(utf8_next(text, &len), code_point);
    assert_int_equal(len, expected_len);
}

static void characters_of_every_length_are_decoded(void **state)
{
    (void)state;
    assert_character(BYTES_LITERAL("a"), 'a', 1);
    assert_character(bytes_of("\0", 1), 0, 1);
    assert_character(BYTES_LITERAL("\x7F"), 0x7F, 1);
    assert_character(BYTES_LITERAL("\xC2\x80"), 0x80, 2);
    assert_character(BYTES_LITERAL("\xDF\xBF"), 0x7FF, 2);
    assert_character(BYTES_LITERAL("\xE0\xA0\x80"), 0x800, 3);
    assert_character(BYTES_LITERAL("\xEF\xBF\xBF"), 0xFFFF, 3);
    assert_character(BYTES_LITERAL("\xF0\x90\x80\x80"), 0x10000, 4);
    assert_character(BYTES_LITERAL("\xF4\x8F\xBF\xBF"), 0x10FFFF, 4);
}

static void bytes_that_are_no_character_are_stepped_over_one_by_one(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\x80",             /* continuation alone */
        "\xC0\x80",         /* overlong NUL */
        "\xC1\xBF",         /* overlong */
        "\xE0\x9F\xBF",     /* overlong */
        "\xF0\x8F\xBF\xBF", /* overlong */
        "\xED\xA0\x80",     /* surrogate */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF8\x88\x80\x80", /* five-byte form */
        "\xFF",
        "\xC2",
        "\xE2\x82",
        "\xC2\x41",
        "\xE2\x82\x41",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_character(bytes_of_string(rows[i]), UTF8_INVALID, 1);
        assert_false(utf8_is_valid(bytes_of_string(rows[i])));
    }
    assert_true(utf8_is_valid(BYTES_LITERAL("Zürich 東京 😀")));
    assert_true(utf8_is_valid(bytes_of(NULL, 0)));
}

static void what_breaks_or_turns_a_line_is_not_printable(void **state)
{
    (void)state;
    static const uint32_t unprintable[] = {
        0,      0x0A,   0x1B,   0x1F,   0x7F,   0x80,   0x85,   0x9F,   0x061C, 0x200E,  0x200F,
        0x2028, 0x2029, 0x202A, 0x202E, 0x2066, 0x2069, 0xFEFF, 0xFFFE, 0xFFFF, 0x1FFFF, 0x110000};
    static const uint32_t printable[] = {0x20,   0x7E,   0xA0,   0x200D,  0x2027,  0x202F,
                                         0x2065, 0x206A, 0xFFFD, 0x1F600, 0x10FFFD};

    for (size_t i = 0; i < sizeof unprintable / sizeof unprintable[0]; i++)
        assert_false(utf8_is_printable(unprintable[i]));
    for (size_t i = 0; i < sizeof printable / sizeof printable[0]; i++)
        assert_true(utf8_is_printable(printable[i]));
}

static void a_prefix_never_cuts_a_character(void **state)
{
    (void)state;
    struct bytes text = BYTES_LITERAL("a€😀"); /* 1 + 3 + 4 bytes */
    static const size_t expected[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};

    for (size_t max = 0; max < sizeof expected / sizeof expected[0]; max++)
        assert_int_equal(utf8_prefix(text, max).len, expected[max]);
    /* What is not UTF-8 is cut anywhere, but it is cut. */
    assert_int_equal(utf8_prefix(BYTES_LITERAL("\x80\x80\x80\x80\x80\x80"), 5).len, 5);
}

static void hexadecimal_text_goes_both_ways(void **state)
{
    (void)state;
    static const uint8_t raw[] = {0x00, 0x7F, 0x80, 0xFF};
    char text[9];
    uint8_t back[4];

    assert_string_equal(hex_format(bytes_of(raw, sizeof raw), text), "007f80ff");
    assert_int_equal(hex_parse(BYTES_LITERAL("007F80fF"), back, sizeof back), ERR_OK);
    assert_memory_equal(back, raw, sizeof raw);
    assert_int_equal(hex_parse(BYTES_LITERAL("007f80f"), back, 4), ERR_MALFORMED);
    assert_int_equal(hex_parse(BYTES_LITERAL("007f80ff0"), back, 4), ERR_MALFORMED);
    assert_int_equal(hex_parse(BYTES_LITERAL("007f80ff00"), back, 4), ERR_MALFORMED);
    assert_int_equal(hex_parse(BYTES_LITERAL("007f80fg"), back, 4), ERR_MALFORMED);
    assert_int_equal(hex_parse(BYTES_LITERAL("0x7f80ff"), back, 4), ERR_MALFORMED);
    assert_int_equal(hex_parse(bytes_of(NULL, 0), back, 0), ERR_OK);
}

static uint32_t crc_bit_by_bit(struct bytes bytes)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
    }
    return ~crc;
}

static void crc_32c_gives_the_published_values(void **state)
{
    (void)state;
    uint8_t block[32];

    assert_int_equal(crc32c(0, bytes_of(NULL, 0)), 0);
    assert_int_equal(crc32c(0, BYTES_LITERAL("123456789")), 0xE3069283);
    /* RFC 3720, B.4 */
    memset(block, 0, sizeof block);
    assert_int_equal(crc32c(0, bytes_of(block, sizeof block)), 0x8A9136AA);
    memset(block, 0xFF, sizeof block);
    assert_int_equal(crc32c(0, bytes_of(block, sizeof block)), 0x62A8AB43);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes_of(block, sizeof block)), 0x46DD794E);
}

static void crc_32c_equals_the_division_bit_by_bit_and_can_be_continued(void **state)
{
    (void)state;
    uint8_t all[256];

    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
        assert_int_equal(crc32c(0, bytes_of(&all[i], 1)), crc_bit_by_bit(bytes_of(&all[i], 1)));
    }
    uint32_t whole = crc32c(0, bytes_of(all, sizeof all));
    assert_int_equal(whole, crc_bit_by_bit(bytes_of(all, sizeof all)));
    for (size_t cut = 0; cut <= sizeof all; cut++)
        assert_int_equal(
            crc32c(crc32c(0, bytes_of(all, cut)), bytes_of(all + cut, sizeof all - cut)), whole);
}

static void sha_256_gives_the_published_values(void **state)
{
    (void)state;
    char text[SHA256_TEXT_SIZE];

    assert_string_equal(sha256_text_of(bytes_of(NULL, 0), text),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(sha256_text_of(BYTES_LITERAL("abc"), text),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void distances_count_edits_and_swaps(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"a", "", 1},
        {"", "abc", 3},
        {"path", "path", 0},
        {"path", "apth", 1},
        {"path", "pth", 1},
        {"path", "paths", 1},
        {"path", "pash", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3},
        {"journal", "jurnal", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(nearest_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(nearest_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void names_up_to_the_limit_are_compared(void **state)
{
    (void)state;
    char name[NEAREST_NAME_MAX + 2];

    memset(name, 'x', sizeof name);
    name[NEAREST_NAME_MAX] = '\0';
    assert_int_equal(nearest_distance(name, name), 0);
    name[NEAREST_NAME_MAX] = 'x';
    name[NEAREST_NAME_MAX + 1] = '\0';
    assert_true(nearest_distance(name, name) == SIZE_MAX);
}

static void only_a_close_name_is_suggested(void **state)
{
    (void)state;
    struct nearest nearest;

    nearest_init(&nearest, "jurnal.path");
    nearest_offer(&nearest, "http.listen");
    assert_null(nearest_best(&nearest));
    nearest_offer(&nearest, "journal.size");
    nearest_offer(&nearest, "journal.path");
    nearest_offer(&nearest, "journal.paths");
    assert_string_equal(nearest_best(&nearest), "journal.path");
    nearest_init(&nearest, "x");
    nearest_offer(&nearest, "run");
    assert_null(nearest_best(&nearest));
}

static void uuids_are_of_version_four_and_differ(void **state)
{
    (void)state;
    uint8_t one[UUID_BYTES];
    uint8_t other[UUID_BYTES];

    for (int i = 0; i < 64; i++) {
        assert_int_equal(uuid_random(one, NULL), ERR_OK);
        assert_int_equal(uuid_random(other, NULL), ERR_OK);
        assert_int_equal(one[6] >> 4, 4);
        assert_int_equal(one[8] >> 6, 2);
        assert_memory_not_equal(one, other, UUID_BYTES);
    }
}

static void uuids_go_to_text_and_back(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "001122334455-6677-8899-aabbccddeeff--",
        "00112233+4455-6677-8899-aabbccddeeff",
        "0011223g-4455-6677-8899-aabbccddeeff",
        "{0112233-4455-6677-8899-aabbccddeef}",
    };
    uint8_t uuid[UUID_BYTES];
    char text[UUID_TEXT_SIZE];

    assert_int_equal(uuid_parse_text(BYTES_LITERAL("00112233-4455-6677-8899-AABBCCDDEEFF"), uuid),
                     ERR_OK);
    for (size_t i = 0; i < UUID_BYTES; i++)
        assert_int_equal(uuid[i], 0x11 * i);
    assert_string_equal(uuid_format(uuid, text), "00112233-4455-6677-8899-aabbccddeeff");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(uuid_parse_text(bytes_of_string(refused[i]), uuid), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_every_length_are_decoded),
        cmocka_unit_test(bytes_that_are_no_character_are_stepped_over_one_by_one),
        cmocka_unit_test(what_breaks_or_turns_a_line_is_not_printable),
        cmocka_unit_test(a_prefix_never_cuts_a_character),
        cmocka_unit_test(hexadecimal_text_goes_both_ways),
        cmocka_unit_test(crc_32c_gives_the_published_values),
        cmocka_unit_test(crc_32c_equals_the_division_bit_by_bit_and_can_be_continued),
        cmocka_unit_test(sha_256_gives_the_published_values),
        cmocka_unit_test(distances_count_edits_and_swaps),
        cmocka_unit_test(names_up_to_the_limit_are_compared),
        cmocka_unit_test(only_a_close_name_is_suggested),
        cmocka_unit_test(uuids_are_of_version_four_and_differ),
        cmocka_unit_test(uuids_go_to_text_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
