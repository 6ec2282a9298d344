/*
 * Schema texts: what is a schema, fingerprints against published ones, and that the tables in C say
 * the same as schemas/lifecycle_event.avsc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "schemas/c/codec.h"
#include "schemas/c/schema_parse.h"
#include "schemas/c/schema_reader.h"
#include "schemas/c/schema_text.h"

static char text[2 * SCHEMA_TEXT_MAX];

static enum err fingerprint(const char *schema, uint64_t *value)
{
    return avro_schema_fingerprint(bytes_of_string(schema), value, NULL);
}

/* ---- fingerprints -----------------------------------------------------------------------------
 */

static void fingerprints_are_those_that_avro_publishes(void **state)
{
    /* The primitives: share/test/data/schema-tests.txt of Apache Avro. The others: fastavro. */
    static const struct {
        const char *schema;
        uint64_t fingerprint;
    } published[] = {
        {"\"null\"", 7195948357588979594},
        {"\"boolean\"", (uint64_t)-6970731678124411036},
        {"\"int\"", 8247732601305521295},
        {"\"long\"", (uint64_t)-3434872931120570953},
        {"\"float\"", 5583340709985441680},
        {"\"double\"", (uint64_t)-8181574048448539266},
        {"\"bytes\"", 5746618253357095269},
        {"\"string\"", (uint64_t)-8142146995180207161},
        {"{\"type\":\"fixed\",\"name\":\"foo\",\"size\":15}", 0x18602ec3ed31a504},
        {"{\"type\":\"enum\",\"name\":\"a.b.foo\",\"symbols\":[\"A1\"],\"namespace\":\"x.y\"}",
         0xc68e74da76b48e5d},
        {"[\"int\",{\"items\":\"boolean\",\"type\":\"array\"}]", 0x0a0997d35b2af3a8},
        {"{\"fields\":[{\"type\":{\"type\":\"boolean\"},\"name\":\"f1\"},{\"name\":\"next\","
         "\"type\":[\"null\",\"PigValue\"]}],\"type\":\"record\",\"name\":\"PigValue\","
         "\"namespace\":\"x.y\"}",
         0x40126cad9bce8ae7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        uint64_t value;

        assert_int_equal(fingerprint(published[i].schema, &value), ERR_OK);
        assert_true(value == published[i].fingerprint);
    }
}

static void documentation_defaults_and_spaces_do_not_count(void **state)
{
    uint64_t plain, decorated, other;

    (void)state;
    assert_int_equal(fingerprint("{\"type\":\"record\",\"name\":\"n.R\",\"fields\":["
                                 "{\"name\":\"t\",\"type\":\"long\"}]}",
                                 &plain),
                     ERR_OK);
    assert_int_equal(
        fingerprint(" { \"doc\" : \"d\", \"namespace\" : \"n\",\n\"fields\":[ {\"default\":1,"
                    "\"type\":{\"logicalType\":\"timestamp-millis\",\"type\":\"long\"},"
                    "\"name\":\"\\u0074\",\"doc\":\"e\",\"aliases\":[\"z\"]}],\n"
                    "\"name\":\"R\",\"type\":\"record\" }\n",
                    &decorated),
        ERR_OK);
    assert_true(plain == decorated);
    assert_int_equal(fingerprint("{\"type\":\"record\",\"name\":\"m.R\",\"fields\":["
                                 "{\"name\":\"t\",\"type\":\"long\"}]}",
                                 &other),
                     ERR_OK);
    assert_true(plain != other);
}

static void the_compiled_in_fingerprints_are_those_of_the_texts(void **state)
{
    const struct {
        const char *name;
        struct bytes text;
        uint64_t fingerprint;
    } all[] = {
#define X(name) {#name, schema_text_##name(), schema_fingerprint_##name()}
        X(archive_record), X(lifecycle_event), X(rollup_enclave), X(rollup_tenant), X(usage_line),
#undef X
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char path[512];
        uint64_t value;
        size_t len;
        FILE *f;

        snprintf(path, sizeof path, EM_SOURCE_DIR "/schemas/%s.avsc", all[i].name);
        f = fopen(path, "rb");
        assert_non_null(f);
        len = fread(text, 1, sizeof text, f);
        fclose(f);
        assert_true(bytes_equal(all[i].text, bytes_of(text, len)));
        assert_int_equal(all[i].text.ptr[len], 0);
        assert_int_equal(avro_schema_fingerprint(all[i].text, &value, NULL), ERR_OK);
        assert_true(value == all[i].fingerprint);
    }
}

/* ---- what is a schema -------------------------------------------------------------------------
 */

static void what_is_no_schema_is_refused(void **state)
{
    static const char *const broken[] = {
        "",
        "nonsense",
        "\"int\" 1",
        "{",
        "1",
        "null",
        "{}",
        "\"Unknown\"",
        "[\"int\", [\"long\"]]",
        "{\"type\":\"array\"}",
        "{\"type\":\"map\"}",
        "{\"type\":\"fixed\",\"name\":\"F\"}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1.5}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1e300}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":\"16\"}",
        "{\"type\":\"fixed\",\"name\":\"9\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\"a..b\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\".b\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\"\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"a b\",\"size\":1}",
        "{\"type\":\"enum\",\"name\":\"E\"}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a-b\"]}",
        "{\"type\":\"record\",\"name\":\"R\"}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[1]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a.b\",\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"a\",\"type\":\"int\"}]}",
        "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},"
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct event_decoder *decoder;
        uint64_t value;

        if (fingerprint(broken[i], &value) != ERR_MALFORMED)
            fail_msg("accepted: %s", broken[i]);
        assert_int_equal(event_decoder_new(bytes_of_string(broken[i]), &decoder, NULL),
                         ERR_MALFORMED);
        assert_null(decoder);
    }
}

static void references_follow_namespaces(void **state)
{
    uint64_t value;

    (void)state;
    assert_int_equal(fingerprint("{\"type\":\"record\",\"name\":\"a.R\",\"fields\":["
                                 "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"b.F\","
                                 "\"size\":2}},{\"name\":\"y\",\"type\":\"b.F\"}]}",
                                 &value),
                     ERR_OK);
    assert_int_equal(fingerprint("{\"type\":\"record\",\"name\":\"a.R\",\"fields\":["
                                 "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"b.F\","
                                 "\"size\":2}},{\"name\":\"y\",\"type\":\"F\"}]}",
                                 &value),
                     ERR_MALFORMED);
    assert_int_equal(
        fingerprint("{\"type\":\"record\",\"name\":\"a.R\",\"fields\":["
                    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
                    "\"namespace\":\"\",\"size\":2}},{\"name\":\"y\",\"type\":\"a.F\"}]}",
                    &value),
        ERR_MALFORMED);
}

/* ---- limits: one below, at, one above ---------------------------------------------------------
 */

static void a_schema_text_may_have_up_to_its_limit_of_bytes(void **state)
{
    uint64_t value;

    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, "\"int\"", 5);
    for (size_t len = SCHEMA_TEXT_MAX - 1; len <= SCHEMA_TEXT_MAX + 1; len++)
        assert_int_equal(avro_schema_fingerprint(bytes_of(text, len), &value, NULL),
                         len <= SCHEMA_TEXT_MAX ? ERR_OK : ERR_LIMIT);
}

