/*
 * Records of other writers' schemas: what resolves reads right, what cannot is refused when the
 * schema is compiled. Bodies come from Avro-C or are written by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/c/avro_buffer.h"
#include "schemas/c/codec.h"
#include "schemas/c/schema_reader.h"
#include "tests/unit/schemas_avro_c.h"
#include "tests/unit/schemas_random_schema.h"

enum { SCHEMAS = 400, EVENTS_PER_SCHEMA = 5, SCHEMA_CAP = 256 * 1024 };

static struct event_arena arena;
static struct random_event random_one;
static uint8_t buffer[2 * EVENT_RECORD_MAX];
static char schema_text[SCHEMA_CAP];

/* ---- random schemas ---------------------------------------------------------------------------
 */

static void fill_any(struct random_event *r, avro_value_t *v);

static void fill_bytes(struct random_event *r, avro_value_t *v)
{
    r->text_n = 0; /* the event is written into `v` already */
    avro_c_put_bytes(v, random_string(r));
}

static void fill_collection(struct random_event *r, avro_value_t *v)
{
    for (uint32_t i = 0, n = random_below(r, 4); i < n; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        avro_value_t child;

        if (avro_value_get_type(v) == AVRO_MAP)
            AVRO_CHECK(avro_value_add(v, key, &child, NULL, NULL));
        else
            AVRO_CHECK(avro_value_append(v, &child, NULL));
        fill_any(r, &child);
    }
}

static void fill_record(struct random_event *r, avro_value_t *v)
{
    size_t n;

    AVRO_CHECK(avro_value_get_size(v, &n));
    for (size_t i = 0; i < n; i++) {
        avro_value_t child;

        AVRO_CHECK(avro_value_get_by_index(v, i, &child, NULL));
        fill_any(r, &child);
    }
}

static void fill_any(struct random_event *r, avro_value_t *v)
{
    uint8_t fixed[64] = {0};
    avro_schema_t schema = avro_value_get_schema(v);
    avro_value_t branch;

    switch (avro_value_get_type(v)) {
    case AVRO_NULL: AVRO_CHECK(avro_value_set_null(v)); break;
    case AVRO_BOOLEAN: AVRO_CHECK(avro_value_set_boolean(v, (int)random_below(r, 2))); break;
    case AVRO_INT32: AVRO_CHECK(avro_value_set_int(v, random_int(r))); break;
    case AVRO_INT64: AVRO_CHECK(avro_value_set_long(v, random_long(r))); break;
    case AVRO_FLOAT: AVRO_CHECK(avro_value_set_float(v, 1.5f)); break;
    case AVRO_DOUBLE: AVRO_CHECK(avro_value_set_double(v, -2.5)); break;
    case AVRO_ENUM: AVRO_CHECK(avro_value_set_enum(v, (int)random_below(r, 3))); break;
    case AVRO_FIXED:
        AVRO_CHECK(avro_value_set_fixed(v, fixed, (size_t)avro_schema_fixed_size(schema)));
        break;
    case AVRO_UNION:
        AVRO_CHECK(avro_value_set_branch(
            v, (int)random_below(r, (uint32_t)avro_schema_union_size(schema)), &branch));
        fill_any(r, &branch);
        break;
    case AVRO_RECORD: fill_record(r, v); break;
    case AVRO_ARRAY:
    case AVRO_MAP: fill_collection(r, v); break;
    default: fill_bytes(r, v); break;
    }
}

/* Gives values to the fields that our schema does not have: their names start with x_. */
static void fill_unknown(struct random_event *r, avro_value_t *v)
{
    avro_type_t type = avro_value_get_type(v);
    avro_value_t child;
    size_t n;

    if (type == AVRO_UNION) {
        if (avro_value_get_current_branch(v, &child) == 0)
            fill_unknown(r, &child);
        return;
    }
    if (type != AVRO_RECORD && type != AVRO_ARRAY)
        return;
    AVRO_CHECK(avro_value_get_size(v, &n));
    for (size_t i = 0; i < n; i++) {
        const char *name = NULL;

        AVRO_CHECK(avro_value_get_by_index(v, i, &child, &name));
        if (type == AVRO_RECORD && strncmp(name, "x_", 2) == 0)
            fill_any(r, &child);
        else
            fill_unknown(r, &child);
    }
}

