/*
 * Tenant map files: read strictly, kept in the store by their hash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/edge/books.h"
#include "tests/unit/temp_dir.h"
#include "tests/unit/usage_fixture.h"

#define PCR                                                                                        \
    "0A0b0c0000000000000000000000000000000000000000000000000000000000"                             \
    "00000000000000000000000000000000"

static const char EVERYTHING[] = "# who owns what\n"
                                 "tenants:\n"
                                 "  - {tenant: a, match: {pcr8: " PCR "}}\n"
                                 "  - {tenant: b, match: {pcr0: '" PCR "'}}\n"
                                 "  - {tenant: c, from: 2026-11-01T00:00Z, to: 2026-12-01T00:00Z, "
                                 "match: {metadata: {owner: c}}}\n"
                                 "  - {tenant: d, match: {instance_tag: {team: blue}}}\n"
                                 "  - tenant: e\n"
                                 "    match:\n"
                                 "      eif_path: /srv/e/*.eif\n"
                                 "  - {tenant: f, match: {name: 'web-[0-9]'}}\n";

static struct tenant_book *parse(const char *yaml)
{
    struct tenant_book *book;
    struct err_detail detail = {""};

    if (books_tenants_parse(bytes_of_string(yaml), "map.yaml", &book, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    return book;
}

static void every_kind_of_evidence_is_read(void **state)
{
    struct tenant_book *book = parse(EVERYTHING);
    const struct tenant_rule *rules = book->map.rules;

    (void)state;
    assert_int_equal(book->map.rules_n, TENANT_EVIDENCE_N);
    for (uint32_t i = 0; i < book->map.rules_n; i++) {
        assert_int_equal(rules[i].by, i);
        assert_int_equal(rules[i].tenant.ptr[0], 'a' + i);
    }
    assert_int_equal(rules[0].value.len, 48);
    assert_memory_equal(rules[0].value.ptr, "\x0a\x0b\x0c\0", 4);
    assert_int_equal(rules[2].from, 1793491200000);
    assert_int_equal(rules[2].to - rules[2].from, 30 * 24 * (int64_t)HOUR_MS);
    assert_int_equal(rules[3].from, INT64_MIN);
    assert_true(bytes_equal(rules[2].key, bytes_of_string("owner")));
    assert_true(bytes_equal(rules[4].value, bytes_of_string("/srv/e/*.eif")));
    assert_int_equal(rules[5].source_line, 10);
    books_tenants_free(book);
}

static void a_mistake_is_named_with_its_line_and_the_nearest_name(void **state)
{
    static const struct {
        const char *yaml, *complaint;
    } cases[] = {
        {"", "map.yaml: empty"},
        {"tenants", "map.yaml:1: a tenant map must be a mapping"},
        {"{}", "map.yaml:1: a tenant map needs the key 'tenants'"},
        {"tenant: []", "map.yaml:1: unknown key 'tenant'; did you mean 'tenants'?"},
        {"tenants: {}", "map.yaml:1: tenants must be a list"},
        {"tenants: []\ntenants: []", "map.yaml:2: tenants is given twice"},
        {"tenants:\n- x", "map.yaml:2: an entry of tenants must be a mapping"},
        {"tenants:\n- {tenant: a}", "map.yaml:2: an entry of tenants needs 'tenant' and 'match'"},
        {"tenants:\n- {tennant: a}", "map.yaml:2: unknown key 'tennant'; did you mean 'tenant'?"},
        {"tenants:\n- {tenant: Acme, match: {name: x}}", "must be 1 to 63 of a-z, 0-9 and '-'"},
        {"tenants:\n- {tenant: [a], match: {name: x}}", "map.yaml:2: tenant must be a text"},
        {"tenants:\n- {tenant: unattributed, match: {name: x}}", "is reserved"},
        {"tenants:\n- tenant: a\n  match: {nmae: x}",
         "map.yaml:3: unknown key 'nmae'; did you mean 'name'?"},
        {"tenants:\n- {tenant: a, match: {}}", "match must have exactly one key"},
        {"tenants:\n- {tenant: a, match: {name: x, pcr0: y}}", "match must have exactly one key"},
        {"tenants:\n- {tenant: a, match: {pcr0: abc}}", "pcr0 must be 96 hexadecimal digits"},
        {"tenants:\n- {tenant: a, match: {name: '['}}", "name: a pattern has a '['"},
        {"tenants:\n- {tenant: a, match: {name: ''}}", "name must not be empty"},
        {"tenants:\n- {tenant: a, match: {metadata: x}}", "metadata must be a mapping"},
        {"tenants:\n- {tenant: a, match: {metadata: {x: [1]}}}", "metadata must be a text"},
        {"tenants:\n- {tenant: a, match: {metadata: {x: 1, y: 2}}}", "must be one pair"},
        {"tenants:\n- {tenant: a, from: 2026-11-01T00:30Z, match: {name: x}}", "a whole hour"},
        {"tenants:\n- {tenant: a, from: yesterday, match: {name: x}}", "a whole hour"},
        {"tenants:\n- {tenant: a, from: 2026-11-01T00:00Z, to: 2026-11-01T00:00Z, match: {name: "
         "x}}",
         "never in force"},
        {"tenants: []\n---\ntenants: []", "map.yaml:2: a second document"},
        {"tenants: [", "not YAML"},
        {"\xff\xfe", "not YAML"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tenant_book *book;
        struct err_detail detail = {""};
        enum err e =
            books_tenants_parse(bytes_of_string(cases[i].yaml), "map.yaml", &book, &detail);

        if (e != ERR_CONFIG || strstr(detail.text, cases[i].complaint) == NULL)
            fail_msg("%s\ngave %s '%s', not '%s'", cases[i].yaml, err_name(e), detail.text,
                     cases[i].complaint);
    }
}

static void a_file_is_loaded_and_a_missing_one_is_named(void **state)
{
    char *directory = temp_dir_new(), path[1200];
    struct tenant_book *book;
    struct err_detail detail = {""};

    (void)state;
    snprintf(path, sizeof path, "%s/tenants.yaml", directory);
    assert_int_not_equal(books_tenants_load(path, &book, &detail), ERR_OK);
    assert_non_null(strstr(detail.text, path));
    temp_write_file(path, EVERYTHING, strlen(EVERYTHING));
    assert_int_equal(books_tenants_load(path, &book, &detail), ERR_OK);
    assert_int_equal(book->map.rules_n, 6);
    books_tenants_free(book);
    temp_dir_free(directory);
}

static void a_published_book_is_fetched_by_its_hash_and_a_changed_one_is_an_incident(void **state)
{
    char *directory = temp_dir_new(), uri[1200], path[1400];
    struct tenant_book *book = parse(EVERYTHING), *fetched;
    struct err_detail detail = {""};
    struct store *store;

    (void)state;
    snprintf(uri, sizeof uri, "file://%s", directory);
    assert_int_equal(store_open(uri, &store, NULL), ERR_OK);
    assert_int_equal(books_tenants_fetch(store, book->sha256, &fetched, NULL), ERR_NOT_FOUND);
    assert_int_equal(books_tenants_publish(store, book, NULL), ERR_OK);
    assert_int_equal(books_tenants_publish(store, book, NULL), ERR_OK);
    assert_int_equal(books_tenants_fetch(store, book->sha256, &fetched, NULL), ERR_OK);
    assert_true(bytes_equal(fetched->content, bytes_of_string(EVERYTHING)));
    books_tenants_free(fetched);
    snprintf(path, sizeof path, "%s/books/%s.yaml", directory, book->sha256);
    temp_write_file(path, "tenants: []", 11);
    assert_int_equal(books_tenants_fetch(store, book->sha256, &fetched, &detail), ERR_INCIDENT);
    assert_int_equal(books_tenants_publish(store, book, &detail), ERR_INCIDENT);
    store_close(store);
    books_tenants_free(book);
    temp_dir_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_evidence_is_read),
        cmocka_unit_test(a_mistake_is_named_with_its_line_and_the_nearest_name),
        cmocka_unit_test(a_file_is_loaded_and_a_missing_one_is_named),
        cmocka_unit_test(a_published_book_is_fetched_by_its_hash_and_a_changed_one_is_an_incident),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