static void an_enum_may_have_up_to_its_limit_of_symbols(void **state)
{
    (void)state;
    for (int n = SCHEMA_MEMBERS_MAX - 1; n <= SCHEMA_MEMBERS_MAX + 1; n++) {
        size_t len =
            (size_t)snprintf(text, sizeof text, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[");
        uint64_t value;

        for (int i = 0; i < n; i++)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%s\"S%d\"", i == 0 ? "" : ",", i);
        memcpy(text + len, "]}", 3);
        assert_int_equal(fingerprint(text, &value), n <= SCHEMA_MEMBERS_MAX ? ERR_OK : ERR_LIMIT);
    }
}

static void a_schema_may_define_up_to_its_limit_of_names(void **state)
{
    (void)state;
    for (int n = SCHEMA_NAMED_MAX - 1; n <= SCHEMA_NAMED_MAX + 1; n++) {
        size_t len =
            (size_t)snprintf(text, sizeof text, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
        uint64_t value;

        for (int i = 0; i < n - 1; i++) /* the record is the n-th */
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "%s{\"name\":\"f%d\",\"type\":{\"type\":\"fixed\",\"name\":"
                                    "\"F%d\",\"size\":1}}",
                                    i == 0 ? "" : ",", i, i);
        memcpy(text + len, "]}", 3);
        assert_int_equal(fingerprint(text, &value), n <= SCHEMA_NAMED_MAX ? ERR_OK : ERR_LIMIT);
    }
}

static void types_may_nest_up_to_their_limit(void **state)
{
    (void)state;
    for (int n = SCHEMA_PARSE_NESTING_MAX - 1; n <= SCHEMA_PARSE_NESTING_MAX + 1; n++) {
        size_t len = 0;
        uint64_t value;

        for (int i = 0; i < n; i++)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "{\"type\":\"array\",\"items\":");
        len += (size_t)snprintf(text + len, sizeof text - len, "\"int\"");
        for (int i = 0; i < n; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "}");
        assert_int_equal(fingerprint(text, &value),
                         n <= SCHEMA_PARSE_NESTING_MAX ? ERR_OK : ERR_LIMIT);
    }
}