static size_t kind_bytes(const struct reader_field *field)
{
    switch (field->kind) {
    case READER_LONG: return sizeof(int64_t);
    case READER_INT: return sizeof(int32_t);
    case READER_BOOL: return sizeof(bool);
    case READER_UUID: return sizeof(struct event_uuid);
    case READER_ENUM: return sizeof(enum event_type);
    case READER_RECORD:
        return strcmp(field->name, "host") == 0     ? sizeof(struct event_host)
               : strcmp(field->name, "policy") == 0 ? sizeof(struct event_policy)
                                                    : 0;
    case READER_RUNS: return offsetof(struct event, host) - offsetof(struct event, running);
    default: return sizeof(struct bytes);
    }
}

/* What a reader makes of `field` if the writer does not have it. */
static void forget_field(uint8_t *base, const struct reader_group *group,
                         const struct reader_field *field)
{
    uint8_t *at = base + group->at + field->at;
    int64_t wide = field->missing;

    if (field->kind == READER_RECORD) /* host and policy, whose fields are absolute */
        at = base + field->record->groups[0].at;
    if (field->kind == READER_LONG)
        memcpy(at, &wide, sizeof wide);
    else if (field->kind == READER_INT)
        memcpy(at, &field->missing, sizeof field->missing);
    else
        memset(at, 0, kind_bytes(field));
    if (field->bit != 0)
        *(uint32_t *)(void *)(base + group->has_at) &= ~field->bit;
}

static void forget_in(uint8_t *base, const struct reader_record *record, const char *name)
{
    for (size_t g = 0; g < record->groups_n; g++)
        for (size_t i = 0; i < record->groups[g].fields_n; i++)
            if (strcmp(record->groups[g].fields[i].name, name) == 0)
                forget_field(base, &record->groups[g], &record->groups[g].fields[i]);
}

static const struct reader_record *field_record(const char *name)
{
    const struct reader_group *group = &reader_lifecycle_event.groups[0];

    for (size_t i = 0; i < group->fields_n; i++)
        if (strcmp(group->fields[i].name, name) == 0)
            return group->fields[i].record;
    abort();
}

/* Turns the event that was written into the one that a reader without those fields sees. */
static void forget(struct random_event *r, const char *record, const char *name)
{
    struct event *e = &r->event;
    const struct reader_record *run_state = field_record("running");
    const struct reader_record *run_facts = run_state->groups[0].fields[1].record;

    if (strcmp(record, "LifecycleEvent") == 0)
        forget_in((uint8_t *)e, &reader_lifecycle_event, name);
    if (strcmp(record, "HostFacts") == 0 && (e->has & EVENT_HAS_HOST))
        forget_in((uint8_t *)e, field_record("host"), name);
    if (strcmp(record, "Policy") == 0 && (e->has & EVENT_HAS_POLICY))
        forget_in((uint8_t *)e, field_record("policy"), name);
    for (uint32_t i = 0; i < e->running_n; i++) {
        if (strcmp(record, "RunFacts") == 0)
            forget_in((uint8_t *)&r->arena.runs[i], run_facts, name);
        if (strcmp(record, "RunState") == 0) /* only `full` can be left out */
            r->arena.runs[i] = (struct event_run){.run_id = r->arena.runs[i].run_id};
    }
}

