/*
 * Our codec against Avro-C, both directions, field for field, on random events of our schema.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/c/codec.h"
#include "tests/unit/schemas_avro_c.h"

enum { SEEDS = 1500 };

static struct avro_c avro_c;
static struct event_decoder *decoder;
static struct event_arena arena;
static struct random_event random_one;
static struct avro_c_event theirs;
static uint8_t buffer[EVENT_RECORD_MAX];

static int open_both(void **state)
{
    (void)state;
    avro_c_open(&avro_c, event_schema_json());
    return event_decoder_new(event_schema_json(), &decoder, NULL) == ERR_OK ? 0 : -1;
}

static int close_both(void **state)
{
    (void)state;
    avro_c_close(&avro_c);
    event_decoder_free(decoder);
    return 0;
}

static void check_equal(uint64_t seed, const struct event *read)
{
    const char *difference = event_difference(&random_one.event, read);

    if (difference != NULL)
        fail_msg("seed %llu: %s differs", (unsigned long long)seed, difference);
}

static void avro_c_reads_what_we_write(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        avro_reader_t reader;
        size_t len;

        random_event_make(&random_one, seed);
        assert_int_equal(event_encode(&random_one.event, buffer, sizeof buffer, &len), ERR_OK);
        reader = avro_reader_memory((const char *)buffer, (int64_t)len);
        AVRO_CHECK(avro_value_read(reader, &avro_c.value));
        avro_reader_free(reader);
        avro_c_get_event(&theirs, &avro_c.value);
        check_equal(seed, &theirs.event);
    }
}

static void we_read_what_avro_c_writes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct event read;
        size_t len;

        random_event_make(&random_one, seed);
        avro_c_set_event(&avro_c.value, &random_one.event);
        len = avro_c_write(&avro_c.value, buffer, sizeof buffer);
        assert_int_equal(event_decode(decoder, bytes_of(buffer, len), &arena, &read), ERR_OK);
        check_equal(seed, &read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_c_reads_what_we_write),
        cmocka_unit_test(we_read_what_avro_c_writes),
    };

    return cmocka_run_group_tests(tests, open_both, close_both);
}
