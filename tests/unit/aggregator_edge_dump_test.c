/*
 * Parts and rollups as JSON lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/edge/avro_json.h"
#include "tests/unit/temp_dir.h"

struct lines {
    char text[8192];
};

static void note_line(void *context, struct bytes json)
{
    struct lines *lines = context;
    size_t n = strlen(lines->text);

    snprintf(lines->text + n, sizeof lines->text - n, "%.*s\n", BYTES_ARGS(json));
}

static enum err dump(const char *file, size_t cut, struct lines *lines)
{
    char path[1200];
    struct stat st;

    snprintf(path, sizeof path, "%s/rollup/%s", EM_TEST_DATA, file);
    uint8_t *content = temp_read_file(path, &st);
    size_t len = (size_t)st.st_size - cut;
    uint8_t *exact = malloc(len);

    memcpy(exact, content, len);
    free(content);
    lines->text[0] = '\0';
    enum err e = avro_json_each_row(bytes_of(exact, len), note_line, lines, NULL);

    free(exact);
    return e;
}

static void a_part_is_shown_with_its_statement_and_its_lines(void **state)
{
    struct lines lines;

    (void)state;
    assert_int_equal(dump("part.avro", 0, &lines), ERR_OK);
    assert_ptr_equal(strstr(lines.text, "{\"enclave.part\":{\"complete\":true,"), lines.text);
    assert_non_null(strstr(lines.text, "\n{\"line_kind\":\"USAGE\","));
    assert_non_null(strstr(lines.text, "\"hour\":\"2026-11-20T13:00:00.000Z\""));
    assert_non_null(strstr(lines.text, "\"instance_tags\":{\"team\":\"blue\"}"));
    assert_non_null(strstr(lines.text, "\"enclave_id\":null"));
}

static void a_rollup_is_shown_line_by_line(void **state)
{
    struct lines lines;

    (void)state;
    assert_int_equal(dump("tenants.avro", 0, &lines), ERR_OK);
    assert_string_equal(
        lines.text,
        "{\"tenant\":\"acme\",\"enclaves\":1,\"running_ms\":1799000,\"held_ms\":1800000,"
        "\"vcpu_ms\":3600000,\"mib_ms\":921600000,\"cost\":null,\"currency\":null,"
        "\"status\":\"CLOSED\",\"complete\":true}\n"
        "{\"tenant\":\"unattributed\",\"enclaves\":1,\"running_ms\":59000,\"held_ms\":60000,"
        "\"vcpu_ms\":120000,\"mib_ms\":30720000,\"cost\":null,\"currency\":null,"
        "\"status\":\"CLOSED\",\"complete\":true}\n"
        "{\"tenant\":\"zeta\",\"enclaves\":1,\"running_ms\":3599000,\"held_ms\":3600000,"
        "\"vcpu_ms\":7200000,\"mib_ms\":1843200000,\"cost\":null,\"currency\":null,"
        "\"status\":\"PROVISIONAL\",\"complete\":true}\n");
}

static void what_is_cut_or_not_avro_is_an_error(void **state)
{
    struct lines lines;

    (void)state;
    assert_int_not_equal(dump("tenants.avro", 1, &lines), ERR_OK);
    assert_int_not_equal(dump("tenants.avro", 60, &lines), ERR_OK);
    assert_int_not_equal(dump("tenants.csv", 0, &lines), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_shown_with_its_statement_and_its_lines),
        cmocka_unit_test(a_rollup_is_shown_line_by_line),
        cmocka_unit_test(what_is_cut_or_not_avro_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