static void check_schema(uint64_t seed, const struct random_schema *schema, const char *text)
{
    struct event_decoder *decoder;
    struct err_detail detail;
    struct avro_c avro_c;

    if (event_decoder_new(bytes_of_string(text), &decoder, &detail) != ERR_OK) {
        puts(text);
        fail_msg("seed %llu: %s", (unsigned long long)seed, detail.text);
    }
    avro_c_open(&avro_c, bytes_of_string(text));
    for (uint64_t i = 0; i < EVENTS_PER_SCHEMA; i++) {
        const char *difference;
        struct event read;
        size_t len;

        random_event_make(&random_one, seed * EVENTS_PER_SCHEMA + i);
        avro_c_set_event(&avro_c.value, &random_one.event);
        random_event_make(&random_one, seed * EVENTS_PER_SCHEMA + i);
        fill_unknown(&(struct random_event){.state = seed}, &avro_c.value);
        len = avro_c_write(&avro_c.value, buffer, sizeof buffer);
        if (len > EVENT_RECORD_MAX)
            continue;
        for (size_t d = 0; d < schema->dropped_n; d++)
            forget(&random_one, schema->dropped[d].record, schema->dropped[d].field);
        assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
        difference = event_difference(&random_one.event, &read);
        if (difference != NULL)
            fail_msg("seed %llu, event %llu: %s differs\n%s", (unsigned long long)seed,
                     (unsigned long long)i, difference, text);
    }
    avro_c_close(&avro_c);
    event_decoder_free(decoder);
}

static void any_schema_that_resolves_to_ours_is_read_right(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEMAS; seed++) {
        struct random_schema schema;
        char *text;

        random_one.state = seed;
        text = random_schema_make(&schema, &random_one, event_schema_json());
        check_schema(seed, &schema, text);
        free(text);
    }
}

/* ---- single cases -----------------------------------------------------------------------------
 */

/* Our schema with `from` replaced by `to`, once. */
static struct bytes schema_with(const char *from, const char *to)
{
    struct bytes ours = event_schema_json();
    const char *at = memmem(ours.ptr, ours.len, from, strlen(from));
    size_t before;

    assert_non_null(at);
    before = (size_t)(at - (const char *)ours.ptr);
    return bytes_of(schema_text,
                    (size_t)snprintf(schema_text, sizeof schema_text, "%.*s%s%s", (int)before,
                                     (const char *)ours.ptr, to, at + strlen(from)));
}

static enum err compile_with(const char *from, const char *to)
{
    struct event_decoder *decoder;
    struct err_detail detail;
    enum err err = event_decoder_new(schema_with(from, to), &decoder, &detail);

    event_decoder_free(decoder);
    return err;
}

static struct event_decoder *decoder_with(const char *from, const char *to)
{
    struct event_decoder *decoder;
    struct err_detail detail;

    if (event_decoder_new(schema_with(from, to), &decoder, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
    return decoder;
}

static const char seq_field[] = "{\"name\": \"seq\", \"type\": \"long\",";

static void a_type_that_ours_cannot_take_is_refused(void **state)
{
    static const char *const types[] = {"\"string\"",
                                        "\"double\"",
                                        "[\"boolean\", \"string\"]",
                                        "{\"type\": \"array\", \"items\": \"long\"}",
                                        "\"null\"",
                                        "[]"};

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char field[128];

        snprintf(field, sizeof field, "{\"name\": \"seq\", \"type\": %s,", types[i]);
        assert_int_equal(compile_with(seq_field, field), ERR_UNSUPPORTED);
    }
    assert_int_equal(compile_with("[\"null\", \"int\"]", "[\"null\", \"long\"]"), ERR_UNSUPPORTED);
    assert_int_equal(compile_with("\"size\": 16", "\"size\": 17"), ERR_UNSUPPORTED);
    assert_int_equal(compile_with("\"name\": \"EventType\"", "\"name\": \"Other\""),
                     ERR_UNSUPPORTED);
    assert_int_equal(compile_with("\"name\": \"LifecycleEvent\"", "\"name\": \"Other\""),
                     ERR_UNSUPPORTED);
    assert_int_equal(compile_with("\"enclave.metering.v1\"", "\"elsewhere\""), ERR_OK);
}

static void a_writer_without_a_field_that_has_no_default_is_refused(void **state)
{
    static const char *const required[] = {"type",    "instance_id", "producer_epoch", "seq",
                                           "boot_id", "event_time",  "observed_time"};

    (void)state;
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        char from[64];

        snprintf(from, sizeof from, "{\"name\": \"%s\"", required[i]);
        assert_int_equal(compile_with(from, "{\"name\": \"other\""), ERR_UNSUPPORTED);
    }
    assert_int_equal(compile_with("{\"name\": \"run_id\"", "{\"name\": \"other\""), ERR_OK);
}