/* ---- the reader's table against the .avsc ------------------------------------------------------
 */

static const struct reader_field *find(const struct reader_record *record, const char *name)
{
    for (size_t g = 0; g < record->groups_n; g++)
        for (size_t i = 0; i < record->groups[g].fields_n; i++)
            if (strcmp(record->groups[g].fields[i].name, name) == 0)
                return &record->groups[g].fields[i];
    return NULL;
}

static const cJSON *item(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool is_empty_default(const cJSON *value)
{
    return cJSON_IsNull(value) || cJSON_IsFalse(value) ||
           (cJSON_IsNumber(value) && value->valuedouble == 0) ||
           (cJSON_IsString(value) &&
            (value->valuestring[0] == '\0' || strcmp(value->valuestring, "UNKNOWN") == 0)) ||
           ((cJSON_IsArray(value) || cJSON_IsObject(value)) && value->child == NULL);
}

static void compare_record(const struct reader_record *ours, const cJSON *record);

static void compare_symbols(const struct reader_symbols *ours, const cJSON *type)
{
    const cJSON *symbols = item(type, "symbols");

    if (cJSON_IsString(type)) /* a second use */
        return;
    assert_string_equal(item(type, "name")->valuestring, ours->name);
    assert_string_equal(item(type, "default")->valuestring, "UNKNOWN");
    assert_int_equal(cJSON_GetArraySize(symbols), ours->n);
    for (size_t i = 0; i < ours->n; i++)
        assert_string_equal(cJSON_GetArrayItem(symbols, (int)i)->valuestring, ours->symbols[i]);
}

static void compare_field(const struct reader_field *ours, const cJSON *field)
{
    const cJSON *type = item(field, "type");
    const cJSON *missing = item(field, "default");
    bool nullable = cJSON_IsArray(type);

    assert_non_null(item(field, "doc"));
    assert_int_equal(ours->nullable, nullable);
    assert_int_equal(ours->required, missing == NULL);
    if (missing != NULL && ours->missing == 0)
        assert_true(is_empty_default(missing));
    if (ours->missing != 0)
        assert_true(cJSON_IsNumber(missing) && missing->valueint == ours->missing);
    if (nullable) {
        assert_string_equal(cJSON_GetArrayItem(type, 0)->valuestring, "null");
        type = cJSON_GetArrayItem(type, 1);
    }
    if (ours->kind == READER_RECORD)
        compare_record(ours->record, type);
    if (ours->kind == READER_RUNS)
        compare_record(ours->record, item(type, "items"));
    if (ours->kind == READER_ENUM)
        compare_symbols(ours->symbols, type);
}

static void compare_record(const struct reader_record *ours, const cJSON *record)
{
    const cJSON *field;
    size_t n = 0;

    assert_string_equal(item(record, "name")->valuestring, ours->name);
    cJSON_ArrayForEach(field, item(record, "fields"))
    {
        const struct reader_field *found = find(ours, item(field, "name")->valuestring);

        if (found == NULL)
            fail_msg("%s is not in the reader's table", item(field, "name")->valuestring);
        compare_field(found, field);
        n++;
    }
    for (size_t g = 0; g < ours->groups_n; g++)
        n -= ours->groups[g].fields_n;
    assert_int_equal(n, 0);
}

static void the_readers_table_is_the_lifecycle_schema(void **state)
{
    struct bytes ours = event_schema_json();
    cJSON *schema = cJSON_ParseWithLength((const char *)ours.ptr, ours.len);

    (void)state;
    compare_record(&reader_lifecycle_event, schema);
    cJSON_Delete(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_are_those_that_avro_publishes),
        cmocka_unit_test(documentation_defaults_and_spaces_do_not_count),
        cmocka_unit_test(the_compiled_in_fingerprints_are_those_of_the_texts),
        cmocka_unit_test(what_is_no_schema_is_refused),
        cmocka_unit_test(references_follow_namespaces),
        cmocka_unit_test(a_schema_text_may_have_up_to_its_limit_of_bytes),
        cmocka_unit_test(an_enum_may_have_up_to_its_limit_of_symbols),
        cmocka_unit_test(a_schema_may_define_up_to_its_limit_of_names),
        cmocka_unit_test(types_may_nest_up_to_their_limit),
        cmocka_unit_test(the_readers_table_is_the_lifecycle_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