static void an_int_is_promoted_to_our_long(void **state)
{
    struct event_decoder *decoder =
        decoder_with(seq_field, "{\"name\": \"seq\", \"type\": \"int\",");
    struct event event = ended_sample(), read;
    size_t len;

    (void)state;
    event.seq = INT32_MIN;
    assert_int_equal(event_encode(&event, buffer, sizeof buffer, &len), ERR_OK);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    assert_null(event_difference(&event, &read));
    event_decoder_free(decoder);
}

static void null_in_a_field_that_we_do_not_let_be_null_is_malformed(void **state)
{
    struct event_decoder *decoder =
        decoder_with(seq_field, "{\"name\": \"seq\", \"type\": [\"long\", \"null\"],");
    struct avro_c avro_c;
    struct event event = ended_sample(), read;
    avro_value_t field, branch;
    size_t len;

    (void)state;
    avro_c_open(&avro_c, bytes_of_string(schema_text));
    avro_c_set_event(&avro_c.value, &event);
    len = avro_c_write(&avro_c.value, buffer, sizeof buffer);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    assert_true(read.seq == event.seq);
    AVRO_CHECK(avro_value_get_by_name(&avro_c.value, "seq", &field, NULL));
    AVRO_CHECK(avro_value_set_branch(&field, 1, &branch));
    len = avro_c_write(&avro_c.value, buffer, sizeof buffer);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_MALFORMED);
    avro_c_close(&avro_c);
    event_decoder_free(decoder);
}

/* run_id stands among nullable fields, whose nulls are skipped together: not this one. */
static void null_among_nullable_fields_is_malformed_where_ours_is_not_null(void **state)
{
    struct event_decoder *decoder =
        decoder_with("{\"name\": \"run_id\", \"type\": \"string\",",
                     "{\"name\": \"run_id\", \"type\": [\"null\", \"string\"],");
    struct avro_c avro_c;
    struct event event = {.type = EVENT_TICK}, read;
    avro_value_t field, branch;
    size_t len;

    (void)state;
    avro_c_open(&avro_c, bytes_of_string(schema_text));
    avro_c_set_event(&avro_c.value, &event);
    len = avro_c_write(&avro_c.value, buffer, sizeof buffer);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    AVRO_CHECK(avro_value_get_by_name(&avro_c.value, "run_id", &field, NULL));
    AVRO_CHECK(avro_value_set_branch(&field, 0, &branch));
    len = avro_c_write(&avro_c.value, buffer, sizeof buffer);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_MALFORMED);
    avro_c_close(&avro_c);
    event_decoder_free(decoder);
}

static void a_writer_that_is_never_null_sets_the_presence_bit(void **state)
{
    struct event_decoder *decoder = decoder_with(
        "{\"name\": \"memory_mib\", \"type\": [\"null\", \"long\"], \"default\": null,",
        "{\"name\": \"memory_mib\", \"type\": \"int\",");
    struct avro_c avro_c;
    struct event event = ended_sample(), read;
    size_t len;

    (void)state;
    avro_c_open(&avro_c, bytes_of_string(schema_text));
    avro_c_set_event(&avro_c.value, &event);
    len = avro_c_write(&avro_c.value, buffer, sizeof buffer);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    assert_null(event_difference(&event, &read));
    assert_true(read.run.has & RUN_HAS_MEMORY_MIB);
    avro_c_close(&avro_c);
    event_decoder_free(decoder);
}

static void a_symbol_that_we_lack_is_unknown(void **state)
{
    struct event_decoder *decoder =
        decoder_with("\"UNKNOWN\", \"HOST_UP\"", "\"REBALANCED\", \"UNKNOWN\", \"HOST_UP\"");
    struct event event = ended_sample(), read;
    size_t len;

    (void)state;
    event.type = EVENT_UNKNOWN; /* index 0, which is REBALANCED there */
    assert_int_equal(event_encode(&event, buffer, sizeof buffer, &len), ERR_OK);
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    assert_int_equal(read.type, EVENT_UNKNOWN);
    buffer[0] = 2 << 1;
    assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
    assert_int_equal(read.type, EVENT_HOST_UP);
    event_decoder_free(decoder);
}

/* A writer whose first field is ours to skip: its encoding stands before that of ours. */
static enum err decode_behind(struct event_decoder *decoder, struct avro_writer prefix)
{
    struct event event = ended_sample(), read;
    size_t len;
    enum err err;

    assert_int_equal(event_encode(&event, prefix.ptr + prefix.len, prefix.cap - prefix.len, &len),
                     ERR_OK);
    err = event_decode(decoder, bytes_of(prefix.ptr, prefix.len + len), &arena, &read);
    if (err == ERR_OK)
        assert_null(event_difference(&event, &read));
    return err;
}

static struct event_decoder *decoder_with_extra(const char *type)
{
    char field[512];

    snprintf(field, sizeof field, "\"fields\": [{\"name\": \"x\", \"type\": %s},", type);
    return decoder_with("\"fields\": [", field);
}

static void unknown_arrays_are_skipped_by_items_and_by_byte_size(void **state)
{
    struct event_decoder *decoder = decoder_with_extra(
        "{\"type\": \"array\", \"items\": {\"type\": \"map\", \"values\": \"string\"}}");
    struct avro_writer w = avro_writer_over(buffer, sizeof buffer);

    (void)state;
    avro_put_long(&w, 2); /* two maps: one of two entries, one in a block with its size */
    avro_put_long(&w, 2);
    for (int i = 0; i < 4; i++)
        avro_put_bytes(&w, BYTES_LITERAL("text"));
    avro_put_long(&w, 0);
    avro_put_long(&w, -1);
    avro_put_long(&w, 2);
    avro_put_raw(&w, "\x00\x00", 2);
    avro_put_long(&w, 0);
    avro_put_long(&w, -1000); /* a block that is skipped by its size, whatever is in it */
    avro_put_long(&w, 3);
    avro_put_raw(&w, "???", 3);
    avro_put_long(&w, 0);
    assert_int_equal(decode_behind(decoder, w), ERR_OK);
    event_decoder_free(decoder);
}

static void items_without_bytes_cannot_be_counted_for_ever(void **state)
{
    static const char record[] = "{\"type\": \"record\", \"name\": \"R\", \"fields\": "
                                 "[{\"name\": \"n\", \"type\": \"null\"}]}";
    static const char *const items[] = {
        "\"null\"", "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 0}", record};

    (void)state;
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        char type[256];
        struct event_decoder *decoder;
        struct avro_writer w = avro_writer_over(buffer, sizeof buffer);

        snprintf(type, sizeof type, "{\"type\": \"array\", \"items\": %s}", items[i]);
        decoder = decoder_with_extra(type);
        avro_put_long(&w, INT64_MAX);
        avro_put_long(&w, INT64_MAX);
        avro_put_long(&w, 0);
        assert_int_equal(decode_behind(decoder, w), ERR_OK);
        event_decoder_free(decoder);
    }
}

static void a_union_branch_out_of_range_is_malformed_even_if_unknown(void **state)
{
    struct event_decoder *decoder = decoder_with_extra("[\"int\", \"string\", \"null\"]");

    (void)state;
    for (int64_t branch = -1; branch <= 3; branch++) {
        struct avro_writer w = avro_writer_over(buffer, sizeof buffer);

        avro_put_long(&w, branch);
        if (branch != 2)
            avro_put_long(&w, 0);
        assert_int_equal(decode_behind(decoder, w),
                         branch >= 0 && branch <= 2 ? ERR_OK : ERR_MALFORMED);
    }
    event_decoder_free(decoder);
}

/* `levels` arrays around an int. */
static enum err compile_nested(int levels)
{
    static const char open[] = "{\"type\": \"array\", \"items\": ";
    char type[2048] = "";
    char field[2200];

    for (int i = 0; i < levels; i++)
        strncat(type, open, sizeof type - strlen(type) - 1);
    strncat(type, "\"int\"", sizeof type - strlen(type) - 1);
    for (int i = 0; i < levels; i++)
        strncat(type, "}", sizeof type - strlen(type) - 1);
    snprintf(field, sizeof field, "\"fields\": [{\"name\": \"x\", \"type\": %s},", type);
    return compile_with("\"fields\": [", field);
}

static void nesting_is_limited(void **state)
{
    (void)state;
    assert_int_equal(compile_nested(14), ERR_OK);
    assert_int_equal(compile_nested(15), ERR_OK); /* the event itself is the sixteenth level */
    assert_int_equal(compile_nested(16), ERR_UNSUPPORTED);
    assert_int_equal(compile_nested(60), ERR_UNSUPPORTED);
}

static void recursive_schemas_are_refused(void **state)
{
    (void)state;
    assert_int_equal(
        compile_with("\"fields\": [",
                     "\"fields\": [{\"name\": \"x\", \"type\": {\"type\": \"record\", \"name\": "
                     "\"Tree\", \"fields\": [{\"name\": \"children\", \"type\": {\"type\": "
                     "\"array\", \"items\": \"Tree\"}}]}},"),
        ERR_UNSUPPORTED);
    assert_int_equal(
        compile_with("\"fields\": [",
                     "\"fields\": [{\"name\": \"x\", \"type\": [\"null\", \"LifecycleEvent\"]},"),
        ERR_UNSUPPORTED);
}

/* A text of a few hundred bytes that stands for 64^8 fields must be refused at once. */
static void a_schema_that_expands_without_end_is_refused(void **state)
{
    static char fields[64 * 1024];
    size_t n = (size_t)snprintf(fields, sizeof fields, "\"fields\": [");

    (void)state;
    for (int level = 0; level < 8; level++) {
        n += (size_t)snprintf(
            fields + n, sizeof fields - n,
            "{\"name\": \"x%d\", \"type\": {\"type\": \"record\", \"name\": \"L%d\", \"fields\": [",
            level, level);
        for (int i = 0; i < 64; i++)
            n += (size_t)(level == 0 ? snprintf(fields + n, sizeof fields - n,
                                                "%s{\"name\": \"f%d\", \"type\": \"null\"}",
                                                i == 0 ? "" : ",", i)
                                     : snprintf(fields + n, sizeof fields - n,
                                                "%s{\"name\": \"f%d\", \"type\": \"L%d\"}",
                                                i == 0 ? "" : ",", i, level - 1));
        n += (size_t)snprintf(fields + n, sizeof fields - n, "]}},");
    }
    assert_int_equal(compile_with("\"fields\": [", fields), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_schema_that_resolves_to_ours_is_read_right),
        cmocka_unit_test(a_type_that_ours_cannot_take_is_refused),
        cmocka_unit_test(a_writer_without_a_field_that_has_no_default_is_refused),
        cmocka_unit_test(an_int_is_promoted_to_our_long),
        cmocka_unit_test(null_in_a_field_that_we_do_not_let_be_null_is_malformed),
        cmocka_unit_test(null_among_nullable_fields_is_malformed_where_ours_is_not_null),
        cmocka_unit_test(a_writer_that_is_never_null_sets_the_presence_bit),
        cmocka_unit_test(a_symbol_that_we_lack_is_unknown),
        cmocka_unit_test(unknown_arrays_are_skipped_by_items_and_by_byte_size),
        cmocka_unit_test(items_without_bytes_cannot_be_counted_for_ever),
        cmocka_unit_test(a_union_branch_out_of_range_is_malformed_even_if_unknown),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(recursive_schemas_are_refused),
        cmocka_unit_test(a_schema_that_expands_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
